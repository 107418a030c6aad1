// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Decision, decide, type TokenQuestion } from './decide.ts';
import type { Policy } from './policy.ts';

const credential = { kind: 'certificate', keyFile: '/k', certificateFile: '/c' } as const;
const TENANT = '10000000-0000-4000-8000-000000000001';
const CLIENT = '20000000-0000-4000-8000-00000000000a';
const OBJECT = '30000000-0000-4000-8000-00000000000a';
const OTHER = '20000000-0000-4000-8000-00000000000b';

const policy: Policy = {
  identities: [
    { name: 'orders-app', kind: 'app', tenant: TENANT, clientId: CLIENT, objectId: OBJECT, credential },
    { name: 'billing-app', kind: 'app', tenant: TENANT, clientId: OTHER, credential },
  ],
  bindings: [
    {
      workload: 'orders',
      identity: 'orders-app',
      resources: ['https://vault.example/', 'api://x'],
      advertisedSecondsMax: 600,
    },
    {
      workload: 'billing',
      identity: 'billing-app',
      resources: [{ resource: 'https://vault.example', audiences: ['a'] }],
    },
    { workload: 'twice', identity: 'orders-app', resources: ['https://vault.example'] },
    { workload: 'twice', identity: 'orders-app', resources: ['https://vault.example'] },
    { workload: 'dangling', identity: 'nobody', resources: ['https://vault.example'] },
  ],
};

const ask = (changes: Partial<TokenQuestion> = {}): Decision =>
  decide(policy, {
    workload: 'orders',
    interface: 'app-service',
    resource: 'https://vault.example',
    selectors: [],
    ...changes,
  });

function reason(decision: Decision): string {
  return decision.kind === 'refused' ? decision.reason : 'granted';
}

describe('a binding', () => {
  test('grants the bound identity, the configured resource and the cap', () => {
    const decision = ask();
    assert.ok(decision.kind === 'granted');
    assert.equal(decision.identity.name, 'orders-app');
    assert.deepEqual(decision.allowed, { resource: 'https://vault.example' });
    assert.equal(decision.advertisedSecondsMax, 600);
  });

  test('caps at a quarter of an hour when nothing else is said, and hands on the audiences', () => {
    const decision = ask({ workload: 'billing' });
    assert.ok(decision.kind === 'granted');
    assert.equal(decision.advertisedSecondsMax, 900);
    assert.deepEqual(decision.allowed.audiences, ['a']);
  });

  test('must be there exactly once', () => {
    assert.equal(reason(ask({ workload: 'unknown' })), 'no_binding');
    assert.equal(reason(ask({ workload: '' })), 'no_binding');
    assert.equal(reason(ask({ workload: 'twice' })), 'ambiguous_binding');
    assert.equal(reason(ask({ workload: 'dangling' })), 'no_binding');
  });
});

describe('a resource', () => {
  test('is compared without one trailing slash, and otherwise exactly', () => {
    assert.equal(reason(ask({ resource: 'https://vault.example/' })), 'granted');
    for (const resource of [
      'https://vault.example//',
      'https://VAULT.example',
      'https://vault.example.evil.example',
      'https://vault.example/.default',
      'http://vault.example',
      'vault.example',
    ]) {
      assert.equal(reason(ask({ resource })), 'resource_not_allowed', resource);
    }
  });

  test('must be the name of one', () => {
    assert.equal(reason(ask({ resource: undefined })), 'resource_missing');
    assert.equal(reason(ask({ resource: '' })), 'resource_missing');
    for (const resource of ['/', 'https://', 'a b', 'a\nb', 'ü', 'x'.repeat(513)]) {
      assert.equal(reason(ask({ resource })), 'resource_malformed', JSON.stringify(resource));
    }
  });

  test('is never the token exchange, under any of its names', () => {
    for (const resource of [
      'api://AzureADTokenExchange',
      'api://azureadtokenexchange/',
      'api://AzureADTokenExchangeUSGov',
      'AzureADTokenExchange',
      'fb60f99c-7a34-4190-8149-302f77469936',
      'api://FB60F99C-7a34-4190-8149-302f77469936',
    ]) {
      assert.equal(reason(ask({ resource })), 'token_exchange_resource', resource);
    }
  });
});

describe('a selector', () => {
  test('may name the bound identity in any case', () => {
    assert.equal(reason(ask({ selectors: [{ kind: 'client-id', value: CLIENT.toUpperCase() }] })), 'granted');
    assert.equal(reason(ask({ selectors: [{ kind: 'object-id', value: OBJECT }] })), 'granted');
  });

  test('never selects another identity, also not one that is configured', () => {
    for (const selector of [
      { kind: 'client-id', value: OTHER },
      { kind: 'client-id', value: OBJECT },
      { kind: 'client-id', value: '' },
      { kind: 'object-id', value: CLIENT },
      { kind: 'resource-id', value: '/subscriptions/x' },
    ] as const) {
      assert.equal(reason(ask({ selectors: [selector] })), 'other_identity_requested', JSON.stringify(selector));
    }
    const unknownObject = ask({ workload: 'billing', selectors: [{ kind: 'object-id', value: OBJECT }] });
    assert.equal(reason(unknownObject), 'other_identity_requested');
  });

  test('comes alone, even when both are right', () => {
    const both = [
      { kind: 'client-id', value: CLIENT },
      { kind: 'object-id', value: OBJECT },
    ] as const;
    assert.equal(reason(ask({ selectors: both })), 'too_many_selectors');
  });
});
