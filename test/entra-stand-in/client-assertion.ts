// SPDX-License-Identifier: Apache-2.0

/**
 * The check of a client assertion, as strict as Entra's documentation has it. An assertion is one of three: signed by the
 * application itself (certificate), by an issuer that the application trusts (federated), or by the stand-in for a
 * blueprint, which then vouches for its agent.
 */

import { X509Certificate } from 'node:crypto';
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import { issuerOf } from './access-token.ts';
import {
  type Client,
  clientIdOf,
  type RegisteredCertificate,
  type StandInTenant,
  TOKEN_EXCHANGE,
} from './directory.ts';
import { type AadstsCode, EntraRefusal } from './entra-error.ts';
import { fmiSubjectOf } from './fmi-subject.ts';
import type { SigningKeys } from './signing-keys.ts';

const CLOCK_SKEW_S = 300;
/** Entra recommends five to ten minutes; an assertion that is valid for a day is a mistake worth finding in a test. */
const LIFETIME_S_MAX = 24 * 60 * 60;
/** More assertions than any test sends within their lifetime. */
const REMEMBERED_JTI_MAX = 100_000;

/** An issuer of another system whose keys the stand-in knows, as Entra would by its discovery document. */
export interface ExternalIssuer {
  readonly issuer: string;
  readonly keys: JSONWebKeySet;
}

export interface Presented {
  readonly assertion: string;
  readonly tenant: StandInTenant;
  readonly client: Client;
  /** The token endpoint as the client addressed it, without a query. */
  readonly endpoint: string;
  readonly nowMs: number;
}

export interface CheckedAssertion {
  readonly by: 'certificate' | 'federated' | 'blueprint';
  readonly algorithm: string;
  /** '' unless by certificate. */
  readonly thumbprint: string;
  readonly jti: string;
}

export interface AssertionCheck {
  /** Errors: EntraRefusal. */
  check(presented: Presented): Promise<CheckedAssertion>;
}

export interface AssertionCheckParts {
  readonly keys: SigningKeys;
  readonly externalIssuers: readonly ExternalIssuer[];
}

type Keys = Parameters<typeof jwtVerify>[1] | RegisteredCertificate['publicKey'];

async function verify(
  assertion: string,
  keys: Keys,
  nowMs: number,
  requiredClaims: string[],
): Promise<JWTVerifyResult> {
  const options = {
    algorithms: ['PS256', 'RS256'],
    currentDate: new Date(nowMs),
    clockTolerance: CLOCK_SKEW_S,
    requiredClaims,
  };
  try {
    return await (typeof keys === 'function'
      ? jwtVerify(assertion, keys, options)
      : jwtVerify(assertion, keys, options));
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) throw new EntraRefusal(700024);
    if (cause instanceof errors.JWTClaimValidationFailed) {
      throw new EntraRefusal(cause.claim === 'nbf' && cause.reason === 'check_failed' ? 700024 : 50027, cause.claim);
    }
    throw new EntraRefusal(700027);
  }
}

