// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KnownToken } from '../broker/token-watch.ts';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import { IdentityNames } from './identity-names.ts';
import { tokenOfBroker } from './known-token.ts';

const names = new IdentityNames([
  { name: 'mail', tenant: 'T-1', client_id: 'C-1', object_id: 'object-1' },
  { name: 'other', tenant: 't-1', client_id: 'c-2' },
]);
const claims = { tid: 't-1', azp: 'c-1', oid: 'o', idtyp: 'app', uti: 'u', aud: 'a', roles: ['r'] };
const issuance = {
  holder: { pid: 1, startNs: 1n, selectionName: 'w', sessionKey: 7n },
  identityName: 'other',
  issuedAtNs: 0n,
};
const seen = (about: Partial<KnownToken>): KnownToken =>
  ({
    claims,
    verification: { state: 'verified' },
    issuance: undefined,
    suspicious: false,
    ...about,
  }) as KnownToken;
const bindingOf = (about: Partial<KnownToken>) => tokenOfBroker(() => seen(about), names)('f');

test('a token that was seen has the name that the configuration has for it', () => {
  const found = bindingOf({});
  assert.deepEqual(
    [found?.identityName, found?.identityId, found?.state, found?.source, found?.fingerprint, found?.tokenId],
    ['mail', 'o', IdentityState.VERIFIED, IdentitySource.WIRE, 'f', 'u'],
  );
});

test('a token that the broker gave out is of it, also where nobody can read or check it', () => {
  const found = bindingOf({ claims: {}, verification: { state: 'unverifiable', reason: 'encrypted' }, issuance });
  assert.deepEqual(
    [found?.identityName, found?.identityId, found?.state, found?.source],
    ['other', 'c-2', IdentityState.UNVERIFIABLE, IdentitySource.BROKER],
  );
});

test('a token that a session had from elsewhere is not of the broker', () => {
  const obtainment = { holder: issuance.holder, from: '10.0.0.1:443', atNs: 0n };
  const found = bindingOf({
    obtainment,
    verification: { state: 'unverifiable', reason: 'nonce' },
  } as Partial<KnownToken>);
  assert.equal(found?.source, IdentitySource.WIRE);
});

test('a token that nobody knows, or that is still being checked, says nothing', () => {
  assert.equal(bindingOf({ verification: undefined }), undefined);
  assert.equal(tokenOfBroker(() => undefined, names)('f'), undefined);
});

test('an identity that came with a reload has its name from then on, and one that went keeps it', () => {
  const names = new IdentityNames([{ name: 'mail', tenant: 't-1', client_id: 'c-0' }]);
  const tokenOf = tokenOfBroker(() => seen({}), names);
  assert.equal(tokenOf('f')?.identityName, '');
  names.learn([{ name: 'orders', tenant: 'T-1', clientId: 'C-1', objectId: 'object-9' }]);
  assert.equal(tokenOf('f')?.identityName, 'orders');
  assert.deepEqual(
    [names.objectIdOf('orders'), names.objectIdOf('mail'), names.objectIdOf('x')],
    ['object-9', 'c-0', ''],
  );
});
