// SPDX-License-Identifier: Apache-2.0

/**
 * The token of a person in whose name a workload wants to act (on-behalf-of). What can be known of it here is asked before
 * it is sent anywhere: a token for somebody else is a credential that leaked, and Entra is no oracle for guesses.
 */

import type { Clock } from '../clock.ts';
import { audiencesIn, fingerprintOf, readToken, textClaim, timeClaim } from '../token/compact-token.ts';
import type { SecretText } from '../token/secret-text.ts';
import type { TokenVerifier } from '../token/verify.ts';

export interface UserAssertion {
  readonly kind: 'user';
  readonly objectId: string;
  readonly expiresAtMs: number;
  readonly fingerprint: string;
}

export interface UnusableAssertion {
  readonly kind: 'unusable';
  /** One word. */
  readonly cause: string;
}

export interface AssertionTarget {
  readonly tenant: string;
  /** The application that the person called: the identity itself, or the blueprint of an agent. */
  readonly clientId: string;
  /** Names of the application beside its id; v1 tokens carry one of these. */
  readonly identifierUris: readonly string[];
}

/** Reasons that say something of our keys and nothing of the token. */
const KEYS_MISSING: ReadonlySet<string> = new Set(['keys_unavailable', 'key_not_published']);

const unusable = (cause: string): UnusableAssertion => ({ kind: 'unusable', cause });

/** Never throws; the assertion is not sent anywhere but to be verified here. */
export async function readUserAssertion(
  assertion: SecretText,
  { tenant, clientId, identifierUris }: AssertionTarget,
  { verifier, clock }: { readonly verifier: TokenVerifier; readonly clock: Clock },
): Promise<UserAssertion | UnusableAssertion> {
  const compact = assertion.reveal();
  const read = readToken(compact);
  if (read.kind !== 'jwt') return unusable(read.kind);
  const { claims } = read;
  const accepted = new Set([clientId, `api://${clientId}`, ...identifierUris].map((name) => name.toLowerCase()));
  const audiences = audiencesIn(claims);
  if (audiences.length !== 1 || !accepted.has((audiences[0] ?? '').toLowerCase())) return unusable('other_audience');
  if (textClaim(claims, 'tid').toLowerCase() !== tenant.toLowerCase()) return unusable('other_tenant');
  const idtyp = textClaim(claims, 'idtyp');
  if (idtyp === '' ? textClaim(claims, 'scp') === '' : idtyp !== 'user') return unusable('not_of_a_user');
  const objectId = textClaim(claims, 'oid');
  const exp = timeClaim(claims, 'exp');
  if (objectId === '' || exp === undefined) return unusable('claims_missing');
  if (exp * 1000 <= clock.wallMs()) return unusable('expired');
  const verification = await verifier.verify(compact, read);
  if (verification.state === 'invalid') return unusable(verification.reason);
  // Keys that cannot be had: Entra, which signed it, decides. What is unverifiable otherwise is not taken.
  if (verification.state === 'unverifiable' && !KEYS_MISSING.has(verification.reason))
    return unusable(verification.reason);
  return { kind: 'user', objectId, expiresAtMs: exp * 1000, fingerprint: fingerprintOf(compact) };
}
