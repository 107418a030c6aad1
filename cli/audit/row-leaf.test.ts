// SPDX-License-Identifier: Apache-2.0

/** Leaves that the addon makes out of rows of a real ClickHouse, against those of proto/leaf.ts. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { loadAddon, rowState } from '../../agent/source/ebpf/addon.ts';
import { type Activity, KINDS, kindOf } from '../../collector/model/activity.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { fullActivities } from '../../collector/testing/full-activities.ts';
import { startEmbeddedStore, type TestStore } from '../../collector/testing/test-store.ts';
import { anyActivity } from '../../proto/any-activity.ts';
import { type ActivityProperties, leafOf } from '../../proto/leaf.ts';
import { readVectors } from '../../proto/leaf-vectors.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { sworn } from '../../proto/record.ts';
import { changeRows } from '../testing/changed-rows.ts';
import { rowColumnsSql, rowPlan } from './row-plan.ts';

const addon = loadAddon();
const { plan, texts } = rowPlan();
const writer = new addon.RowLeafWriter(plan, texts);

/** Texts as ClickHouse has them, numbers that the columns have room for. */
function sealed(activity: ActivityProperties, seq: number, agentId: string, host: string): Activity {
  const wellFormed = sworn.v1.Activity.decode(sworn.v1.Activity.encode({ ...activity, seq } as never).finish());
  const { connection } = wellFormed;
  if (connection != null) {
    connection.localPort = (connection.localPort ?? 0) % 65536;
    connection.remotePort = (connection.remotePort ?? 0) % 65536;
  }
  for (const bytes of [wellFormed.command, wellFormed.erasure]) {
    const message = bytes as Record<string, unknown> | null | undefined;
    for (const name of ['requestSha256', 'responseSha256', 'digest']) {
      const value = message?.[name] as Uint8Array | undefined;
      if (value !== undefined && value.length > 0) message![name] = createHash('sha256').update(value).digest();
    }
  }
  wellFormed.leaf = leafOf(wellFormed, agentId, host);
  return wellFormed;
}

async function readPage(store: TestStore, agentId: string, count: number) {
  const sql = `SELECT ${rowColumnsSql()} FROM sworn.activities WHERE agent_id = {agent:String}`;
  const { stream } = await store.store.query({ sql, format: 'Native', parameters: { agent: agentId } });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const page = {
    bytes: Buffer.concat(chunks),
    computed: Buffer.alloc(count * 32),
    stored: Buffer.alloc(count * 32),
    states: Buffer.alloc(count),
  };
  const read = writer.read(page.bytes, 1, page.computed, page.stored, page.states);
  return { ...page, ...read };
}

describe('leaves out of rows', () => {
  let store: TestStore;
  before(async () => {
    store = await startEmbeddedStore();
  });
  after(() => store.stop());

  async function fill(agentId: string, activities: readonly ActivityProperties[]): Promise<Activity[]> {
    const batch = store.store.newBatch();
    const all = activities.map((activity, at) => sealed(activity, at + 1, agentId, 'höst'));
    for (const activity of all) batch.add(kindOf(activity)!, activity, { agentId, host: 'höst' });
    await store.store.append([batch]);
    return all;
  }

  async function assertAllSame(agentId: string, all: readonly Activity[]): Promise<void> {
    const page = await readPage(store, agentId, all.length);
    assert.deepEqual([page.rows, page.doubled], [all.length, []]);
    for (const [at, activity] of all.entries()) {
      const state = page.states[at]!;
      const which = `${at}: ${kindOf(activity)} ${JSON.stringify(activity).slice(0, 2000)}`;
      assert.equal(
        page.computed.toString('hex', at * 32, at * 32 + 32),
        Buffer.from(activity.leaf).toString('hex'),
        which,
      );
      assert.equal(
        state & (rowState.present | rowState.same | rowState.foreign),
        rowState.present | rowState.same,
        which,
      );
    }
  }

  it('are those of proto/leaf.ts for every kind with every field filled', async () => {
    assert.deepEqual(new Set(fullActivities().map(kindOf)), new Set(KINDS));
    await assertAllSame('full', await fill('full', fullActivities()));
  });

  it('are those of the vectors', async () => {
    const activities = readVectors().map(({ encoded }) => sworn.v1.Activity.decode(Buffer.from(encoded, 'hex')));
    await assertAllSame('vectors', await fill('vectors', activities));
  });

  it('are those of proto/leaf.ts whatever an activity holds', async () => {
    const activities = fc.sample(anyActivity, 3000);
    await assertAllSame('any', await fill('any', activities));
  });

  it('are those of a busy host, and grow the tree that they are leaves of', async () => {
    const all = await fill(
      'busy',
      Array.from({ length: 5000 }, (_, at) => makeActivity(at + 1)),
    );
    await assertAllSame('busy', all);
    const page = await readPage(store, 'busy', all.length);
    const frontier = new MerkleFrontier();
    let edge: Buffer = Buffer.alloc(0);
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [1, 700],
      [700, 4096],
      [4096, 5000],
    ] as const) {
      edge = addon.growTree(from, edge, page.computed.subarray(from * 32, to * 32));
      for (const { leaf } of all.slice(from, to)) frontier.append(leaf);
      assert.deepEqual(edge, Buffer.concat(frontier.subtrees));
    }
    assert.throws(() => addon.growTree(3, Buffer.alloc(32), page.computed), RangeError);
  });

  it('tell what a row says that its leaf does not bind', async (t) => {
    await fill('foreign', [{ loss: { where: 'ring' } }, { loss: { where: 'ring' } }, { command: { statement: 'x' } }]);
    const change = changeRows(store.engine!);
    t.after(() => change.close());
    await change.run("ALTER TABLE sworn.activities UPDATE statement = 'x' WHERE agent_id = 'foreign' AND seq = 2");
    await change.run("ALTER TABLE sworn.activities UPDATE statement = 'y' WHERE agent_id = 'foreign' AND seq = 3");
    const { states } = await readPage(store, 'foreign', 3);
    const { present, same, foreign, payload } = rowState;
    assert.deepEqual([...states], [present | same, present | same | foreign, present | payload]);
  });

  it('never come out of bytes that are not whole, and nothing is read beyond them', async () => {
    await fill('damaged', fullActivities());
    const { bytes } = await readPage(store, 'damaged', fullActivities().length);
    const room = () => [Buffer.alloc(320), Buffer.alloc(320), Buffer.alloc(10)] as const;
    for (let end = 1; end < bytes.length; end += 7) {
      // A copy of its own, so that a read beyond the end is one beyond memory that is ours.
      const cut = new Uint8Array(bytes.subarray(0, end));
      assert.throws(() => writer.read(cut, 1, ...room()), /block|column|row/, `cut at ${end}`);
    }
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, (list) => {
        const damaged = new Uint8Array(bytes);
        for (const [at, byte] of list) damaged[at] = byte;
        try {
          writer.read(damaged, 1, ...room());
        } catch (error) {
          assert.match((error as Error).message, /block|column|row/);
        }
      }),
      { numRuns: 3000 },
    );
    assert.throws(() => new addon.RowLeafWriter(plan.subarray(0, 300), texts), RangeError);
    assert.throws(() => new addon.RowLeafWriter(plan, texts.slice(1)), RangeError);
  });
});
