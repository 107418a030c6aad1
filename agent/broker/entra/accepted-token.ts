// SPDX-License-Identifier: Apache-2.0

/** From an answer to a token that may be kept: genuine as far as can be known, and the one that was asked for. */

import type { Clock } from '../clock.ts';
import { fingerprintOf, readToken, timeClaim } from '../token/compact-token.ts';
import type { TokenVerifier } from '../token/verify.ts';
import { type EntraAnswer, type EntraRefused, refusedFor } from './entra-answer.ts';
import { type ExpectedToken, mismatchOf } from './expected-token.ts';
import type { Fetched, HeldToken } from './token-shelf.ts';

/** `internal`: the token stays here, so it need not be one that others can verify. */
export type Accept = (answer: EntraAnswer, expected: ExpectedToken, internal?: boolean) => Promise<Fetched>;

const rejected = (cause: string): EntraRefused =>
  refusedFor({
    reason: 'answer_rejected',
    misconfigured: true,
    cause,
    advice: 'Entra answered with a token that is not the one asked for; it was dropped',
  });

export function createAcceptance({
  clock,
  verifier,
}: {
  readonly clock: Clock;
  readonly verifier: TokenVerifier;
}): Accept {
  return async (answer, expected, internal = false) => {
    if (answer.kind === 'refused') return answer;
    const compact = answer.token.reveal();
    const read = readToken(compact);
    const verification = await verifier.verify(compact, read);
    const claims = read.kind === 'jwt' ? read.claims : {};
    const mismatch = read.kind === 'jwt' ? mismatchOf(claims, expected) : undefined;
    if (verification.state === 'invalid' && !(internal && verification.reason === 'claims_missing')) {
      return rejected(verification.reason);
    }
    if (mismatch !== undefined) return rejected(mismatch);

    const obtainedAtMs = clock.wallMs();
    const exp = timeClaim(claims, 'exp');
    // What Entra says of the token and what the token says of itself: the earlier counts.
    const expiresAtMs = Math.min(obtainedAtMs + answer.expiresInS * 1000, exp === undefined ? Infinity : exp * 1000);
    const halfLifeMs = (expiresAtMs - obtainedAtMs) / 2;
    const refreshInMs = answer.refreshInS === undefined ? halfLifeMs : Math.min(answer.refreshInS * 1000, halfLifeMs);
    const held: HeldToken = {
      token: answer.token,
      fingerprint: fingerprintOf(compact),
      claims,
      verification: verification.state === 'invalid' ? { state: 'unverifiable', reason: 'opaque' } : verification,
      obtainedAtMs,
      expiresAtMs,
    };
    return { kind: 'token', held, refreshAtMs: obtainedAtMs + refreshInMs, keptUntilMs: expiresAtMs };
  };
}
