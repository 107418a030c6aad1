// SPDX-License-Identifier: Apache-2.0

/**
 * The broker as an issuer that applications in Entra trust (federated identity credentials): it signs, for a workload, a JWT
 * with which that workload's own SDK proves at Entra that it is the application.
 *
 * Source   Entra documentation, workload identity federation: RS256; issuer, subject and audience are compared exactly; the
 *          issuer serves `/.well-known/openid-configuration` and the key set that it names
 */

import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { createLocalJWKSet, errors, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../clock.ts';
import { CLOCK_SKEW_S, type Verification } from '../token/verify.ts';
import {
  ASSERTION_SECONDS,
  type IssuerKey,
  type IssuerKeys,
  type KeyPlace,
  publishedKeys,
  readIssuerKeys,
  signingKey,
} from './issuer-keys.ts';

/** What Entra takes unless a federated credential names another. */
export const EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange';

/** As the federated credential in Entra has to name it, to the letter. */
export const subjectOf = (workload: string): string => `workload:${workload}`;

export interface SignedAssertion {
  readonly token: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface Issuer {
  readonly url: string;
  /** Errors: BrokerError ISSUER_KEY. */
  sign(workload: string): Promise<SignedAssertion>;
  /** Of a token that names this issuer. Never throws. */
  verify(token: string): Promise<Verification>;
}

export interface IssuerOptions {
  readonly url: string;
  readonly keys: KeyPlace;
  readonly clock: Clock;
  /** The key set is written there, for who may not read the keys. */
  readonly keySetFile?: string | undefined;
}

/** Errors: BrokerError ISSUER_KEY. A key is made when there is none. */
export async function openIssuer({ url, keys: place, clock, keySetFile }: IssuerOptions): Promise<Issuer> {
  let keys: IssuerKeys = await readIssuerKeys(place);
  let published = '';

  function publish(): void {
    const text = JSON.stringify(keySet(keys, clock.wallMs()), null, 2);
    if (keySetFile === undefined || text === published) return;
    writeFileSync(`${keySetFile}.new`, `${text}\n`, { mode: 0o644 });
    renameSync(`${keySetFile}.new`, keySetFile);
    published = text;
  }

  publish();
  return {
    url,
    async sign(workload) {
      // An operator may have rolled it.
      keys = await readIssuerKeys(place);
      publish();
      const nowMs = clock.wallMs();
      const { kid, privateKey } = signingKey(keys, nowMs);
      const nowS = Math.floor(nowMs / 1000);
      const claims = {
        ...{ iss: url, sub: subjectOf(workload), aud: EXCHANGE_AUDIENCE, jti: randomUUID() },
        ...{ iat: nowS, nbf: nowS, exp: nowS + ASSERTION_SECONDS },
      };
      const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(privateKey);
      return { token, claims, issuedAtMs: nowS * 1000, expiresAtMs: claims.exp * 1000 };
    },
    async verify(token) {
      try {
        const known = createLocalJWKSet({ keys: keys.map(publicJwk) });
        const currentDate = new Date(clock.wallMs());
        await jwtVerify(token, known, {
          algorithms: ['RS256'],
          issuer: url,
          clockTolerance: CLOCK_SKEW_S,
          currentDate,
        });
        return { state: 'verified' };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { state: 'invalid', reason: 'expired' };
        if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf')
          return { state: 'invalid', reason: 'not_yet_valid' };
        if (error instanceof errors.JWKSNoMatchingKey) return { state: 'unverifiable', reason: 'key_not_published' };
        return { state: 'invalid', reason: 'bad_signature' };
      }
    },
  };
}

/** What stands at `<issuer>/.well-known/openid-configuration`. */
export function openIdConfiguration(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

/** What stands at `<issuer>/.well-known/jwks.json`: public keys, those that will sign and those that have signed. */
export function keySet(keys: IssuerKeys, nowMs: number): { readonly keys: ReturnType<typeof publicJwk>[] } {
  return { keys: publishedKeys(keys, nowMs).map(publicJwk) };
}

function publicJwk({ kid, publicKey }: IssuerKey) {
  const { kty, n, e } = publicKey.export({ format: 'jwk' }) as { kty: string; n: string; e: string };
  return { kty, use: 'sig', alg: 'RS256', kid, n, e };
}
