// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { anyActivity } from '../../proto/any-activity.ts';
import { leafOf, payloadDigests } from '../../proto/leaf.ts';
import { type Activity, KINDS, type Kind, kindOf } from '../model/activity.ts';
import { PAYLOAD_COLUMNS } from '../model/payload-columns.ts';
import { connect } from '../store/clickhouse/client.ts';
import { append, type ErasureStage, OWN_ID, sealed, startErasureStage } from '../testing/erasure-stage.ts';
import { asReceived, fullActivities } from '../testing/full-activities.ts';
import { leafRowsSql, leavesOfRows } from '../testing/leaf-oracle.ts';
import { readRows } from '../testing/test-store.ts';

const REASON = 'a request of the person';
const request = (predicate: Parameters<ErasureStage['erasures']['matching']>[0]) => ({
  predicate,
  reason: REASON,
  requestedBy: 'admin',
});
const HAVE_PAYLOAD = [...PAYLOAD_COLUMNS.keys()];

describe('erasure', () => {
  let stage: ErasureStage;
  before(async () => {
    stage = await startErasureStage();
  });
  after(() => stage.stop());

  const rowsOf = (agent: string) =>
    readRows<Record<string, unknown> & { kind: Kind; erasure_seq: string }>(stage.store, leafRowsSql(), { agent });

  it('leaves the leaf of every kind, by our code and by the page alone, and no payload', async () => {
    const activities = fullActivities();
    await append(stage.store, 'every-kind', activities);
    const eraser = stage.eraser();
    const tombstone = await eraser.erase(request({ agent: 'every-kind' }));
    await eraser.idle();
    const rows = await rowsOf('every-kind');
    assert.deepEqual(
      leavesOfRows(rows),
      activities.map((one) => Buffer.from(one.leaf).toString('hex')),
    );
    for (const [at, row] of rows.entries()) {
      const columns = PAYLOAD_COLUMNS.get(row.kind) ?? [];
      assert.equal(row.erasure_seq, columns.length === 0 ? '0' : String(tombstone!.seq), row.kind);
      if (columns.length === 0) continue;
      const expected = [...payloadDigests(activities[at]!)].map(([name, one]) => [
        name,
        Buffer.from(one).toString('hex'),
      ]);
      assert.deepEqual(row['digests_hex'], Object.fromEntries(expected));
      for (const { column } of columns) {
        const value = row[column];
        const isEmpty = typeof value === 'string' ? /^\0*$/.test(value) : Object.keys(value as object).length === 0;
        assert.ok(isEmpty, `${row.kind}.${column}`);
      }
      assert.match(String(row['salt_bytes']), /^\0{16}$/);
    }
  });

  it('computes the digests of whatever a field can hold', async () => {
    const some = fc
      .sample(anyActivity, { numRuns: 300, seed: 11 })
      .map((one, at) => asReceived({ ...one, seq: at + 1 }));
    // Only what an agent may send: fixed sizes, ports, times before 2262.
    const activities = some.map((one) => fit(one));
    // Lengths whose uvarint has two and three bytes, and a digest that ends with zeros.
    const long = fullActivities(activities.length + 1).slice(0, 3);
    long[0]!.command!.attributes = { a: 'x'.repeat(127), b: 'y'.repeat(128), c: 'z'.repeat(16_384), '': '' };
    long[0]!.command!.requestSha256 = Buffer.concat([Buffer.alloc(30, 5), Buffer.alloc(2)]);
    long[1]!.process!.argv = ['', 'é'.repeat(64), 'w'.repeat(2_097_152)];
    long[2]!.connection!.attributes = { '\u{1f511}': '1', '\uffff': '2', a: '3', B: '4' };
    activities.push(...long);
    await append(stage.store, 'any', activities);
    const eraser = stage.eraser();
    await eraser.erase(request({ agent: 'any' }));
    await eraser.idle();
    const rows = await readRows<{ digests: Record<string, string>; kind: Kind; leaf: string }>(
      stage.store,
      `SELECT kind, leaf, mapApply((name, digest) -> (name, lower(hex(digest))), payload_digests) AS digests
       FROM activities WHERE agent_id = 'any' ORDER BY seq`,
    );
    for (const [at, row] of rows.entries()) {
      const expected = HAVE_PAYLOAD.includes(row.kind)
        ? payloadDigests(activities[at]!)
        : new Map<string, Uint8Array>();
      const hex = [...expected].map(([name, one]) => [name, Buffer.from(one).toString('hex')]);
      assert.deepEqual(row.digests, Object.fromEntries(hex), row.kind);
      assert.equal(row.leaf, leafOf(activities[at]!, 'any', 'h').toString('hex'));
    }
  });

  it('names in its tombstone what it took: agents, ranges, count and the digest of the leaves', async () => {
    const of = (agentId: string, seqs: readonly number[], identityName: string) =>
      append(
        stage.store,
        agentId,
        seqs.map((seq) =>
          asReceived({ ...fullActivities()[0]!, seq, identityName, identityId: '', onBehalfOfName: '' }),
        ),
      );
    await of('t-1', [1, 2, 3], 'mallory');
    await of('t-1', [4, 5], 'alice');
    await of('t-2', [1], 'alice');
    await of('t-2', [2, 3], 'mallory');
    const eraser = stage.eraser();
    const tombstone = await eraser.erase(request({ identity: 'mallory' }));
    await eraser.idle();
    const leaves = await readRows<{ leaf: string; agent_id: string; seq: string }>(
      stage.store,
      `SELECT agent_id, seq, leaf FROM commands WHERE erasure_seq = ${tombstone!.seq} ORDER BY agent_id, seq`,
    );
    assert.deepEqual(
      leaves.map(({ agent_id, seq }) => `${agent_id}:${seq}`),
      ['t-1:1', 't-1:2', 't-1:3', 't-2:2', 't-2:3'],
    );
    const digest = createHash('sha256')
      .update(Buffer.from(leaves.map(({ leaf }) => leaf).join(''), 'hex'))
      .digest('hex');
    const [row] = await readRows<Record<string, unknown>>(
      stage.store,
      `SELECT agent_id, action, identity, predicate, reason, requested_by, activities, agents, digest
       FROM erasures WHERE seq = ${tombstone!.seq}`,
    );
    assert.deepEqual(row, {
      agent_id: OWN_ID,
      action: 'payload_erased',
      identity: 'mallory',
      predicate: '{"identity":"mallory"}',
      reason: REASON,
      requested_by: 'admin',
      activities: '5',
      agents: { 't-1': '1-3', 't-2': '2-3' },
      digest,
    });
    const kept = await readRows<{ statement: string }>(
      stage.store,
      "SELECT statement FROM commands WHERE identity_name = 'alice'",
    );
    assert.equal(kept.filter(({ statement }) => statement !== '').length, 3);
    assert.equal(await eraser.erase(request({ identity: 'mallory' })), undefined, 'nothing is left to erase');
  });

  it('takes the alerts that quote what it takes, and no others', async () => {
    const [command] = fullActivities();
    const alert = fullActivities().find((one) => one.alert != null)!;
    const about = (matchedSeq: number, seq: number) =>
      asReceived({ ...alert, seq, alert: { ...alert.alert, matchedAgentId: 'quoted', matchedSeq } });
    await append(stage.store, 'quoted', [
      asReceived({ ...command!, seq: 1 }),
      asReceived({ ...fullActivities()[1]!, seq: 2 }),
    ]);
    await append(stage.store, 'alerts-of-quoted', [about(1, 1), about(2, 2)]);
    const eraser = stage.eraser();
    const tombstone = await eraser.erase(request({ agent: 'quoted', kinds: ['command'] }));
    await eraser.idle();
    const rows = await readRows<{ agent_id: string; seq: string; erased: string }>(
      stage.store,
      `SELECT agent_id, seq, erasure_seq AS erased FROM activities
       WHERE agent_id IN ('quoted', 'alerts-of-quoted') ORDER BY agent_id, seq`,
    );
    const seq = String(tombstone!.seq);
    assert.deepEqual(
      rows.map(({ agent_id, seq: at, erased }) => [agent_id, at, erased]),
      [
        ['alerts-of-quoted', '1', seq],
        ['alerts-of-quoted', '2', '0'],
        ['quoted', '1', seq],
        ['quoted', '2', '0'],
      ],
    );
  });

  it('keeps no digest of a row that nobody sealed', async () => {
    const batch = stage.store.newBatch();
    const unsealed = asReceived({ ...fullActivities()[0]!, salt: null, leaf: null });
    batch.add('command', unsealed, { agentId: 'unsealed', host: 'h' });
    await stage.store.append([batch]);
    const eraser = stage.eraser();
    await eraser.erase(request({ agent: 'unsealed' }));
    await eraser.idle();
    const [row] = await readRows<{ statement: string; n: string }>(
      stage.store,
      "SELECT statement, length(payload_digests) AS n FROM activities WHERE agent_id = 'unsealed'",
    );
    assert.deepEqual(row, { statement: '', n: '0' });
  });

  it('goes on after its process, or the engine, was killed in the middle', async () => {
    const activities = Array.from({ length: 200 }, (_, at) => asReceived({ ...fullActivities()[0]!, seq: at + 1 }));
    await append(stage.store, 'killed', activities);
    // The first one ends when the tombstone is stored, as if it had been killed there.
    const first = stage.eraser();
    const announced = await first.erase(request({ agent: 'killed' }));
    await first.stop();
    const pending = await stage.erasures.pending();
    assert.ok(pending.some(({ seq }) => seq === announced!.seq));
    process.kill(stage.engine!.pid!, 'SIGKILL');
    const second = stage.eraser();
    let failures = 0;
    for (;;) {
      try {
        await second.resume();
        break;
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'store_unavailable');
        assert.ok(++failures < 500);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    await assert.rejects(second.erase(request({ agent: 'killed' })), { code: 'erasure_running' });
    await second.idle();
    const left = await readRows<{ n: string }>(
      stage.store,
      "SELECT count() AS n FROM activities WHERE agent_id = 'killed' AND (erasure_seq = 0 OR statement != '')",
    );
    assert.equal(left[0]!.n, '0');
    await second.stop();
  });

  it('is told as different when the rows are not those that were announced', async () => {
    await append(stage.store, 'differs', [asReceived({ ...fullActivities()[0]!, seq: 1 })]);
    const eraser = stage.eraser();
    const tombstone = await eraser.announce(async () => ({
      action: 'payload_erased',
      identity: '',
      predicate: '{"agent":"differs"}',
      reason: REASON,
      requestedBy: 'admin',
      activities: 2,
      agents: new Map([['differs', { first: 1, last: 1 }]]),
      digest: Buffer.alloc(32, 1),
    }));
    await eraser.idle();
    assert.equal(eraser.progress(tombstone!.seq)?.state, 'differs');
  });
});

describe('erasure on the disk', () => {
  it('is completed when no file holds what it took', async (t) => {
    const stage = await startErasureStage();
    t.after(() => stage.stop());
    const client = connect(stage.address!, 1);
    t.after(() => client.close());
    await client.command({
      query: `ALTER TABLE sworn.activities MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1,
        cleanup_delay_period_random_add = 0, merge_tree_clear_old_parts_interval_seconds = 1`,
    });
    const salt = Buffer.from('salt-of-activity');
    const statement = 'SELECT secret_word_5a8e FROM t';
    const activities = Array.from({ length: 40 }, (_, at) =>
      asReceived({
        ...fullActivities()[0]!,
        seq: at + 1,
        salt,
        command: { statement, request: Buffer.from(statement) },
      }),
    );
    // One at a time, so that there are several parts.
    for (const one of activities.slice(0, 5)) await append(stage.store, 'disk', [one]);
    await append(stage.store, 'disk', activities.slice(5));
    const holds = (text: string) =>
      filesOf(stage.dataFolder!).filter((file) => unlessGone(() => readFileSync(file).includes(text), false));
    // Small blocks are stored as they are when compression does not pay; the salt never is compressed.
    assert.ok(holds(salt.toString()).length > 0, 'what is looked for can be found');
    const eraser = stage.eraser();
    const tombstone = await eraser.erase(request({ agent: 'disk' }));
    await eraser.idle();
    while (eraser.progress(tombstone!.seq)?.state !== 'completed')
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(holds(salt.toString()), []);
    assert.deepEqual(holds('secret_word_5a8e'), []);
    const [row] = await readRows<{ completed: number }>(
      stage.store,
      `SELECT completed FROM erasures WHERE seq = ${tombstone!.seq}`,
    );
    assert.equal(row!.completed, 1);
    assert.deepEqual(await stage.erasures.pending(), []);
  });
});

/** Merges of the engine may remove a file at any time: one that has gone holds nothing. */
function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}

function filesOf(folder: string): string[] {
  return unlessGone(() => readdirSync(folder, { withFileTypes: true }), []).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.isFile() ? [path] : [];
  });
}

function fit(activity: Activity): Activity {
  const { command, connection, token } = activity;
  const digest = Buffer.alloc(32, 3);
  const inTime = (value: unknown) => (typeof value === 'number' ? value : 5);
  if (command != null) {
    if ((command.requestSha256?.length ?? 0) > 0) command.requestSha256 = digest;
    if ((command.responseSha256?.length ?? 0) > 0) command.responseSha256 = digest;
  }
  if (activity.erasure != null) activity.erasure.digest = digest;
  if (connection != null) Object.assign(connection, { localPort: 1, remotePort: 2 });
  if (token != null) Object.assign(token, { issuedAtNs: 1, expiresAtNs: 2 });
  activity.timeNs = inTime(activity.timeNs) as Activity['timeNs'];
  activity.endTimeNs = inTime(activity.endTimeNs) as Activity['endTimeNs'];
  assert.ok(KINDS.includes(kindOf(activity)!));
  return sealed(activity, 'any');
}
