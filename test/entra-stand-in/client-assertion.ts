// SPDX-License-Identifier: Apache-2.0

/**
 * The check of a client assertion, as strict as the documentation of Entra's certificate credentials has it: signature
 * by a registered certificate that the header names, exact audience, issuer and subject, time, and each `jti` once.
 */

import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { RegisteredApplication } from './directory.ts';
import { EntraRefusal } from './entra-error.ts';

const CLOCK_SKEW_S = 300;
/** Entra recommends five to ten minutes; an assertion that is valid for a day is a mistake worth finding in a test. */
const LIFETIME_S_MAX = 24 * 60 * 60;
/** More assertions than any test sends within their lifetime. */
const REMEMBERED_JTI_MAX = 100_000;

export interface AssertionCheck {
  check(
    assertion: string,
    application: RegisteredApplication,
    audience: string,
    nowMs: number,
  ): Promise<CheckedAssertion>;
}

export interface CheckedAssertion {
  readonly algorithm: string;
  readonly thumbprint: string;
  readonly jti: string;
}

export function createAssertionCheck(): AssertionCheck {
  const seen = new Map<string, number>();

  function remember(jti: string, expiresAtS: number, nowS: number): void {
    for (const [old, untilS] of seen) if (untilS + CLOCK_SKEW_S < nowS) seen.delete(old);
    if (seen.has(jti)) throw new EntraRefusal(700027, 'the stand-in takes each jti once');
    if (seen.size >= REMEMBERED_JTI_MAX) throw new EntraRefusal(700027, 'the stand-in remembers no more jti');
    seen.set(jti, expiresAtS);
  }

  return {
    async check(assertion, application, audience, nowMs) {
      let header: ReturnType<typeof decodeProtectedHeader>;
      try {
        header = decodeProtectedHeader(assertion);
      } catch {
        throw new EntraRefusal(50027);
      }
      const sha256 = header['x5t#S256'];
      const sha1 = header.x5t;
      const certificate = application.registered.find((entry) =>
        typeof sha256 === 'string' ? entry.thumbprintSha256 === sha256 : entry.thumbprintSha1 === sha1,
      );
      if (certificate === undefined) throw new EntraRefusal(700027, 'no registered certificate has that thumbprint');

      const verified = await jwtVerify(assertion, certificate.publicKey, {
        algorithms: ['PS256', 'RS256'],
        currentDate: new Date(nowMs),
        clockTolerance: CLOCK_SKEW_S,
        requiredClaims: ['aud', 'exp', 'iss', 'jti', 'nbf', 'sub'],
      }).catch((cause: unknown) => {
        if (cause instanceof errors.JWTExpired) throw new EntraRefusal(700024);
        if (cause instanceof errors.JWTClaimValidationFailed) {
          throw new EntraRefusal(
            cause.claim === 'nbf' && cause.reason === 'check_failed' ? 700024 : 50027,
            cause.claim,
          );
        }
        throw new EntraRefusal(700027);
      });

      const { payload } = verified;
      if (payload.aud !== audience) throw new EntraRefusal(700023);
      if (payload.iss !== application.clientId || payload.sub !== application.clientId) throw new EntraRefusal(700021);
      const nbf = payload.nbf as number;
      const exp = payload.exp as number;
      if (exp - nbf > LIFETIME_S_MAX) throw new EntraRefusal(700024, 'it is valid for more than a day');
      const jti = String(payload.jti);
      remember(jti, exp, nowMs / 1000);
      return { algorithm: verified.protectedHeader.alg, thumbprint: String(sha256 ?? sha1), jti };
    },
  };
}
