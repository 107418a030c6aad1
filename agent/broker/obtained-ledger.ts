// SPDX-License-Identifier: Apache-2.0

/**
 * Which session was seen to obtain which token past the broker: in the answer of a token endpoint that it asked itself. A
 * session that uses a token which only others obtained was handed it, or took it.
 *
 * What is seen on the wire is of the workload's making, so one session can fill no more than its own share.
 */

import type { Clock } from './clock.ts';
import type { TokenHolder } from './token-event.ts';

export interface ObtainedToken {
  readonly fingerprint: string;
  readonly expiresAtMs: number;
}

export interface Obtainment {
  readonly holder: TokenHolder;
  /** Who answered: address and port. */
  readonly from: string;
  readonly atNs: bigint;
}

export interface ObtainedLedger {
  /** True when this session was not known to have obtained it. */
  add(token: ObtainedToken, obtainment: Obtainment): boolean;
  /** In the order in which they obtained it. */
  find(fingerprint: string): readonly Obtainment[];
  entries(): Iterable<ObtainedToken & { readonly obtainments: readonly Obtainment[] }>;
  readonly size: number;
}

/** A session that asks Entra itself has a few tokens an hour; one with more than this at a time loses its oldest. */
export const TOKENS_OF_SESSION_MAX = 1000;
/** Of all sessions together: some 5 MiB. */
const TOKENS_MAX = 10_000;
/** Sessions that share one token of an endpoint which keeps it for all; later ones look like a hand-over. */
const SESSIONS_MAX = 100;
const KEPT_AFTER_EXPIRY_MS = 60 * 60 * 1000;
/** What a token says of its end is not believed beyond this; Entra's last for a day at most. */
const KEPT_MS_MAX = 48 * 60 * 60 * 1000;

interface Entry {
  readonly token: ObtainedToken;
  readonly bySession: Map<bigint, Obtainment>;
}

/** Counts `obtainedDropped`: obtainments forgotten for want of room before their token had expired. */
export function createObtainedLedger(clock: Clock, counts: { obtainedDropped: number }): ObtainedLedger {
  const entries = new Map<string, Entry>();
  const ofSession = new Map<bigint, Set<string>>();

  function forget(fingerprint: string, sessionKey: bigint): void {
    const entry = entries.get(fingerprint);
    if (entry?.bySession.delete(sessionKey) && entry.token.expiresAtMs > clock.wallMs()) counts.obtainedDropped += 1;
    if (entry?.bySession.size === 0) entries.delete(fingerprint);
    const held = ofSession.get(sessionKey);
    held?.delete(fingerprint);
    if (held?.size === 0) ofSession.delete(sessionKey);
  }

  function forgetToken(fingerprint: string): void {
    for (const sessionKey of [...(entries.get(fingerprint)?.bySession.keys() ?? [])]) forget(fingerprint, sessionKey);
  }

  /** Insertion order is age: the first that is neither old nor one too many ends the walk. */
  function forgetOld(): void {
    for (const [fingerprint, { token }] of entries) {
      const isOld = token.expiresAtMs + KEPT_AFTER_EXPIRY_MS < clock.wallMs();
      if (!isOld && entries.size <= TOKENS_MAX) return;
      forgetToken(fingerprint);
    }
  }

  return {
    add({ fingerprint, expiresAtMs }, obtainment) {
      const { sessionKey } = obtainment.holder;
      const bounded = { fingerprint, expiresAtMs: Math.min(expiresAtMs, clock.wallMs() + KEPT_MS_MAX) };
      const entry = entries.get(fingerprint) ?? { token: bounded, bySession: new Map<bigint, Obtainment>() };
      if (entry.bySession.has(sessionKey)) return false;
      if (entry.bySession.size >= SESSIONS_MAX) {
        counts.obtainedDropped += 1;
        return false;
      }
      entries.set(fingerprint, entry);
      entry.bySession.set(sessionKey, obtainment);
      const held = ofSession.get(sessionKey) ?? new Set<string>();
      ofSession.set(sessionKey, held.add(fingerprint));
      const [oldest] = held;
      if (held.size > TOKENS_OF_SESSION_MAX && oldest !== undefined) forget(oldest, sessionKey);
      forgetOld();
      return true;
    },
    find: (fingerprint) => [...(entries.get(fingerprint)?.bySession.values() ?? [])],
    *entries() {
      for (const { token, bySession } of entries.values()) yield { ...token, obtainments: [...bySession.values()] };
    },
    get size() {
      return entries.size;
    },
  };
}
