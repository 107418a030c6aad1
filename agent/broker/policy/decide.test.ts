// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asker, createDice } from '../testing/policy-maker.ts';
import { type Decision, decide, decideWithoutDigest, explain, likelyIdentity, type TokenQuestion } from './decide.ts';
import { type Asker, matches, mismatches } from './match.ts';
import type { Policy, PolicyMatch, PolicySet } from './policy.ts';

const credential = { kind: 'certificate', keyFile: '/k', certificateFile: '/c' } as const;
const TENANT = '10000000-0000-4000-8000-000000000001';
const CLIENT = '20000000-0000-4000-8000-00000000000a';
const OBJECT = '30000000-0000-4000-8000-00000000000a';
const OTHER = '20000000-0000-4000-8000-00000000000b';

const VAULT = 'https://vault.example';
const named = (name: string, rest: Partial<Policy> = {}): Policy => ({
  name,
  match: { workload: name },
  identity: 'orders-app',
  resources: [VAULT],
  ...rest,
});

const set: PolicySet = {
  identities: [
    { name: 'orders-app', kind: 'app', tenant: TENANT, clientId: CLIENT, objectId: OBJECT, credential },
    { name: 'billing-app', kind: 'app', tenant: TENANT, clientId: OTHER, credential },
  ],
  policies: [
    named('orders', { resources: ['https://vault.example/', 'api://x'], advertisedSecondsMax: 600 }),
    named('billing', { identity: 'billing-app', resources: [{ resource: VAULT, audiences: ['a'] }] }),
    named('once', { match: { workload: 'twice' } }),
    named('again', { match: { workload: 'twice' } }),
    named('dangling', { identity: 'nobody' }),
    named('metadata', { interfaces: ['imds'] }),
  ],
};

interface Changes extends Partial<TokenQuestion> {
  readonly workload?: string;
}

const QUESTION: TokenQuestion = { interface: 'app-service', resource: VAULT, selectors: [] };

const ask = ({ workload = 'orders', ...changes }: Changes = {}): Decision =>
  decide(set, asker({ workload }), { ...QUESTION, ...changes });

function reason(decision: Decision): string {
  return decision.kind === 'refused' ? decision.reason : 'granted';
}

