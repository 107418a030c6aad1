// SPDX-License-Identifier: Apache-2.0

/** The view `identities` against what the activities say, and where it reads from. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { sworn } from '../../../proto/record.ts';
import { type ActivityProperties, fromBigInt, kindOf, type SeenActivity } from '../../model/activity.ts';
import { asReceived } from '../../testing/full-activities.ts';
import { readRows, startEmbeddedStore, type TestStore } from '../../testing/test-store.ts';
import { connect } from './client.ts';
import { WRITER_ROLE } from './engine/engine-config.ts';

const { IdentityState, IdentitySource, Token } = sworn.v1;
const { IDENTITY_STATE_VERIFIED, IDENTITY_STATE_UNVERIFIABLE, IDENTITY_STATE_POLICY } = IdentityState;
const { IDENTITY_SOURCE_BROKER, IDENTITY_SOURCE_WIRE, IDENTITY_SOURCE_POLICY } = IdentitySource;
const START_NS = 1_790_000_000_000_000_000n;

const byPolicy = { identityState: IDENTITY_STATE_POLICY, identitySource: IDENTITY_SOURCE_POLICY };
const verified = { identityState: IDENTITY_STATE_VERIFIED, identitySource: IDENTITY_SOURCE_BROKER };
const claimed = { identityState: IDENTITY_STATE_UNVERIFIABLE, identitySource: IDENTITY_SOURCE_WIRE };
const agent = { identityId: 'agent', identityName: 'invoices', workload: 'w' };
const about = { identityKind: 'agent', identityTenant: 't', identityBlueprint: 'b' };
const forAda = { onBehalfOfId: 'ada', onBehalfOfName: 'ada@contoso.example' };

/** Of two hosts, in the order of their seconds. */
const HOSTS: readonly (readonly [host: string, activities: readonly ActivityProperties[]])[] = [
  [
    'one',
    [
      { ...agent, ...byPolicy, sessionId: 's1', session: { action: 1 } },
      { ...agent, ...verified, ...about, sessionId: 's1', token: { action: Token.Action.ACTION_ISSUED } },
      { ...agent, ...verified, ...about, sessionId: 's1', command: { protocol: 'http' } },
      { ...agent, ...verified, ...about, ...forAda, sessionId: 's1', command: { protocol: 'http' } },
      { ...agent, ...byPolicy, sessionId: 's1', token: { action: Token.Action.ACTION_REFUSED, count: 12 } },
      { sessionId: '', recorder: { action: 1 } },
    ],
  ],
  [
    'two',
    [
      { ...agent, ...verified, ...about, workload: 'x', sessionId: 's2', command: { protocol: 'http' } },
      {
        ...{ ...agent, ...verified, ...about, workload: 'x', sessionId: 's2' },
        token: { action: Token.Action.ACTION_OBSERVED, suspicious: true },
      },
      { identityName: 'without-id', ...byPolicy, workload: 'y', sessionId: 's3', command: { protocol: 'http' } },
    ],
  ],
  // Somebody wrote a token that names the agent, and one that names somebody who was never seen.
  [
    'evil',
    [
      { ...agent, ...claimed, workload: 'evil', sessionId: 's4', token: { action: Token.Action.ACTION_OBSERVED } },
      { identityId: 'boss', ...claimed, workload: 'evil', sessionId: 's4', command: { protocol: 'http' } },
    ],
  ],
];

interface IdentityRow {
  readonly identity: string;
  readonly on_behalf_of_id: string;
}

describe('the view identities', () => {
  let running: TestStore;
  before(async () => {
    running = await startEmbeddedStore();
    for (const [host, activities] of HOSTS) {
      const batch = running.store.newBatch();
      for (const [index, one] of activities.entries()) {
        const time = fromBigInt(START_NS + BigInt(index) * 1_000_000_000n);
        const activity = asReceived({ ...one, seq: index + 1, timeNs: time, endTimeNs: time });
        const seen: SeenActivity = { kind: kindOf(activity)!, activity, sender: { agentId: `agent-${host}`, host } };
        batch.add(seen.kind, seen.activity, seen.sender);
      }
      await running.store.append([batch]);
    }
  });
  after(() => running.stop());

  const rowOf = async (identity: string, human = ''): Promise<Record<string, unknown>> => {
    const rows = await readRows<IdentityRow & Record<string, unknown>>(running.store, 'SELECT * FROM sworn.identities');
    return rows.find((row) => row.identity === identity && row.on_behalf_of_id === human) ?? {};
  };

  test('says who was seen, where, since when, and what it did', async () => {
    const { first_seen: first, last_seen: last, ...row } = await rowOf('agent');
    assert.deepEqual(row, {
      ...{ identity: 'agent', name: 'invoices', kind: 'agent', tenant: 't', blueprint: 'b', state: 'verified' },
      ...{ on_behalf_of_id: '', on_behalf_of_name: '', hosts: ['one', 'two'], workloads: ['w', 'x'] },
      ...{ sessions: '2', commands: '2', tokens_issued: '1', tokens_refused: '12', tokens_observed: '1' },
      ...{ tokens_suspicious: '1', alerts: '0', unproven: '1' },
    });
    assert.ok(String(first) < String(last));
  });

  test('has a row for each human that it acted for, and a name where there is no id', async () => {
    const human = await rowOf('agent', 'ada');
    assert.deepEqual(
      [human['on_behalf_of_name'], human['commands'], human['kind']],
      [forAda.onBehalfOfName, '1', 'agent'],
    );
    const nameless = await rowOf('without-id');
    assert.deepEqual([nameless['name'], nameless['state'], nameless['commands']], ['without-id', 'policy', '1']);
  });

  test('puts nobody where only a token that proves nothing says so', async () => {
    const boss = await rowOf('boss');
    assert.deepEqual(
      [boss['state'], boss['hosts'], boss['workloads'], boss['sessions'], boss['commands'], boss['unproven']],
      ['unproven', [], [], '0', '0', '1'],
    );
  });

  test('reads what is kept with each part, not the activities', async () => {
    const { socketPath, incomingFolder } = running.engine!;
    const client = connect({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, 1);
    try {
      const { stream } = await client.exec({ query: 'EXPLAIN SELECT * FROM sworn.identities FORMAT TSV' });
      assert.match(await text(stream), /ReadFromMergeTree \(identities\)/);
    } finally {
      await client.close();
    }
  });

  test('leaves a session its own identity when a command of it was asked for with the token of another', async () => {
    const stolen = { identityId: 'victim', identityName: 'victim', ...verified, sessionId: 's1' };
    const batch = running.store.newBatch();
    const activity = asReceived({ ...stolen, seq: 7, command: { protocol: 'http' } });
    batch.add('command', activity, { agentId: 'agent-one', host: 'one' });
    await running.store.append([batch]);
    assert.equal((await running.store.session('s1'))?.['identity_id'], 'agent');
    assert.deepEqual((await rowOf('victim'))['hosts'], ['one'], 'whose power was used, and where, is in the record');
  });
});
