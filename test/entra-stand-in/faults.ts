// SPDX-License-Identifier: Apache-2.0

/** What goes wrong next, in order, at the token endpoint or at the key set. Without a fault all is well. */

import type { TokenAlteration } from './access-token.ts';
import type { AadstsCode } from './entra-error.ts';

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number; readonly body?: string }
  | { readonly kind: 'aadsts'; readonly code: AadstsCode }
  /** Take the request and never answer. */
  | { readonly kind: 'hang' }
  /** Take the request and close the connection. */
  | { readonly kind: 'drop' }
  /** Answer late, but rightly. */
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'token'; readonly alteration: TokenAlteration };

export type FaultPlace = 'token' | 'keys';

export interface Faults {
  /** The next `times` requests at `place` meet `fault`. */
  add(place: FaultPlace, fault: Fault, times?: number): void;
  clear(): void;
  /** Used by the server: the fault that the request at hand meets. */
  take(place: FaultPlace): Fault | undefined;
}

export function createFaults(): Faults {
  let waiting: { place: FaultPlace; fault: Fault; left: number }[] = [];
  return {
    add(place, fault, times = 1) {
      waiting.push({ place, fault, left: times });
    },
    clear() {
      waiting = [];
    },
    take(place) {
      const next = waiting.find((entry) => entry.place === place);
      if (next === undefined) return undefined;
      next.left -= 1;
      if (next.left <= 0) waiting = waiting.filter((entry) => entry !== next);
      return next.fault;
    },
  };
}
