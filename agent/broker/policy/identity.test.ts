// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AppIdentity, Identity } from './identity.ts';
import { readPolicy } from './read-policy.ts';

const TENANT = '10000000-0000-4000-8000-000000000001';
const base = { tenant: TENANT, clientId: '20000000-0000-4000-8000-00000000000a' };
const app = (name: string, credential: AppIdentity['credential']): AppIdentity => ({
  name,
  kind: 'app',
  ...base,
  credential,
});
const blueprint = app('blueprint', { kind: 'federated', tokenFile: 'credential:token' });

function problems(...identities: unknown[]): string {
  const read = readPolicy({ identities, policies: [] });
  return read.kind === 'broken' ? read.problems.join('\n') : '';
}

describe('identities', () => {
  test('of every kind, with every kind of credential, are taken', () => {
    const all: Identity[] = [
      blueprint,
      app('certified', { kind: 'certificate', keyFile: '/k', certificateFile: '/c', sendChain: true }),
      app('in-a-token', { kind: 'pkcs11', module: '/m.so', keyLabel: 'k', certificateFile: '/c' }),
      app('of-the-host', { kind: 'managed-identity' }),
      { name: 'agent', kind: 'agent', ...base, blueprint: 'blueprint' },
      { name: 'its-user', kind: 'agent-user', ...base, blueprint: 'blueprint', user: 'agent@contoso.example' },
      { name: 'host', kind: 'host', ...base, systemAssigned: true },
    ];
    assert.equal(problems(...all), '');
  });

  test('need what their kind needs, and nothing else', () => {
    assert.match(problems({ ...blueprint, kind: 'sub-agent' }), /kind|tag/);
    assert.match(problems({ ...blueprint, credential: { kind: 'secret', secret: 'x' } }), /kind|tag/);
    assert.match(problems({ ...base, name: 'a', kind: 'agent' }), /blueprint/);
    assert.match(problems({ ...base, name: 'a', kind: 'agent-user', blueprint: 'b' }), /user/);
    assert.match(problems({ ...blueprint, kind: 'host' }), /additional/);
    assert.match(problems({ ...blueprint, credential: { kind: 'federated', keyFile: '/k' } }), /tokenFile/);
  });

  test('have a blueprint that exists, holds the credential, and is of their tenant', () => {
    const agent = { name: 'agent', kind: 'agent', ...base, blueprint: 'blueprint' };
    assert.match(problems(agent), /blueprint blueprint is not among/);
    assert.match(problems(blueprint, { ...agent, blueprint: 'agent' }), /of kind agent, not app/);
    assert.match(problems(blueprint, { ...agent, tenant: TENANT.replace('1', '2') }), /another tenant/);
    assert.match(problems(blueprint, blueprint), /two of that name/);
  });
});
