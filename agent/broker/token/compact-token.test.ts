// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { carriedCredential } from '../../protocol/carried-credential.ts';
import {
  audiencesIn,
  clientOf,
  fingerprintOf,
  readToken,
  TOKEN_CHARACTERS_MAX,
  textClaim,
  timeClaim,
} from './compact-token.ts';
import { recordedClaims } from './recorded-claims.ts';
import { SecretText } from './secret-text.ts';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: unknown, header: unknown = { alg: 'RS256' }): string => `${part(header)}.${part(claims)}.c2ln`;

describe('readToken', () => {
  test('tells JWTs, encrypted ones, broken ones and everything else apart', () => {
    assert.deepEqual(readToken(jwt({ a: 1 })), { kind: 'jwt', header: { alg: 'RS256' }, claims: { a: 1 } });
    assert.equal(readToken(`${part({ enc: 'A256GCM' })}.a.b.c.d`).kind, 'encrypted');
    assert.equal(readToken(`${part({ alg: 'RS256' })}.e30x.x`).kind, 'malformed');
    assert.equal(readToken(jwt([1])).kind, 'malformed');
    for (const text of ['', 'hunter2', 'a.b', 'a.b.c', 'a.b.c.d', `${jwt({})}.x`, `${jwt({})} `, 'a.b.c.d.e']) {
      assert.equal(readToken(text).kind, 'opaque', text);
    }
    assert.equal(readToken('x'.repeat(TOKEN_CHARACTERS_MAX + 1)).kind, 'too-long');
  });

  test('takes anything without throwing', () => {
    fc.assert(fc.property(fc.string(), (text) => void readToken(text)));
    fc.assert(fc.property(fc.json(), fc.json(), (a, b) => void recordedClaims(claimsIn(`${part(a)}.${b}.x`))));
    const deep = Buffer.from('['.repeat(20_000)).toString('base64url');
    assert.equal(readToken(`${part({})}.${deep}.x`).kind, 'malformed');
  });

  function claimsIn(token: string) {
    const read = readToken(token);
    return read.kind === 'jwt' ? read.claims : {};
  }
});

test('a fingerprint is the SHA-256 of the token as it was issued, however it is spelled', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  assert.equal(fingerprintOf('a.b.c'), sha256('a.b.c'));
  const token = `${part({ alg: 'RS256' })}.${part({ a: 1 })}.-_A`;
  for (const spelled of [token, `${token.slice(0, -1)}B`, `${token}=`, token.replace('-_', '+/')]) {
    assert.equal(fingerprintOf(spelled), sha256(token), spelled);
    assert.equal(carriedCredential('http-bearer', spelled, 'exchange').fingerprint, sha256(token), spelled);
    assert.equal(readToken(spelled).kind, 'jwt', spelled);
  }
  assert.notEqual(fingerprintOf(`${token.slice(0, -1)}E`), sha256(token));
});

test('claims of the wrong type are as good as absent, also those of the prototype', () => {
  const claims = { tid: 7, exp: '9', aud: ['a', 1, 'b'], appid: 'x', azp: '' };
  assert.equal(textClaim(claims, 'tid'), '');
  assert.equal(textClaim(claims, 'constructor'), '');
  assert.equal(timeClaim(claims, 'exp'), undefined);
  assert.equal(timeClaim({ exp: 1e300 }, 'exp'), undefined);
  assert.deepEqual(audiencesIn(claims), ['a', 'b']);
  assert.equal(clientOf(claims), 'x');
  assert.equal(clientOf({ azp: 'y', appid: 'x' }), 'y');
});

describe('recordedClaims', () => {
  test('keeps what says who and drops what could be replayed, saying so', () => {
    const kept = recordedClaims({
      tid: 't',
      oid: 'o',
      uti: 'u',
      roles: ['r'],
      aio: 'secret',
      rh: 'secret',
      xms_ftd: 'secret',
    });
    assert.deepEqual(kept, { tid: 't', oid: 'o', uti: 'u', roles: ['r'], sworn_omitted: ['aio', 'rh', 'xms_ftd'] });
  });

  test('keeps no token that hides in a claim or in its name', () => {
    const inner = jwt({ a: 'some claim' });
    const kept = JSON.stringify(recordedClaims({ sub: inner, roles: ['x', `Bearer ${inner}`], [inner]: 1 }));
    assert.doesNotMatch(kept, /eyJ/);
    assert.match(kept, /"sworn_omitted":\["sub","roles","\?"\]/);
  });

  test('is bounded whatever comes in', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`claim${index}`.repeat(20), index]));
    const large = {
      ...many,
      groups: Array.from({ length: 1000 }, String),
      name: 'x'.repeat(2000),
      upn: 'x'.repeat(9999),
    };
    const text = JSON.stringify(recordedClaims(large));
    assert.ok(text.length < 24 * 1024, `${text.length}`);
    assert.ok(text.includes('"sworn_omitted":["groups","upn",'));
    assert.ok(text.includes('"and 4936 more"'));
  });
});

test('a secret text shows itself to nobody', () => {
  const secret = new SecretText('hush');
  for (const text of [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ secret }, { showHidden: true }),
  ]) {
    assert.doesNotMatch(text, /hush/);
  }
  assert.equal(secret.reveal(), 'hush');
});
