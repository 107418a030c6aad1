// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { createAccessToken, type TokenAlteration } from '../../../test/entra-stand-in/access-token.ts';
import type { StandInResource } from '../../../test/entra-stand-in/directory.ts';
import { createSigningKeys, type SigningKeys } from '../../../test/entra-stand-in/signing-keys.ts';
import { readToken } from './compact-token.ts';
import { PUBLIC_CLOUD_ISSUERS } from './issuer.ts';
import { createTokenVerifier, KeysUnavailable, type TenantKeys, type Verification } from './verify.ts';

const TENANT = '10000000-0000-4000-8000-0000000000aa';
const OTHER_TENANT = '10000000-0000-4000-8000-0000000000bb';
const V1: StandInResource = { identifier: 'https://a.example', appId: 'x', tokenVersion: 1 };
const V2: StandInResource = { ...V1, appId: '40000000-0000-4000-8000-0000000000aa', tokenVersion: 2 };
const NOW_MS = 1_900_000_000_000;

let keys: SigningKeys;
let ofTenant: TenantKeys;

function token(alteration: TokenAlteration = {}, resource: StandInResource = V1, nowMs = NOW_MS): string {
  const tenant = { tenantId: TENANT, applications: [], resources: [] };
  const client = { clientId: 'c', name: 'n', provenBy: '2' } as const;
  const subject = { idtyp: 'app', oid: 'o' } as const;
  return createAccessToken({ tenant, client, subject, resource, nowMs, keys, alteration }).token;
}

async function verify(compact: string, nowMs = NOW_MS, withKeys = ofTenant): Promise<string> {
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
  const verifier = createTokenVerifier({ keys: withKeys, issuers: PUBLIC_CLOUD_ISSUERS, clock });
  const answer: Verification = await verifier.verify(compact, readToken(compact));
  return answer.state === 'verified' ? 'verified' : `${answer.state}: ${answer.reason}`;
}

before(async () => {
  keys = await createSigningKeys();
  const resolver = createLocalJWKSet(keys.published('x') as unknown as JSONWebKeySet);
  ofTenant = { keysOf: (tenant) => (tenant === TENANT ? resolver : undefined) };
});

describe('a token is verified', () => {
  test('when key, issuer, tenant and time are right, v1 and v2', async () => {
    assert.equal(await verify(token()), 'verified');
    assert.equal(await verify(token({}, V2)), 'verified');
  });

  test('up to the edge of the skew that is allowed, not beyond', async () => {
    // Issued at NOW: exp is 3599 s later, nbf 300 s before.
    const [exp, nbf] = [NOW_MS + 3_599_000, NOW_MS - 300_000];
    assert.equal(await verify(token(), exp + 299_000), 'verified');
    assert.equal(await verify(token(), exp + 300_000), 'invalid: expired');
    assert.equal(await verify(token(), exp + 301_000), 'invalid: expired');
    assert.equal(await verify(token(), nbf - 299_000), 'verified');
    assert.equal(await verify(token(), nbf - 300_000), 'verified');
    assert.equal(await verify(token(), nbf - 301_000), 'invalid: not_yet_valid');
  });
});

