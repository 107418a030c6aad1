// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerEnvironment } from './environment.ts';
import { INTERFACES_DEFAULT } from './token-interface.ts';

const places = { ports: { appService: 4711, imds: undefined, arc: undefined }, socketPath: undefined } as const;
const all = { ports: { appService: 4711, imds: 4712, arc: 4713 }, socketPath: '/run/x/token.sock' } as const;

test('names the endpoint and the secret, and keeps SDKs from asking anybody else', () => {
  assert.deepEqual(brokerEnvironment(places, INTERFACES_DEFAULT, 'hush'), {
    IDENTITY_ENDPOINT: 'http://127.0.0.1:4711/msi/token',
    IDENTITY_HEADER: 'hush',
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  });
});

test('adds to the proxy exceptions that are there, under both names', () => {
  const inherited = { NO_PROXY: 'a.example, localhost', no_proxy: 'b.example' };
  const made = brokerEnvironment(places, INTERFACES_DEFAULT, 'x', inherited);
  assert.equal(made['NO_PROXY'], 'b.example,a.example,localhost,127.0.0.1');
  assert.equal(made['no_proxy'], made['NO_PROXY']);
});

test('has the variables of one flavour, App Service before Arc before IMDS', () => {
  const variables = (...interfaces: Parameters<typeof brokerEnvironment>[1]) => {
    const made = brokerEnvironment(all, interfaces, 'hush');
    const { AZURE_TOKEN_CREDENTIALS: _, NO_PROXY: noProxy, no_proxy: __, SWORN_TOKEN_SOCKET: socket, ...rest } = made;
    assert.equal(socket, '/run/x/token.sock');
    assert.equal(noProxy?.includes('169.254.169.254'), interfaces.includes('imds'));
    return rest;
  };
  const app = { IDENTITY_ENDPOINT: 'http://127.0.0.1:4711/msi/token', IDENTITY_HEADER: 'hush' };
  assert.deepEqual(variables('app-service', 'arc', 'imds'), app);
  assert.deepEqual(variables('imds', 'arc'), {
    IDENTITY_ENDPOINT: 'http://127.0.0.1:4713/metadata/identity/oauth2/token',
    IMDS_ENDPOINT: 'http://127.0.0.1:4713',
  });
  assert.deepEqual(variables('imds', 'unix'), { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:4712' });
  assert.deepEqual(variables('unix'), app, 'to be refused there, and not to go on to the host’s own service');
});

test('does not name what does not listen', () => {
  const made = brokerEnvironment(places, ['imds', 'arc'], 'hush');
  assert.equal(made['IDENTITY_ENDPOINT'], 'http://127.0.0.1:4711/msi/token');
  assert.equal(made['AZURE_POD_IDENTITY_AUTHORITY_HOST'], undefined);
});

test('leads to the token file where that is the only flavour, and never beside another one', () => {
  const place = { tokenFile: '/run/x/federated/w.jwt', clientId: 'client', tenant: 'tenant' };
  const made = (...interfaces: Parameters<typeof brokerEnvironment>[1]) =>
    brokerEnvironment(all, interfaces, 'hush', {}, place);
  const byFile = made('workload-identity', 'unix');
  assert.deepEqual(
    [byFile['AZURE_FEDERATED_TOKEN_FILE'], byFile['AZURE_CLIENT_ID'], byFile['AZURE_TENANT_ID']],
    ['/run/x/federated/w.jwt', 'client', 'tenant'],
  );
  assert.equal(byFile['AZURE_TOKEN_CREDENTIALS'], 'WorkloadIdentityCredential');
  assert.ok(!('IDENTITY_ENDPOINT' in byFile) && !('AZURE_AUTHORITY_HOST' in byFile));
  for (const other of ['app-service', 'imds', 'arc'] as const) {
    const both = made('workload-identity', other);
    assert.equal(both['AZURE_FEDERATED_TOKEN_FILE'], undefined, other);
    assert.equal(both['AZURE_TOKEN_CREDENTIALS'], 'ManagedIdentityCredential');
  }
  const elsewhere = brokerEnvironment(
    all,
    ['workload-identity'],
    'hush',
    {},
    { ...place, authority: 'https://a.example' },
  );
  assert.equal(elsewhere['AZURE_AUTHORITY_HOST'], 'https://a.example');
});