export function createAssertionCheck({ keys, externalIssuers }: AssertionCheckParts): AssertionCheck {
  const seen = new Map<string, number>();

  function remember(jti: string, expiresAtS: number, nowS: number): void {
    for (const [old, untilS] of seen) if (untilS + CLOCK_SKEW_S < nowS) seen.delete(old);
    if (seen.has(jti)) throw new EntraRefusal(700027, 'the stand-in takes each jti once');
    if (seen.size >= REMEMBERED_JTI_MAX) throw new EntraRefusal(700027, 'the stand-in remembers no more jti');
    seen.set(jti, expiresAtS);
  }

  async function byCertificate({ assertion, client, endpoint, nowMs }: Presented): Promise<CheckedAssertion> {
    const header = decodeProtectedHeader(assertion);
    const certificate = certificateFor(header, client);
    const required = ['aud', 'exp', 'iss', 'jti', 'nbf', 'sub'];
    const { payload, protectedHeader } = await verify(assertion, certificate.publicKey, nowMs, required);
    if (payload.aud !== endpoint) throw new EntraRefusal(700023);
    const clientId = clientIdOf(client);
    if (payload.iss !== clientId || payload.sub !== clientId) throw new EntraRefusal(700021);
    const [nbf, exp] = [payload.nbf as number, payload.exp as number];
    if (exp - nbf > LIFETIME_S_MAX) throw new EntraRefusal(700024, 'it is valid for more than a day');
    const jti = String(payload.jti);
    remember(jti, exp, nowMs / 1000);
    const thumbprint = String(header['x5t#S256'] ?? header.x5t);
    return { by: 'certificate', algorithm: protectedHeader.alg, thumbprint, jti };
  }

  async function bySigned(presented: Presented, claims: JWTPayload): Promise<CheckedAssertion> {
    const { assertion, client, tenant, nowMs } = presented;
    const own = claims.iss === issuerOf(tenant.tenantId, 2);
    const external = externalIssuers.find(({ issuer }) => issuer === claims.iss);
    const trusted = own ? keys.published(String(claims.iss)) : external?.keys;
    if (client.kind === 'agent') {
      if (!own) throw new EntraRefusal(700211, 'an agent identity has no credential of its own');
      expectForAgent(claims, presented);
    } else expectFederated(claims, client, own);
    if (trusted === undefined) throw new EntraRefusal(700211, 'the stand-in does not know the keys of this issuer');
    const keySet = createLocalJWKSet(trusted as JSONWebKeySet);
    const { protectedHeader } = await verify(assertion, keySet, nowMs, ['aud', 'exp', 'iss', 'sub']);
    return {
      by: client.kind === 'agent' ? 'blueprint' : 'federated',
      algorithm: protectedHeader.alg,
      thumbprint: '',
      jti: String(claims.jti ?? claims['uti'] ?? ''),
    };
  }

  return {
    async check(presented) {
      let claims: JWTPayload;
      try {
        decodeProtectedHeader(presented.assertion);
        claims = decodeJwt(presented.assertion);
      } catch {
        throw new EntraRefusal(50027);
      }
      const { 'x5t#S256': sha256, x5t } = decodeProtectedHeader(presented.assertion);
      const namesCertificate = sha256 !== undefined || x5t !== undefined;
      // Of another issuer and without the name of a certificate: somebody else vouches.
      return namesCertificate || claims.iss === clientIdOf(presented.client)
        ? byCertificate(presented)
        : bySigned(presented, claims);
    },
  };
}

function certificateFor(
  header: ReturnType<typeof decodeProtectedHeader>,
  client: Client,
): Pick<RegisteredCertificate, 'publicKey'> {
  if (client.kind === 'agent') throw new EntraRefusal(700027, 'an agent identity has no certificate');
  const { 'x5t#S256': sha256, x5t: sha1, x5c } = header;
  const found = client.registered.find((entry) =>
    typeof sha256 === 'string' ? entry.thumbprintSha256 === sha256 : entry.thumbprintSha1 === sha1,
  );
  if (found !== undefined) return found;
  const trust = client.application.subjectNameAndIssuer;
  const leaf = trust && Array.isArray(x5c) ? new X509Certificate(Buffer.from(String(x5c[0]), 'base64')) : undefined;
  if (
    trust !== undefined &&
    leaf?.subject === `CN=${trust.commonName}` &&
    leaf.verify(new X509Certificate(trust.authorityPem).publicKey)
  ) {
    return leaf;
  }
  throw new EntraRefusal(700027, 'no registered certificate has that thumbprint');
}

function expectForAgent(claims: JWTPayload, { client, tenant }: Presented): void {
  if (client.kind !== 'agent') return;
  const { agent } = client;
  if (claims.aud !== TOKEN_EXCHANGE.appId) throw new EntraRefusal(700212);
  const subject = fmiSubjectOf(tenant.tenantId, agent.blueprint, agent.id);
  if (claims.sub !== subject || claims['azp'] !== agent.blueprint) throw new EntraRefusal(700213);
}

function expectFederated(claims: JWTPayload, client: Client & { kind: 'app' }, own: boolean): void {
  const credentials = client.application.federatedCredentials ?? [];
  if (credentials.length === 0) throw new EntraRefusal(70021);
  const refuseUnless = <T>(left: readonly T[], code: AadstsCode): readonly T[] => {
    if (left.length === 0) throw new EntraRefusal(code, `the subject is ${String(claims.sub)}`);
    return left;
  };
  // Entra's own tokens name the exchange by its application, the credential by its URI.
  const audience = own && claims.aud === TOKEN_EXCHANGE.appId ? TOKEN_EXCHANGE.identifier : claims.aud;
  const ofIssuer = refuseUnless(
    credentials.filter(({ issuer }) => issuer === claims.iss),
    700211,
  );
  const ofSubject = refuseUnless(
    ofIssuer.filter(({ subject }) => subject === claims.sub),
    700213,
  );
  refuseUnless(
    ofSubject.filter((credential) => credential.audience === audience),
    700212,
  );
}
