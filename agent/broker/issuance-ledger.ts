// SPDX-License-Identifier: Apache-2.0

/**
 * Which token went to whom, by fingerprint: what makes it possible to say that a token on the wire is one that the broker
 * received from Entra, and whether it is used by those who were given it.
 */

import type { Clock } from './clock.ts';
import type { JsonObject } from './token/compact-token.ts';
import { recordedClaims } from './token/recorded-claims.ts';
import type { Verification } from './token/verify.ts';
import type { Issuance, TokenHolder } from './token-event.ts';

export interface IssuedToken {
  readonly fingerprint: string;
  readonly expiresAtMs: number;
  readonly verification: Verification;
  /** As they stand in the token; only what may be recorded of them is kept. */
  readonly claims?: JsonObject;
}

export interface LedgerEntry extends IssuedToken {
  /** By session, each session's first. One token serves all sessions of an identity while it is cached. */
  readonly issuances: readonly Issuance[];
}

export interface IssuanceLedger {
  /** True when the session had not been given this token before. */
  add(token: IssuedToken, issuance: Issuance): boolean;
  find(fingerprint: string): LedgerEntry | undefined;
  entries(): Iterable<LedgerEntry>;
  readonly size: number;
}

/** Tokens of a day on a busy host: identities × resources × 24. Beyond it the oldest goes. */
const TOKENS_MAX = 10_000;
/** Sessions that share one token; beyond it the oldest goes, and its use looks like a hand-over. */
const SESSIONS_MAX = 1000;
/** An expired token may still be seen in use; it is known for so long. */
const KEPT_AFTER_EXPIRY_MS = 60 * 60 * 1000;

/** The issuance to the holder's own session, else the first one. */
export function issuanceFor(entry: LedgerEntry, holder: TokenHolder | undefined): Issuance | undefined {
  return entry.issuances.find((issuance) => isIssuedTo(issuance, holder)) ?? entry.issuances[0];
}

/** A file that the broker writes for a workload is for all of its sessions. */
export function isIssuedTo({ holder: to, isForWorkload }: Issuance, holder: TokenHolder | undefined): boolean {
  if (holder === undefined) return false;
  if (isForWorkload === true) return to.selectionName !== undefined && to.selectionName === holder.selectionName;
  return to.sessionKey === holder.sessionKey;
}

export function createIssuanceLedger(clock: Clock): IssuanceLedger {
  const entries = new Map<string, { token: IssuedToken; issuances: Map<bigint, Issuance> }>();

  function forgetOld(): void {
    for (const [fingerprint, entry] of entries) {
      const isOld = entry.token.expiresAtMs + KEPT_AFTER_EXPIRY_MS < clock.wallMs();
      // Insertion order is age: the first that is neither old nor one too many ends the walk.
      if (!isOld && entries.size <= TOKENS_MAX) return;
      entries.delete(fingerprint);
    }
  }

  return {
    add(token, issuance) {
      const { fingerprint, expiresAtMs, verification, claims = {} } = token;
      const entry = entries.get(fingerprint) ?? {
        // What is handed in may hold the token itself, which has no place here.
        token: { fingerprint, expiresAtMs, verification, claims: recordedClaims(claims) },
        issuances: new Map<bigint, Issuance>(),
      };
      entries.set(fingerprint, entry);
      const { sessionKey } = issuance.holder;
      const isNew = !entry.issuances.has(sessionKey);
      if (isNew) entry.issuances.set(sessionKey, issuance);
      const [oldest] = entry.issuances.keys();
      if (entry.issuances.size > SESSIONS_MAX && oldest !== undefined) entry.issuances.delete(oldest);
      forgetOld();
      return isNew;
    },
    *entries() {
      for (const { token, issuances } of entries.values()) yield { ...token, issuances: [...issuances.values()] };
    },
    find(fingerprint) {
      const entry = entries.get(fingerprint);
      return entry && { ...entry.token, issuances: [...entry.issuances.values()] };
    },
    get size() {
      return entries.size;
    },
  };
}
