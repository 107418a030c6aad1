// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDerivedSessionSecrets, isSecret } from './session-secret.ts';

const key = new Uint8Array(32).fill(1);

test('a derived secret is 256 bits, the same for a session every time, another for any other session or key', () => {
  const secrets = createDerivedSessionSecrets(key);
  const session = { selectionName: 'orders', sessionKey: 7n };
  const secret = secrets.secretFor(session) ?? '';
  assert.match(secret, /^[\w-]{43}$/);
  assert.equal(secrets.secretFor({ ...session }), secret);
  assert.notEqual(secrets.secretFor({ ...session, sessionKey: 8n }), secret);
  assert.notEqual(secrets.secretFor({ ...session, selectionName: 'billing' }), secret);
  assert.notEqual(createDerivedSessionSecrets(new Uint8Array(32)).secretFor(session), secret);
  assert.throws(() => createDerivedSessionSecrets(new Uint8Array(16)), RangeError);
});

test('secrets are equal or not, whatever their lengths', () => {
  assert.ok(isSecret('abc', 'abc'));
  for (const wrong of ['', 'ab', 'abcd', 'abC', 'ab\0c']) assert.ok(!isSecret(wrong, 'abc'));
});
