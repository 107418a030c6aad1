// SPDX-License-Identifier: Apache-2.0

/** How long Entra is left alone after it said no: longer each time, as long as it asked, and not all of us at once. */

import type { Clock } from '../clock.ts';
import type { RefusalReason } from '../refusal.ts';

const WAIT_MS_MIN = 1000;
const WAIT_MS_MAX = 60 * 1000;
/** Somebody has to change a configuration or a tenant first. */
const WAIT_MISCONFIGURED_MS = 30 * 1000;
/** At most this part is added, so that hosts that failed together do not come back together. */
const JITTER = 0.25;

export interface RefusedAnswer {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly retryAfterS: number;
}

export interface Failure {
  readonly reason: RefusalReason;
  readonly misconfigured: boolean;
  readonly retryAfterMs?: number | undefined;
}

export class BackOff {
  #failures = 0;
  #refused: { readonly reason: RefusalReason; readonly untilMs: number } | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;

  /** `random` in [0, 1). */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The refusal that still holds. */
  current(): RefusedAnswer | undefined {
    const refused = this.#refused;
    return refused !== undefined && this.#clock.monotonicMs() < refused.untilMs ? this.#answer(refused) : undefined;
  }

  failed(failure: Failure): RefusedAnswer {
    this.#failures += 1;
    const growing = Math.min(WAIT_MS_MIN * 2 ** (this.#failures - 1), WAIT_MS_MAX) * (1 + JITTER * this.#random());
    const waitMs = failure.misconfigured ? WAIT_MISCONFIGURED_MS : Math.max(growing, failure.retryAfterMs ?? 0);
    this.#refused = { reason: failure.reason, untilMs: this.#clock.monotonicMs() + waitMs };
    return this.#answer(this.#refused);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#refused = undefined;
  }

  /** Seconds are rounded up, so that a client that keeps to them is not refused again. */
  #answer({ reason, untilMs }: { reason: RefusalReason; untilMs: number }): RefusedAnswer {
    const retryAfterS = Math.max(1, Math.ceil((untilMs - this.#clock.monotonicMs()) / 1000));
    return { kind: 'refused', reason, retryAfterS };
  }
}