describe('a token is invalid', () => {
  const cases: [string, () => string, string][] = [
    ['unsigned', () => token({ signing: 'none' }), 'algorithm_not_allowed'],
    ['unsigned, in other letters', () => token({ header: { alg: 'nOnE' } }), 'algorithm_not_allowed'],
    ['keyed with the public key', () => token({ signing: 'hs256-public-key' }), 'algorithm_not_allowed'],
    ['without an algorithm', () => token({ header: { alg: undefined } }), 'algorithm_not_allowed'],
    ['with a broken signature', () => token({ signing: 'broken' }), 'bad_signature'],
    ['with other claims than those signed', () => withClaims({ oid: 'somebody' }), 'bad_signature'],
    ['signed by a key that names a published one', () => underOtherKey(), 'bad_signature'],
    [
      'v1 issuer without its slash',
      () => token({ claims: { iss: `https://sts.windows.net/${TENANT}` } }),
      'wrong_issuer',
    ],
    [
      'v2 issuer with a slash',
      () => token({ claims: { iss: `https://login.microsoftonline.com/${TENANT}/v2.0/` } }, V2),
      'wrong_issuer',
    ],
    [
      'an issuer that only ends right',
      () => token({ claims: { iss: `https://evil.example/https://sts.windows.net/${TENANT}/` } }),
      'wrong_issuer',
    ],
    [
      'v2 issuer on a v1 token',
      () => token({ claims: { iss: `https://login.microsoftonline.com/${TENANT}/v2.0` } }),
      'wrong_issuer',
    ],
    [
      'the issuer of another tenant',
      () => token({ claims: { iss: `https://sts.windows.net/${OTHER_TENANT}/` } }),
      'wrong_issuer',
    ],
    ['another tid than its issuer', () => token({ claims: { tid: OTHER_TENANT } }), 'wrong_issuer'],
    ['without exp', () => token({ claims: { exp: undefined } }), 'claims_missing'],
    ['exp as text', () => token({ claims: { exp: '9999999999' } }), 'claims_missing'],
    ['without oid', () => token({ claims: { oid: undefined } }), 'claims_missing'],
    ['without tid', () => token({ claims: { tid: undefined } }), 'claims_missing'],
    ['three parts that are no JWT', () => `${token().split('.')[0]}.e30x.x`, 'malformed'],
  ];
  for (const [what, make, reason] of cases) {
    test(what, async () => assert.equal(await verify(make()), `invalid: ${reason}`));
  }

  function withClaims(changes: object): string {
    const [header, claims = '', signature] = token().split('.');
    const altered = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), ...changes };
    return [header, Buffer.from(JSON.stringify(altered)).toString('base64url'), signature].join('.');
  }

  function underOtherKey(): string {
    return token({ signing: 'unpublished-key', header: { kid: keys.current.kid } });
  }
});

describe('a token is unverifiable, which is not the same as wrong', () => {
  const cases: [string, () => string, string][] = [
    ['with a nonce in its header, as Graph has it', () => token({}, { ...V1, nonce: true }), 'nonce'],
    ['when its key is not published', () => token({ signing: 'unpublished-key' }), 'key_not_published'],
    ['under a key id that nobody knows', () => token({ signing: 'unknown-kid' }), 'key_not_published'],
    ['when it is no JWT', () => token({ opaque: true }), 'opaque'],
    [
      'when it is encrypted',
      () => `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..a.b.c`,
      'encrypted',
    ],
    ['when its algorithm is not ours', () => token({ header: { alg: 'ES256' } }), 'algorithm_not_supported'],
    ['with critical extensions', () => token({ header: { crit: ['x'], x: 1 } }), 'algorithm_not_supported'],
    [
      'of another tenant',
      () => token({ claims: { tid: OTHER_TENANT, iss: `https://sts.windows.net/${OTHER_TENANT}/` } }),
      'foreign_tenant',
    ],
    [
      'of another issuer',
      () => token({ claims: { tid: undefined, iss: 'https://kubernetes.default.svc' } }),
      'unknown_issuer',
    ],
    ['when it is too long', () => `${token()}${'x'.repeat(40_000)}`, 'too_long'],
  ];
  for (const [what, make, reason] of cases) {
    test(what, async () => assert.equal(await verify(make()), `unverifiable: ${reason}`));
  }

  test('while there are no keys', async () => {
    const none: TenantKeys = { keysOf: () => () => Promise.reject(new KeysUnavailable()) };
    assert.equal(await verify(token(), NOW_MS, none), 'unverifiable: keys_unavailable');
  });

  test('but a token out of its time is wrong, whatever else is known', async () => {
    const later = NOW_MS + 86_400_000;
    assert.equal(await verify(token({}, { ...V1, nonce: true }), later), 'invalid: expired');
    assert.equal(await verify(token({ signing: 'unknown-kid' }), later), 'invalid: expired');
    const foreign = token({ claims: { tid: OTHER_TENANT, iss: `https://sts.windows.net/${OTHER_TENANT}/` } });
    assert.equal(await verify(foreign, later), 'invalid: expired');
  });
});
