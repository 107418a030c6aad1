// SPDX-License-Identifier: Apache-2.0

/** What a record says that it lacks, out of a real engine: losses by cause, and spans in which nobody recorded. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kindOf } from '../../collector/model/activity.ts';
import { asReceived } from '../../collector/testing/full-activities.ts';
import { readRows, startEmbeddedStore, type TestStore } from '../../collector/testing/test-store.ts';
import { type ActivityProperties, leafOf } from '../../proto/leaf.ts';
import { sworn } from '../../proto/record.ts';
import type { CollectorClient } from '../collector-client.ts';
import { type CompletenessFilter, LISTED_MAX, readCompleteness } from './completeness.ts';

const BEGAN_NS = 1_790_000_000_000_000_000n;
const { ACTION_STARTED, ACTION_STOPPED, ACTION_HEARTBEAT, ACTION_CLOCK_JUMPED, ACTION_SUSPENDED } =
  sworn.v1.Recorder.Action;

type Line = readonly [second: number, detail: ActivityProperties];
const recorder = (second: number, action: sworn.v1.Recorder.Action): Line => [second, { recorder: { action } }];
const loss = (second: number, where: string, reason: string, events: number, bytes: number): Line => [
  second,
  { loss: { where, reason, events, bytes } },
];
const session = (second: number, sessionId: string, action: sworn.v1.Session.Action): Line => [
  second,
  { sessionId, session: { action } },
];

describe('completeness', () => {
  let store: TestStore;
  let client: CollectorClient;
  before(async () => {
    store = await startEmbeddedStore();
    client = { rows: (sql: string, parameters: object) => readRows(store.store, sql, parameters as never) } as never;
  });
  after(() => store.stop());

  async function record(agentId: string, lines: readonly Line[]): Promise<void> {
    const batch = store.store.newBatch();
    for (const [at, [second, detail]] of lines.entries()) {
      const ns = BEGAN_NS + BigInt(second) * 1_000_000_000n;
      const times = { timeNs: Number(ns), endTimeNs: Number(ns) };
      const activity = asReceived({ ...times, ...detail, salt: Buffer.alloc(16, 7), seq: at + 1 });
      activity.leaf = leafOf(activity, agentId, 'h');
      batch.add(kindOf(activity)!, activity, { agentId, host: 'h' });
    }
    await store.store.append([batch]);
  }

  async function gapsOf(agentId: string, filter: CompletenessFilter = {}): Promise<string[]> {
    const { ok, losses, gaps } = await readCompleteness(client, { agentId, ...filter });
    assert.equal(ok, losses.length === 0 && gaps.length === 0);
    return gaps.map(({ kind, agent_id, message }) => `${kind} ${agent_id}: ${message}`);
  }

  it('has nothing to say of a recorder that was there all the time', async () => {
    const beats = [10, 20, 30, 40].map((second) => recorder(second, ACTION_HEARTBEAT));
    await record('whole', [recorder(0, ACTION_STARTED), ...beats, recorder(45, ACTION_STOPPED)]);
    assert.deepEqual(await readCompleteness(client, { agentId: 'whole' }), {
      ok: true,
      losses: [],
      gaps: [],
      is_cut: false,
    });
  });

  it('names heartbeats that are missing, and the time', async () => {
    const beats = [10, 20, 30, 40, 90, 100].map((second) => recorder(second, ACTION_HEARTBEAT));
    await record('silent', [recorder(0, ACTION_STARTED), ...beats]);
    const why = 'Nothing came from the recorder for 50.0 s, though it was not stopped.';
    assert.deepEqual(await gapsOf('silent'), [`heartbeat_missing silent: ${why}`]);
    assert.deepEqual(
      await gapsOf('silent', { to: new Date(Number(BEGAN_NS / 1_000_000n) + 60_000).toISOString() }),
      [],
    );
  });

  it('tells a recorder that was stopped from one that ended without a word', async () => {
    await record('restarted', [
      recorder(0, ACTION_STARTED),
      recorder(10, ACTION_STOPPED),
      recorder(17, ACTION_STARTED),
      recorder(27, ACTION_HEARTBEAT),
      recorder(30, ACTION_STARTED),
    ]);
    assert.deepEqual(await gapsOf('restarted'), [
      'not_recorded restarted: It was stopped: nothing was recorded for at most 7.0 s.',
      'not_recorded restarted: It ended without saying so: nothing was recorded for at most 3.0 s.',
    ]);
  });

  it('names clocks that were set, and hosts that slept', async () => {
    await record('clock', [
      recorder(0, ACTION_STARTED),
      recorder(5, ACTION_CLOCK_JUMPED),
      recorder(9, ACTION_SUSPENDED),
    ]);
    const kinds = (await gapsOf('clock')).map((line) => line.split(' ')[0]);
    assert.deepEqual(kinds, ['clock_jumped', 'suspended']);
  });

  it('sums losses by cause, those included that a collector declares of numbers that never came', async () => {
    await record('lossy', [
      loss(1, 'ring', 'ring_full', 1, 10),
      loss(2, 'ring', 'ring_full', 2, 20),
      loss(3, 'journal', 'no_room', 5, 0),
      loss(4, 'delivery', 'missing', 7, 0),
    ]);
    const { ok, losses } = await readCompleteness(client, { agentId: 'lossy' });
    assert.equal(ok, false);
    const of = (place: string, reason: string, sums: readonly number[]) => {
      const [count, events, bytes] = sums;
      return { agent_id: 'lossy', place, reason, losses: count, events, bytes };
    };
    assert.deepEqual(losses, [
      of('ring', 'ring_full', [2, 3, 30]),
      of('delivery', 'missing', [1, 7, 0]),
      of('journal', 'no_room', [1, 5, 0]),
    ]);
  });

  it('says that there are more causes than it lists', async () => {
    const causes = Array.from({ length: LISTED_MAX + 1 }, (_, at) => loss(at + 1, 'test', `cause_${at}`, 1, 0));
    await record('much', causes.slice(0, LISTED_MAX));
    assert.equal((await readCompleteness(client, { agentId: 'much' })).is_cut, false);
    await record('more', causes);
    const { losses, is_cut } = await readCompleteness(client, { agentId: 'more' });
    assert.deepEqual([losses.length, is_cut], [LISTED_MAX, true]);
  });

  it('names sessions that a later start has left without an end, and no others', async () => {
    const { ACTION_STARTED: BEGAN, ACTION_ENDED: ENDED } = sworn.v1.Session.Action;
    await record('sessions', [
      recorder(0, ACTION_STARTED),
      session(1, 's-whole', BEGAN),
      session(2, 's-left', BEGAN),
      session(3, 's-whole', ENDED),
      recorder(4, ACTION_STOPPED),
      recorder(5, ACTION_STARTED),
      session(6, 's-running', BEGAN),
    ]);
    const left = (await gapsOf('sessions')).filter((line) => line.startsWith('session_'));
    assert.deepEqual(left, [
      'session_without_end sessions: Session s-left has no end, and its recorder was started anew since.',
    ]);
    assert.deepEqual(
      await gapsOf('sessions', { sessionId: 's-whole' }).then((all) => all.filter((line) => /^session/.test(line))),
      [],
    );
  });
});