describe('a policy', () => {
  test('grants its identity, its name, the configured resource and the cap', () => {
    const decision = ask();
    assert.ok(decision.kind === 'granted');
    assert.equal(decision.identity.name, 'orders-app');
    assert.equal(decision.policy.name, 'orders');
    assert.deepEqual(decision.allowed, { resource: 'https://vault.example' });
    assert.equal(decision.advertisedSecondsMax, 600);
  });

  test('caps at a quarter of an hour when nothing else is said, and hands on the audiences', () => {
    const decision = ask({ workload: 'billing' });
    assert.ok(decision.kind === 'granted');
    assert.equal(decision.advertisedSecondsMax, 900);
    assert.deepEqual(decision.allowed.audiences, ['a']);
  });

  test('lets nobody ask in a way that it does not name, and names two when it says nothing', () => {
    for (const way of ['app-service', 'unix'] as const) assert.equal(reason(ask({ interface: way })), 'granted');
    for (const way of ['imds', 'arc'] as const) {
      assert.equal(reason(ask({ interface: way })), 'interface_not_allowed', way);
    }
    assert.equal(reason(ask({ workload: 'metadata', interface: 'imds' })), 'granted');
    assert.equal(reason(ask({ workload: 'metadata' })), 'interface_not_allowed');
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

describe('a match', () => {
  const facts = asker();
  const holds = (match: PolicyMatch, changes: Partial<Asker> = {}): boolean => matches(match, { ...facts, ...changes });

  test('wants all that it names', () => {
    assert.ok(holds({ workload: 'orders', exe: '/opt/agent', uid: 7 }));
    for (const other of [{ workload: 'billing' }, { exe: '/opt/agent2' }, { uid: 8 }, { gid: 8 }]) {
      assert.ok(!holds({ workload: 'orders', exe: '/opt/agent', uid: 7, ...other }), JSON.stringify(other));
    }
  });

  test('takes a cgroup with all below it, and none beside it', () => {
    for (const cgroup of ['/', '/system.slice', '/system.slice/', '/system.slice/agent.service']) {
      assert.ok(holds({ cgroup }), cgroup);
    }
    for (const cgroup of ['/system', '/system.slice/agent.servic', '/system.slice/agent.service/x']) {
      assert.ok(!holds({ cgroup }), cgroup);
    }
  });

  test('takes a unit, or a slice that it is in', () => {
    assert.ok(holds({ unit: 'agent.service' }));
    assert.ok(holds({ unit: 'system.slice' }));
    assert.ok(!holds({ unit: 'agent.slice' }));
  });

  test('takes a path only where the host has that very file', () => {
    assert.ok(!holds({ exe: '/opt/agent' }, { exeIsAtPath: false }));
  });

  test('takes digests and containers in any case, and never the lack of one', () => {
    assert.ok(holds({ exeSha256: 'AB'.repeat(32) }));
    assert.ok(holds({ containerId: 'CD'.repeat(32) }));
    assert.ok(!holds({ exeSha256: '' }, { exeSha256: '' }));
    assert.ok(!holds({ containerId: '' }, { containerId: '' }));
  });

  test('takes no set-uid program for its user, nor for its owner', () => {
    assert.ok(!holds({ uid: 0 }, { uid: 0, realUid: 7 }));
    assert.ok(!holds({ uid: 7 }, { uid: 0, realUid: 7 }));
    assert.ok(!holds({ gid: 0 }, { gid: 0, realGid: 7 }));
  });

  test('says what is wanted and what was found', () => {
    const wanted = { workload: 'billing', exe: '/opt/agent', exeSha256: 'ef'.repeat(32), uid: 0, gid: 7 };
    const other = { ...facts, exeIsAtPath: false, exeSha256: '', exeSha256Missing: 'too-large', uid: 0 } as const;
    assert.deepEqual(mismatches(wanted, other), [
      { selector: 'workload', wanted: 'billing', found: 'orders' },
      { selector: 'exe', wanted: '/opt/agent', found: '/opt/agent, but the host has another file there, or none' },
      { selector: 'exeSha256', wanted: 'ef'.repeat(32), found: 'not made: too-large' },
      { selector: 'uid', wanted: '0', found: '0 (set-uid; started by 7)' },
    ]);
  });
});

describe('without a digest', () => {
  const [right, wrong] = ['ab'.repeat(32), 'ef'.repeat(32)];
  const unknown = asker({ exeSha256: '', exeSha256Missing: 'not-asked' });
  const quick = (policies: Policy[], changes: Partial<TokenQuestion> = {}, who = unknown): string => {
    const decision = decideWithoutDigest({ ...set, policies }, who, { ...QUESTION, ...changes });
    return decision.kind === 'refused' ? decision.reason : decision.kind;
  };
  const wants = (match: PolicyMatch, name = 'orders'): Policy => named(name, { match });

  test('who is refused whatever it is, is refused at once', () => {
    assert.equal(quick([wants({ exeSha256: right, uid: 8 })]), 'no_binding');
    assert.equal(quick([wants({ exeSha256: right })], { resource: 'https://other.example' }), 'resource_not_allowed');
    assert.equal(quick([wants({ exeSha256: right })], { interface: 'imds' }), 'interface_not_allowed');
  });

  test('it is needed where a token hangs on it', () => {
    assert.equal(quick([wants({ exeSha256: right })]), 'digest-needed');
    assert.equal(quick([wants({ exeSha256: right, uid: 7 }), wants({ exeSha256: wrong, uid: 8 })]), 'digest-needed');
    // With the one digest two match, with all others one.
    assert.equal(quick([wants({ exeSha256: right }), wants({ workload: 'orders' })]), 'digest-needed');
  });

  test('it is not needed where no policy that fits wants one, or when it is there', () => {
    assert.equal(quick([wants({ workload: 'orders' }), wants({ exeSha256: right, uid: 8 })]), 'granted');
    assert.equal(quick([wants({ exeSha256: right })], {}, asker()), 'granted');
    assert.equal(quick([wants({ exeSha256: wrong })], {}, asker()), 'no_binding');
  });
});

test('an explanation names what fails of each policy, and the decision', () => {
  const policies = [named('orders', { match: { workload: 'orders' } }), named('other', { match: { uid: 1 } })];
  const { verdicts, decision } = explain({ ...set, policies }, asker(), QUESTION);
  assert.deepEqual(
    verdicts.map(({ policy, matches: yes, failed }) => [policy.name, yes, failed]),
    [
      ['orders', true, []],
      ['other', false, [{ selector: 'uid', wanted: '1', found: '7' }]],
    ],
  );
  assert.equal(reason(decision), 'granted');
});

test('a workload is likely the identity that all policies for it name', () => {
  const likely = (workload: string): string | undefined => likelyIdentity(set, workload)?.name;
  assert.deepEqual(['orders', 'billing', 'twice', 'unknown'].map(likely), [
    'orders-app',
    'billing-app',
    'orders-app',
    undefined,
  ]);
  const policies = [...set.policies, named('any', { match: { uid: 7 }, identity: 'billing-app' })];
  assert.equal(likelyIdentity({ ...set, policies }, 'orders'), undefined);
});

describe('for policies and callers of all kinds', () => {
  const seed = Number(process.env['SWORN_TEST_SEED'] ?? Date.now() % 1_000_000);
  const say = (round: number): string => `SWORN_TEST_SEED=${seed}, round ${round}`;

  test('the order of policies never changes the answer', () => {
    const dice = createDice(seed);
    let granted = 0;
    for (let round = 0; round < 2000; round += 1) {
      const policies = Array.from({ length: dice.below(4) + 1 }, (_, i) => named(`p${i}`, { match: dice.match() }));
      const who = dice.asker();
      const answer = decide({ ...set, policies }, who, QUESTION);
      if (answer.kind === 'granted') granted += 1;
      assert.deepEqual(decide({ ...set, policies: dice.shuffled(policies) }, who, QUESTION), answer, say(round));
    }
    assert.ok(granted > 50, `only ${granted} of the rounds were granted; ${say(0)}`);
  });

  test('one more selector never makes a match of what was none', () => {
    const dice = createDice(seed);
    for (let round = 0; round < 2000; round += 1) {
      const [match, who] = [dice.match(), dice.asker()];
      if (matches(match, who)) continue;
      // What is wanted already stays wanted.
      assert.ok(!matches({ ...dice.match(), ...match }, who), say(round));
    }
  });

  test('what is decided without the digest is what is decided with it', () => {
    const dice = createDice(seed);
    for (let round = 0; round < 2000; round += 1) {
      const policies = Array.from({ length: dice.below(3) + 1 }, (_, i) => named(`p${i}`, { match: dice.match() }));
      const who = dice.asker();
      const blind = { ...who, exeSha256: '', exeSha256Missing: 'not-asked' } as const;
      const quick = decideWithoutDigest({ ...set, policies }, blind, QUESTION);
      const whole = decide({ ...set, policies }, who, QUESTION);
      if (quick.kind !== 'digest-needed') assert.equal(quick.kind, whole.kind, say(round));
    }
  });
});
