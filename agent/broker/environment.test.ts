// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerEnvironment } from './environment.ts';

const address = { host: '127.0.0.1', port: 4711 } as const;

test('names the endpoint and the secret, and keeps SDKs from asking anybody else', () => {
  assert.deepEqual(brokerEnvironment(address, '/msi/token', 'hush'), {
    IDENTITY_ENDPOINT: 'http://127.0.0.1:4711/msi/token',
    IDENTITY_HEADER: 'hush',
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  });
});

test('adds to the proxy exceptions that are there, under both names', () => {
  const made = brokerEnvironment(address, '/', 'x', { NO_PROXY: 'a.example, localhost', no_proxy: 'b.example' });
  assert.equal(made['NO_PROXY'], 'b.example,a.example,localhost,127.0.0.1');
  assert.equal(made['no_proxy'], made['NO_PROXY']);
});
