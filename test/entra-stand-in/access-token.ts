// SPDX-License-Identifier: Apache-2.0

/** Access tokens with Entra's claims, v1 and v2; and, on demand, tokens that are wrong in one named way. */

import { createHash, createHmac, createSign, type KeyObject, randomBytes } from 'node:crypto';
import type { StandInResource, StandInTenant } from './directory.ts';
import type { SigningKeys } from './signing-keys.ts';

/** How a token is to differ from a right one. */
export interface TokenAlteration {
  /** Claims to put in place of the right ones; `undefined` takes a claim away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /**
   * `unpublished-key`: right in all but that its key is in no key set. `unknown-kid`: the published key, under another
   * name. `hs256-public-key`: HMAC keyed with the public key's PEM, the classic confusion. `broken`: one bit of the
   * signature turned. `none`: no signature.
   */
  readonly signing?: 'current' | 'unpublished-key' | 'unknown-kid' | 'none' | 'hs256-public-key' | 'broken';
  /** Answer with something that is no JWT. */
  readonly opaque?: boolean;
}

export interface TokenGrant {
  readonly tenant: StandInTenant;
  readonly resource: StandInResource;
  readonly client: {
    readonly clientId: string;
    readonly name: string;
    /** `azpacr`: 0 it did not prove itself, 1 with a secret, 2 with a certificate or an assertion. */
    readonly provenBy: '0' | '1' | '2';
  };
  /** `idtyp`, `oid`, `sub`, and what else says who it is for: roles, scp, facets. */
  readonly subject: Readonly<Record<string, unknown>> & { readonly idtyp: 'app' | 'user'; readonly oid: string };
  readonly nowMs: number;
  readonly keys: SigningKeys;
  readonly alteration?: TokenAlteration;
  readonly lifetimeSeconds?: number;
}

/** One hour less a second, what Entra answers most often. */
const LIFETIME_S = 3599;
/** Entra dates its tokens back by this much, so that a clock that is a little behind takes them. */
const DATED_BACK_S = 300;

/** The random, unreadable strings that Entra puts into tokens; nothing may depend on what they hold. */
const opaqueText = (bytes: number): string => randomBytes(bytes).toString('base64url');

export function issuerOf(tenantId: string, version: 1 | 2): string {
  return version === 1 ? `https://sts.windows.net/${tenantId}/` : `https://login.microsoftonline.com/${tenantId}/v2.0`;
}

function claimsOf({ tenant, client, subject, resource, nowMs }: TokenGrant, lifetimeS: number) {
  const nowS = Math.floor(nowMs / 1000);
  const issuer = issuerOf(tenant.tenantId, resource.tokenVersion);
  const shared = {
    iss: issuer,
    iat: nowS - DATED_BACK_S,
    nbf: nowS - DATED_BACK_S,
    exp: nowS + lifetimeS,
    aio: opaqueText(27),
    rh: `1.${opaqueText(48)}.`,
    sub: subject.oid,
    ...subject,
    tid: tenant.tenantId,
    uti: opaqueText(16),
  };
  if (resource.tokenVersion === 2) {
    return { aud: resource.appId, ...shared, azp: client.clientId, azpacr: client.provenBy, ver: '2.0' };
  }
  return {
    aud: resource.audienceIsAppId ? resource.appId : resource.identifier,
    app_displayname: client.name,
    appid: client.clientId,
    appidacr: client.provenBy,
    idp: issuer,
    tenant_region_scope: 'EU',
    ver: '1.0',
    wids: [],
    xms_ftd: opaqueText(40),
    ...shared,
  };
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function rs256(input: string, key: KeyObject): Buffer {
  return createSign('RSA-SHA256').update(input).sign(key);
}

export function createAccessToken(grant: TokenGrant): { token: string; expiresInS: number } {
  const { alteration = {}, keys, resource } = grant;
  const expiresInS = grant.lifetimeSeconds ?? resource.lifetimeSeconds ?? LIFETIME_S;
  if (alteration.opaque) return { token: opaqueText(120), expiresInS };

  const claims: Record<string, unknown> = { ...claimsOf(grant, expiresInS), ...alteration.claims };
  for (const [name, value] of Object.entries(claims)) if (value === undefined) delete claims[name];
  const signing = alteration.signing ?? 'current';
  const key = signing === 'unpublished-key' ? keys.unpublished : keys.current;
  const kid = signing === 'unknown-kid' ? opaqueText(20) : key.kid;
  const nonce = resource.nonce ? opaqueText(24) : undefined;
  const header = {
    typ: 'JWT',
    ...(nonce === undefined ? {} : { nonce }),
    alg: signing === 'none' ? 'none' : signing === 'hs256-public-key' ? 'HS256' : 'RS256',
    kid,
    ...(resource.tokenVersion === 1 ? { x5t: kid } : {}),
    ...alteration.header,
  };
  const input = `${part(header)}.${part(claims)}`;
  // Graph's trap: what was signed carries the hash of the nonce, what is sent carries the nonce.
  const signedInput =
    nonce === undefined
      ? input
      : `${part({ ...header, nonce: createHash('sha256').update(nonce).digest('base64url') })}.${part(claims)}`;

  let signature: Buffer;
  switch (signing) {
    case 'none':
      signature = Buffer.alloc(0);
      break;
    case 'hs256-public-key':
      signature = createHmac('sha256', key.publicKey.export({ format: 'pem', type: 'spki' }))
        .update(input)
        .digest();
      break;
    default:
      signature = rs256(signedInput, key.privateKey);
  }
  if (signing === 'broken') signature.writeUInt8(signature.readUInt8(10) ^ 1, 10);
  return { token: `${input}.${signature.toString('base64url')}`, expiresInS };
}
