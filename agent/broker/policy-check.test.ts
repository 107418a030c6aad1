// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from './attest/caller-directory.ts';
import type { PolicySet } from './policy/policy.ts';
import { type CheckQuestion, checkPolicy } from './policy-check.ts';
import { asker } from './testing/policy-maker.ts';

const identity = {
  name: 'orders-app',
  kind: 'app',
  tenant: '10000000-0000-4000-8000-000000000001',
  clientId: '20000000-0000-4000-8000-00000000000a',
  credential: { kind: 'certificate', keyFile: '/k', certificateFile: '/c' },
} as const;
const policy: PolicySet = {
  identities: [identity],
  policies: [
    {
      name: 'orders',
      match: { workload: 'orders' },
      identity: 'orders-app',
      resources: ['https://vault.example', 'https://mail.example'],
      interfaces: ['imds', 'unix'],
    },
  ],
};

async function outcome(question: Partial<CheckQuestion>, workload: string | undefined = 'orders'): Promise<string> {
  const { workload: _, ...facts } = asker({ workload: 'orders' });
  const caller = { pid: 1, startNs: 1n, uid: 0, sessionKey: 1n, selectionName: workload } as Caller;
  const check = await checkPolicy({ policy, factsOf: async () => facts }, caller, {
    resource: undefined,
    selectors: [],
    ...question,
  });
  if (check.kind === 'refused') return check.reason;
  const { decision } = check;
  return decision.kind === 'granted' ? decision.allowed.resource : decision.reason;
}

test('what an operator leaves out is what the policy allows first', async () => {
  assert.equal(await outcome({}), 'https://vault.example');
  assert.equal(await outcome({ resource: 'https://mail.example' }), 'https://mail.example');
  assert.equal(await outcome({ interface: 'app-service' }), 'interface_not_allowed');
  assert.equal(await outcome({ interface: 'unix' }), 'https://vault.example');
});

test('who comes to no policy is told why', async () => {
  assert.equal(await outcome({}, 'another'), 'no_binding');
  const caller = { pid: 1, startNs: 1n, uid: 0, sessionKey: 0n, selectionName: undefined } as Caller;
  const nobody = await checkPolicy({ policy, factsOf: async () => undefined }, caller, {
    resource: undefined,
    selectors: [],
  });
  assert.deepEqual(nobody, { kind: 'refused', reason: 'caller_gone' });
});
