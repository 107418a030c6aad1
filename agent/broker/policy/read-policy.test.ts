// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readPolicy } from './read-policy.ts';
import { audiencesOf } from './resource.ts';

const identity = {
  name: 'orders-app',
  kind: 'app',
  tenant: '10000000-0000-4000-8000-000000000001',
  clientId: '20000000-0000-4000-8000-00000000000a',
  credential: { kind: 'certificate', keyFile: '/k', certificateFile: '/c' },
};
const policy = {
  name: 'orders',
  match: { workload: 'orders' },
  identity: 'orders-app',
  resources: ['https://vault.example'],
};

function problems(value: unknown): string {
  const read = readPolicy(value);
  return read.kind === 'broken' ? read.problems.join('\n') : '';
}

describe('readPolicy', () => {
  test('takes a policy as it is', () => {
    const value = { identities: [identity], policies: [{ ...policy, advertisedSecondsMax: 300 }] };
    assert.deepEqual(readPolicy(value), { kind: 'policy', policy: value });
    assert.equal(readPolicy({ identities: [], policies: [] }).kind, 'policy');
  });

  test('names all that is wrong with the form at once', () => {
    const text = problems({
      identities: [{ ...identity, tenant: 'contoso', surprise: 1 }],
      policies: [{ ...policy, advertisedSecondsMax: 60 }],
    });
    assert.match(text, /identities\.0\.tenant must match/);
    assert.match(text, /identities\.0 must NOT have additional properties/);
    assert.match(text, /policies\.0\.advertisedSecondsMax must be >= 300/);
    for (const value of [undefined, null, 7, [], 'x', {}]) assert.notEqual(problems(value), '');
  });

  test('names what makes no sense', () => {
    const with_ = (resources: unknown[]) => problems({ identities: [identity], policies: [{ ...policy, resources }] });
    assert.match(problems({ identities: [identity, identity], policies: [] }), /two of that name/);
    assert.match(problems({ identities: [], policies: [policy] }), /no identity orders-app/);
    assert.match(with_(['api://AzureADTokenExchange']), /never handed out/);
    assert.match(with_(['https://vault.example/.default']), /leave out/);
    assert.match(with_(['vault.example']), /neither a URI/);
    assert.match(with_(['a b:c']), /not the name/);
  });
});

describe('audiencesOf', () => {
  test('has both forms of the name, the application id in it, and what was configured', () => {
    const app = '40000000-0000-4000-8000-000000000001';
    assert.deepEqual([...audiencesOf({ resource: 'https://a.example/' })], ['https://a.example', 'https://a.example/']);
    assert.ok(audiencesOf({ resource: `api://${app}` }).has(app));
    assert.ok(audiencesOf({ resource: app }).has(`api://${app}`));
    assert.ok(audiencesOf({ resource: 'https://a.example', audiences: [app] }).has(app));
    assert.ok(audiencesOf({ resource: 'https://graph.microsoft.com' }).has('00000003-0000-0000-c000-000000000000'));
    assert.ok(!audiencesOf({ resource: 'constructor:x' }).has('https://graph.microsoft.com'));
  });
});

describe('a policy with workload-identity', () => {
  const byFile = { ...policy, interfaces: ['workload-identity'], fileOwner: { uid: 7, gid: 7 } };
  const of = (change: object, ...identities: object[]): string =>
    problems({ identities: identities.length > 0 ? identities : [identity], policies: [{ ...byFile, ...change }] });

  test('names a workload and who reads its file, and nothing that a file cannot look at', () => {
    assert.equal(of({}), '');
    assert.equal(of({ match: { workload: 'orders', uid: 7 } }), '');
    assert.match(of({ match: { uid: 7 } }), /needs match\.workload/);
    assert.match(of({ match: { workload: 'orders', exe: '/bin/a', gid: 3 } }), /exe and gid cannot be looked at/);
    assert.match(of({ fileOwner: undefined }), /needs match\.user/);
    const twice = { identities: [identity], policies: [byFile, { ...byFile, name: 'again' }] };
    assert.match(problems(twice), /workload orders has a token file by another policy/);
  });

  test('is for identities that Entra lets trust an issuer', () => {
    const { credential: _, ...bare } = identity;
    const host = { ...bare, kind: 'host' };
    assert.equal(of({}, host), '');
    assert.match(of({}, { ...host, systemAssigned: true }), /kind host cannot trust an issuer/);
    const blueprint = { ...identity, name: 'blueprint' };
    const agent = { ...bare, kind: 'agent', blueprint: 'blueprint' };
    assert.match(of({}, agent, blueprint), /kind agent cannot trust an issuer/);
  });

  test('is all that an identity without a credential can have', () => {
    const none = { ...identity, credential: { kind: 'workload-identity' } };
    assert.equal(of({}, none), '');
    assert.match(of({ interfaces: ['workload-identity', 'unix'] }, none), /no credential to ask with for unix/);
    assert.match(of({ interfaces: undefined }, none), /no credential to ask with for app-service, unix/);
  });
});
