// SPDX-License-Identifier: Apache-2.0

/** A stand-in for a system outside Entra that signs tokens of workloads: a Kubernetes cluster, a CI service, SPIRE. */

import { randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import type { ExternalIssuer } from './client-assertion.ts';
import { createSigningKeys } from './signing-keys.ts';

export interface ExternalIssuerStandIn extends ExternalIssuer {
  /** A token for an hour from `nowMs`; `claims` go over the usual ones. */
  sign(subject: string, nowMs: number, claims?: JWTPayload): Promise<string>;
}

export async function createExternalIssuer(issuer: string): Promise<ExternalIssuerStandIn> {
  const signing = await createSigningKeys();
  return {
    issuer,
    keys: signing.published(issuer),
    sign(subject, nowMs, claims = {}) {
      const nowS = Math.floor(nowMs / 1000);
      const usual = { iss: issuer, sub: subject, aud: 'api://AzureADTokenExchange', jti: randomUUID() };
      return new SignJWT({ ...usual, nbf: nowS, iat: nowS, exp: nowS + 3600, ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: signing.current.kid })
        .sign(signing.current.privateKey);
    },
  };
}
