// SPDX-License-Identifier: Apache-2.0

/**
 * Is this token genuine? Three answers, and the difference between the last two matters: `unverifiable` says that nobody
 * here can know (Graph's nonce, an encrypted token, a key that is not published), `invalid` says that it is wrong.
 *
 * Whether a token may be used for something is not asked here: observing is not accepting.
 */

import { errors, jwtVerify } from 'jose';
import { tokenAsIssued } from '../../protocol/bytes/token-spelling.ts';
import type { Clock } from '../clock.ts';
import { type JsonObject, type TokenRead, textClaim, timeClaim } from './compact-token.ts';
import { createIssuerReader, type IssuerForms } from './issuer.ts';

/** Nobody here can know. What each word means, for who reads the record: docs/ERRORS.md, "Agent: tokens seen". */
export const UNVERIFIABLE_REASONS = [
  'nonce',
  'opaque',
  'encrypted',
  'too_long',
  'unknown_issuer',
  'foreign_tenant',
  'algorithm_not_supported',
  'key_not_published',
  'keys_unavailable',
  'saml_not_supported',
] as const;

/** It is wrong. */
export const INVALID_REASONS = [
  'malformed',
  'algorithm_not_allowed',
  'wrong_issuer',
  'claims_missing',
  'bad_signature',
  'expired',
  'not_yet_valid',
  'signature_wrapped',
  'unsigned',
] as const;

export type UnverifiableReason = (typeof UNVERIFIABLE_REASONS)[number];
export type InvalidReason = (typeof INVALID_REASONS)[number];

export type Verification =
  | { readonly state: 'verified' }
  | { readonly state: 'unverifiable'; readonly reason: UnverifiableReason }
  | { readonly state: 'invalid'; readonly reason: InvalidReason };

/** The keys of a tenant, as jose wants them. */
export type KeyResolver = Parameters<typeof jwtVerify>[1];

export interface TenantKeys {
  /** undefined for a tenant that is not ours: its keys are not fetched, whoever asks. */
  keysOf(tenant: string): KeyResolver | undefined;
}

/** Thrown by a resolver of `TenantKeys` when there is no key set at all to look into. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

export interface TokenVerifier {
  /** Never throws. `read` is what `readToken(token)` gave. */
  verify(token: string, read: TokenRead): Promise<Verification>;
}

/** As much as Entra's own libraries allow for clocks that differ. */
export const CLOCK_SKEW_S = 300;

const unverifiable = (reason: UnverifiableReason): Verification => ({ state: 'unverifiable', reason });
const invalid = (reason: InvalidReason): Verification => ({ state: 'invalid', reason });

const NOT_A_JWT = {
  encrypted: unverifiable('encrypted'),
  opaque: unverifiable('opaque'),
  'too-long': unverifiable('too_long'),
  malformed: invalid('malformed'),
} as const;

/** A token that is out of its time is wrong, whatever else is known of it. */
export function outOfTime(claims: JsonObject, nowMs: number): 'expired' | 'not_yet_valid' | undefined {
  const nowS = Math.floor(nowMs / 1000);
  const exp = timeClaim(claims, 'exp');
  const nbf = timeClaim(claims, 'nbf');
  if (exp !== undefined && exp <= nowS - CLOCK_SKEW_S) return 'expired';
  if (nbf !== undefined && nbf > nowS + CLOCK_SKEW_S) return 'not_yet_valid';
  return undefined;
}

export interface VerifierOptions {
  readonly keys: TenantKeys;
  readonly issuers: IssuerForms;
  readonly clock: Clock;
}

export function createTokenVerifier({ keys, issuers, clock }: VerifierOptions): TokenVerifier {
  const readIssuer = createIssuerReader(issuers);

  /** Without a signature to check, the time is all that can still be wrong. */
  function unlessOutOfTime(claims: JsonObject, otherwise: Verification): Verification {
    const when = outOfTime(claims, clock.wallMs());
    return when === undefined ? otherwise : invalid(when);
  }

  async function verifyJwt(token: string, header: JsonObject, claims: JsonObject): Promise<Verification> {
    const algorithm = textClaim(header, 'alg');
    // Before all else: these two can be made by anybody who has read the public keys.
    if (algorithm === '' || algorithm.toLowerCase() === 'none' || algorithm.startsWith('HS')) {
      return invalid('algorithm_not_allowed');
    }
    const issuer = readIssuer(textClaim(claims, 'iss'));
    const tenant = textClaim(claims, 'tid').toLowerCase();
    if (issuer === undefined) {
      // A token of ours with an issuer in no right form (a missing slash) is wrong; any other is somebody else's.
      return tenant !== '' && keys.keysOf(tenant) !== undefined
        ? invalid('wrong_issuer')
        : unlessOutOfTime(claims, unverifiable('unknown_issuer'));
    }
    if (tenant === '' || textClaim(claims, 'oid') === '' || timeClaim(claims, 'exp') === undefined) {
      return invalid('claims_missing');
    }
    if (issuer.tenant !== tenant || issuer.version !== textClaim(claims, 'ver')) return invalid('wrong_issuer');
    const resolver = keys.keysOf(tenant);
    if (resolver === undefined) return unlessOutOfTime(claims, unverifiable('foreign_tenant'));
    if (algorithm !== 'RS256') return unlessOutOfTime(claims, unverifiable('algorithm_not_supported'));

    try {
      // As it was issued: what is found of one spelling is kept for all of them.
      await jwtVerify(tokenAsIssued(token), resolver, {
        algorithms: ['RS256'],
        issuer: textClaim(claims, 'iss'),
        requiredClaims: ['exp', 'tid', 'oid'],
        clockTolerance: CLOCK_SKEW_S,
        currentDate: new Date(clock.wallMs()),
      });
      return { state: 'verified' };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return invalid('expired');
      if (error instanceof errors.JWTClaimValidationFailed) {
        return invalid(error.claim === 'nbf' ? 'not_yet_valid' : 'claims_missing');
      }
      if (error instanceof errors.JWSSignatureVerificationFailed) {
        // Graph signs over a digest of the nonce and sends the nonce: only Graph itself can check such a token.
        return Object.hasOwn(header, 'nonce')
          ? unlessOutOfTime(claims, unverifiable('nonce'))
          : invalid('bad_signature');
      }
      if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return invalid('malformed');
      if (error instanceof errors.JOSENotSupported)
        return unlessOutOfTime(claims, unverifiable('algorithm_not_supported'));
      if (error instanceof errors.JWKSNoMatchingKey) return unlessOutOfTime(claims, unverifiable('key_not_published'));
      // No key set, two keys of one name, a key that cannot be used: our side's trouble, not the token's.
      return unlessOutOfTime(claims, unverifiable('keys_unavailable'));
    }
  }

  return {
    async verify(token, read) {
      return read.kind === 'jwt' ? verifyJwt(token, read.header, read.claims) : NOT_A_JWT[read.kind];
    },
  };
}
