// SPDX-License-Identifier: Apache-2.0

/** What is done to a record in a real ClickHouse, by somebody with all rights there, is found and named. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { kindOf } from '../../collector/model/activity.ts';
import type { AnswerFormat } from '../../collector/store/event-store.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { asReceived, fullActivities } from '../../collector/testing/full-activities.ts';
import { readRows, startEmbeddedStore, type TestStore } from '../../collector/testing/test-store.ts';
import { leafOf, payloadDigests } from '../../proto/leaf.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { createVerifier, formatVerifier, parseNote } from '../../proto/log/note.ts';
import { sworn } from '../../proto/record.ts';
import { type ChangedRows, changeRows } from '../testing/changed-rows.ts';
import { COLLECTOR, SealedRecord } from '../testing/sealed-record.ts';
import { isFault } from './audit-finding.ts';
import type { AnchoredNote } from './checkpoint-points.ts';
import { CollectorRecord, type RecordClient } from './collector-record.ts';
import type { Span } from './log-audit.ts';
import { makeProof } from './make-proof.ts';
import { checkProof, formatProofFile, parseProofFile, ringOf } from './proof.ts';
import { auditRecord, type IntegrityReport } from './record-audit.ts';

const addon = loadAddon();

interface LooseProof {
  seq: number;
  host: string;
  activity: Record<string, unknown>;
  tree_size: number;
  checkpoint: string;
  inclusion: string[];
}

interface Stage {
  readonly store: TestStore;
  readonly record: SealedRecord;
  readonly change: ChangedRows;
  readonly client: RecordClient;
  readonly source: CollectorRecord;
  audit(more?: { anchored?: AnchoredNote[]; keys?: string[]; spans?: Map<string, Span> }): Promise<IntegrityReport>;
  /** Kind, agent and range of each fault. */
  faults(anchored?: AnchoredNote[]): Promise<string[]>;
}

/** What an audit reads. */
const TABLES = ['activities', 'checkpoints', 'log_keys', 'log_tiles'];

/** A record as it was made, and how to have it again. */
interface Kept {
  readonly record: SealedRecord;
  putBack(): Promise<void>;
}

// One engine for all tests: to start one and to fill it takes longer than most audits.
let store: TestStore;
let change: ChangedRows;
/** A collector with rows of its own, sealed. */
let collectorOnly: Kept;
/** And two agents, sealed every hundred rows, with some rows that are not sealed yet. */
let withAgents: Kept;

before(async () => {
  store = await startEmbeddedStore();
  change = changeRows(store.engine!);
  const record = new SealedRecord(store, change);
  const keep = async (name: string): Promise<Kept> => ({
    record: record.again(),
    putBack: await change.keep(name, TABLES),
  });
  await record.start();
  await record.add(COLLECTOR, fullActivities());
  await record.seal(COLLECTOR);
  collectorOnly = await keep('collector_only');
  for (const agent of ['a-1', 'b-2']) {
    for (let round = 0; round < 3; round++) {
      await record.addMade(agent, 100);
      await record.seal(agent);
    }
    await record.addMade(agent, 10);
  }
  withAgents = await keep('with_agents');
});
after(async () => {
  await change?.close();
  await store?.stop();
});

async function setStage(kept = withAgents): Promise<Stage> {
  await kept.putBack();
  const record = kept.record.again();
  const client = {
    rows: <T>(sql: string, parameters?: Readonly<Record<string, string | number>>) =>
      readRows<T>(store.store, sql, parameters),
    async query(sql: string, format: string, parameters: Readonly<Record<string, string | number>> = {}) {
      const { stream } = await store.store.query({ sql, format: format as AnswerFormat, parameters });
      return new Response(Readable.toWeb(stream) as never);
    },
    async stream(sql: string, format: string, parameters: Readonly<Record<string, string | number>> = {}) {
      return (await store.store.query({ sql, format: format as AnswerFormat, parameters })).stream;
    },
  };
  const source = new CollectorRecord(client);
  const audit: Stage['audit'] = ({ anchored = [], keys = [], spans } = {}) =>
    auditRecord({
      source: new CollectorRecord(client),
      addon,
      trusted: keys.map((line) => ({ line, trust: 'given' })),
      anchored,
      spans,
      onProgress: () => {},
      pageRows: 64,
    });
  return {
    store,
    record,
    change,
    client,
    source,
    audit,
    async faults(anchored = []) {
      const { problems, ok } = await audit({ anchored });
      const faults = problems.filter(isFault);
      assert.equal(ok, faults.length === 0);
      return faults.map(({ kind, agent_id, first_seq, last_seq }) => `${kind} ${agent_id}:${first_seq}-${last_seq}`);
    },
  };
}

/** A copy of rows with some columns made anew. */
function copy(where: string, replaced: string): string {
  return `INSERT INTO sworn.activities SELECT * REPLACE (${replaced}) FROM (SELECT * FROM sworn.activities WHERE ${where})`;
}

describe('an audit', () => {
  it('finds nothing in a clean record, whatever pages it is read in', async () => {
    const { audit, record } = await setStage();
    const report = await audit();
    const { ok, agents, activities, checkpoints, cosigned, problems } = report;
    assert.deepEqual([ok, agents, checkpoints, cosigned], [true, 3, 7, 6]);
    assert.equal(activities, 620 + fullActivities().length);
    assert.deepEqual(
      problems.map(({ kind, agent_id, first_seq, last_seq }) => [kind, agent_id, first_seq, last_seq]),
      [
        ['not_sealed_yet', 'a-1', 301, 310],
        ['not_sealed_yet', 'b-2', 301, 310],
      ],
    );
    assert.deepEqual(new Set(report.keys.map(({ trust }) => trust)), new Set(['collector']));
    const known = await audit({ keys: [record.collectorKey] });
    assert.equal(known.ok, true);
    assert.ok(known.keys.some(({ trust }) => trust === 'given'));
  });

  it('asks for whole pages, however close checkpoints are', async () => {
    const { source } = await setStage();
    const asked: (readonly [first: number, count: number])[] = [];
    const page = source.page.bind(source);
    source.page = (agentId, firstSeq, count, room) => {
      asked.push([firstSeq, count]);
      return page(agentId, firstSeq, count, room);
    };
    const report = await auditRecord({
      ...{ source, addon, trusted: [], anchored: [], agentId: 'a-1', onProgress: () => {} },
      pageRows: 150,
    });
    assert.deepEqual([report.ok, report.activities, report.checkpoints], [true, 310, 3]);
    assert.deepEqual(asked, [
      [1, 100],
      [101, 150],
      [251, 150],
    ]);
  });

  it('does not ask for columns that no row has anything in, and asks again where one seemed to have nothing', async () => {
    const { client } = await setStage();
    const asked: string[] = [];
    const audit = (isLying: boolean): Promise<IntegrityReport> => {
      const listening: typeof client = {
        query: client.query,
        stream: (sql, format, parameters) => {
          asked.push(sql);
          return client.stream(sql, format, parameters);
        },
        rows: async <T>(sql: string, parameters?: Readonly<Record<string, string | number>>) => {
          const rows = await client.rows<T>(sql, parameters);
          if (!isLying || !sql.includes('AS filled')) return rows;
          return rows.map((row) => ({ ...row, filled: Array(200).fill(0) }));
        },
      };
      const source = new CollectorRecord(listening);
      return auditRecord({
        ...{ source, addon, trusted: [], anchored: [], agentId: 'a-1', onProgress: () => {} },
        pageRows: 150,
      });
    };
    const report = await audit(false);
    assert.deepEqual([report.ok, report.activities], [true, 310]);
    assert.deepEqual(
      asked.map((sql) => [sql.includes('`statement`'), sql.includes('`claims`'), sql.includes('`payload_digests`')]),
      // The last page goes beyond the last row, and one may be coming.
      [
        [true, false, true],
        [true, false, true],
        [true, true, true],
      ],
    );
    asked.length = 0;
    const second = await audit(true);
    assert.deepEqual([second.ok, second.activities, second.problems], [true, 310, report.problems]);
    assert.deepEqual(
      asked.map((sql) => sql.includes('`statement`')),
      [false, true, false, true, true],
    );
  });

  it('reads only the parts that are asked for, and says so', async () => {
    const { audit, change } = await setStage();
    const spans = new Map<string, Span>([['a-1', [150, 160]]]);
    const { ok, activities, logs } = await audit({ spans });
    assert.deepEqual([ok, activities, logs[0]?.byHashes], [true, 100, 200]);
    await change.run("ALTER TABLE sworn.activities UPDATE target = 'x' WHERE agent_id = 'a-1' AND seq = 5");
    assert.equal((await audit({ spans })).ok, true);
    assert.equal((await audit({ spans: new Map<string, Span>([['a-1', [5, 5]]]) })).ok, false);
  });

  it('names altered rows, with and without their leaf', async () => {
    const { faults, change } = await setStage();
    await change.run("ALTER TABLE sworn.activities UPDATE target = 'elsewhere' WHERE agent_id = 'a-1' AND seq = 42");
    await change.run(
      "ALTER TABLE sworn.activities UPDATE leaf_bytes = unhex(repeat('ab', 32)) WHERE agent_id = 'a-1' AND seq = 144",
    );
    await change.run("ALTER TABLE sworn.activities UPDATE claims = 'x' WHERE agent_id = 'b-2' AND seq = 305");
    assert.deepEqual(await faults(), ['altered a-1:42-42', 'altered a-1:144-144', 'altered b-2:305-305']);
  });

  it('names an edited payload where the rest of the row shows it', async () => {
    const { faults, change } = await setStage();
    await change.run("ALTER TABLE sworn.activities UPDATE statement = 'SELECT 1' WHERE agent_id = 'a-1' AND seq = 1");
    await change.run("ALTER TABLE sworn.activities UPDATE request = 'SELECT 1' WHERE agent_id = 'a-1' AND seq = 3");
    await change.run("ALTER TABLE sworn.activities UPDATE resource = 'SELECT 1' WHERE agent_id = 'b-2' AND seq = 3");
    assert.deepEqual(await faults(), ['payload_edited a-1:1-1', 'payload_edited a-1:3-3', 'altered b-2:3-3']);
  });

  it('names removed rows, and a tail that was cut', async () => {
    const { faults, change } = await setStage();
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'a-1' AND seq IN (50, 51, 250)");
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'b-2' AND seq > 280");
    assert.deepEqual(await faults(), ['removed a-1:50-51', 'removed a-1:250-250', 'cut_tail b-2:281-300']);
  });

  it('names rows that were put there: under a number that is taken, and behind the end', async () => {
    const { faults, change } = await setStage();
    await change.run(copy("agent_id = 'a-1' AND seq = 20", "'other' AS target"));
    await change.run(copy("agent_id = 'a-1' AND seq = 30", 'received_at AS received_at'));
    assert.deepEqual(await faults(), ['inserted a-1:20-20', 'replayed a-1:30-30']);
  });

  it('names copies at another place, and rows that were exchanged', async () => {
    const { faults, change } = await setStage();
    await change.run(copy("agent_id = 'a-1' AND seq = 20", '999 AS seq'));
    await change.run(copy("agent_id = 'b-2' AND seq = 17", '100018 AS seq'));
    await change.run(copy("agent_id = 'b-2' AND seq = 18", '100017 AS seq'));
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'b-2' AND seq IN (17, 18)");
    await change.run(copy("agent_id = 'b-2' AND seq IN (100017, 100018)", 'seq - 100000 AS seq'));
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'b-2' AND seq > 100000");
    assert.deepEqual(await faults(), ['replayed a-1:999-999', 'swapped b-2:17-17', 'swapped b-2:18-18']);
  });

  it('names the part that was rewritten with its leaves', async () => {
    const { faults, change, store } = await setStage();
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'a-1' AND seq > 100 AND seq <= 200");
    // Others in their place, each with the leaf that comes out of it.
    const batch = store.store.newBatch();
    for (let seq = 101; seq <= 200; seq++) {
      const activity = asReceived({ ...makeActivity(seq + 5000), seq });
      activity.leaf = leafOf(activity, 'a-1', 'höst');
      batch.add(kindOf(activity)!, activity, { agentId: 'a-1', host: 'höst' });
    }
    await store.store.append([batch]);
    assert.deepEqual(await faults(), ['rewritten a-1:101-200']);
  });

  it('names a day of the table that was dropped', async () => {
    const { faults, change, record } = await setStage();
    await record.addMade('c-3', 50);
    await record.seal('c-3', { day: '2026-01-01' });
    await record.addMade('c-3', 50);
    await record.seal('c-3', { day: '2026-01-02' });
    await record.addMade('c-3', 50);
    await record.seal('c-3', { day: '2026-01-03' });
    for (const day of [1, 2, 3]) {
      const [from, to] = [(day - 1) * 50, day * 50];
      await change.run(
        `INSERT INTO sworn.activities SELECT * REPLACE (toDateTime64('2026-01-0${day} 11:00:00', 3, 'UTC') AS received_at)
         FROM sworn.activities WHERE agent_id = 'c-3' AND seq > ${from} AND seq <= ${to}`,
      );
    }
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'c-3' AND received_at > '2026-02-01'");
    assert.deepEqual(await faults(), []);
    await change.run("ALTER TABLE sworn.activities DROP PARTITION '2026-01-02'");
    assert.deepEqual(await faults(), ['partition_dropped c-3:51-100']);
  });

  it('names checkpoints that were removed or rolled back, by those that were kept elsewhere', async () => {
    const { faults, change, record } = await setStage();
    await record.addMade('a-1', 10);
    const note = parseNote(await record.seal('a-1'));
    const anchored = [{ note, place: 'anchor' }];
    assert.deepEqual(await faults(anchored), []);
    await change.run("ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = 'a-1' AND size > 100");
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'a-1' AND seq > 100");
    assert.deepEqual(await faults(), []);
    assert.deepEqual(await faults(anchored), ['cut_tail a-1:101-320']);
    // All of a log is gone, and what is left knows nothing of it.
    await change.run("ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = 'a-1'");
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'a-1'");
    assert.deepEqual(await faults(anchored), ['cut_tail a-1:1-320']);
  });

  it('tells that checkpoints are gone, when rows came for hours in a log that has a key', async () => {
    const { audit, faults, change } = await setStage();
    const hoursAgo = (hours: number, where: string): Promise<void> =>
      change.run(
        copy(where, `now64(3) - INTERVAL ${hours} HOUR AS received_at`).replace(
          'FROM sworn.activities',
          'FROM sworn.moved',
        ),
      );
    const enrolledHoursAgo = async (hours: number): Promise<void> => {
      await change.run('CREATE OR REPLACE TABLE sworn.moved_keys AS sworn.log_keys');
      await change.run('INSERT INTO sworn.moved_keys SELECT * FROM sworn.log_keys');
      await change.run('ALTER TABLE sworn.log_keys DELETE WHERE true');
      await change.run(
        `INSERT INTO sworn.log_keys SELECT * REPLACE (now64(3) - INTERVAL ${hours} HOUR AS time) FROM sworn.moved_keys`,
      );
    };
    await change.run('CREATE TABLE sworn.moved AS sworn.activities');
    await change.run("INSERT INTO sworn.moved SELECT * FROM sworn.activities WHERE agent_id IN ('a-1', 'b-2')");
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id IN ('a-1', 'b-2')");
    await hoursAgo(9, 'seq <= 150');
    await hoursAgo(5, 'seq BETWEEN 151 AND 300');
    await hoursAgo(0, 'seq > 300');
    await enrolledHoursAgo(10);
    assert.deepEqual(await faults(), []);
    await change.run("ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = 'a-1'");
    await change.run("ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = 'b-2' AND size > 100");
    assert.deepEqual(await faults(), ['checkpoint_missing a-1:1-310', 'checkpoint_missing b-2:101-310']);
    assert.equal((await audit({ spans: new Map<string, Span>([['b-2', [5, 90]]]) })).ok, true);
    // Only rows that came since it has a key; and none that only wait for an agent that was killed, or has just come back.
    await enrolledHoursAgo(6);
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'b-2' AND seq BETWEEN 151 AND 300");
    assert.deepEqual(await faults(), ['inserted b-2:301-301']);
  });

  it('names no numbers of rows that are not there', async () => {
    const { audit, change } = await setStage();
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'a-1' AND seq IN (220, 221) OR seq > 280");
    const { problems } = await audit();
    assert.deepEqual(
      problems.flatMap(({ kind, agent_id, first_seq, last_seq }) =>
        agent_id === 'a-1' ? [`${kind} ${first_seq}-${last_seq}`] : [],
      ),
      ['removed 220-221', 'cut_tail 281-300', 'not_sealed_yet 201-219', 'not_sealed_yet 222-280'],
    );
  });

  it('counts the key of a witness once, and that of a collector in both kinds', async () => {
    const { audit, record } = await setStage();
    const { publicKey } = generateKeyPairSync('ed25519');
    const witness = formatVerifier(createVerifier('witness.example', publicKey, 'cosignature'));
    const { keys } = await audit({ keys: [record.collectorKey, witness] });
    const given = keys
      .filter(({ trust }) => trust === 'given')
      .map(({ verifier }) => `${verifier.name} ${verifier.kind}`);
    assert.deepEqual(given, [
      `sworn/${COLLECTOR} cosignature`,
      `sworn/${COLLECTOR} ed25519`,
      'witness.example cosignature',
    ]);
  });

  it('tells what is wrong with checkpoints themselves', async () => {
    const { faults, change, record, audit } = await setStage();
    const fork = new MerkleFrontier();
    for (let at = 0; at < 200; at++) fork.append(Buffer.alloc(32, at));
    const note = await record.note('a-1', fork);
    assert.deepEqual(await faults([{ note: parseNote(note), place: 'anchor' }]), ['forked a-1:200-200']);
    await record.seal('b-2', { verdict: 'rolled_back' });
    await change.run(
      "ALTER TABLE sworn.checkpoints UPDATE note = replaceOne(note, '\\n100\\n', '\\n99\\n') WHERE agent_id = 'a-1' AND size = 100",
    );
    await change.run(
      "ALTER TABLE sworn.checkpoints UPDATE subtrees = [unhex(repeat('00', 32)), unhex(repeat('00', 32)), unhex(repeat('00', 32))] WHERE agent_id = 'b-2' AND size = 200",
    );
    assert.deepEqual(await faults(), ['wrong_root a-1:100-100', 'wrong_root b-2:200-200', 'rolled_back b-2:310-310']);
    const stranger = new SealedRecord({} as TestStore, change);
    const { problems } = await audit({ keys: [stranger.collectorKey] });
    const kinds = problems.filter(isFault).map(({ kind }) => kind);
    assert.deepEqual(kinds.sort().slice(0, 6), [...Array.from({ length: 5 }, () => 'bad_signature'), 'key_changed']);
  });

  it('takes erased payload for what it is, with a tombstone and digests, and for nothing else', async () => {
    const { faults, audit, change, record } = await setStage(collectorOnly);
    const [command] = await record.add('e-5', fullActivities().slice(0, 1));
    await record.addMade('e-5', 3);
    await record.seal('e-5');
    const digests = [...payloadDigests(command!)].map(
      ([name, digest]) => `'${name}', unhex('${Buffer.from(digest).toString('hex')}')`,
    );
    const erase = (stone: number) =>
      `ALTER TABLE sworn.activities UPDATE resource = '', statement = '', statement_shape = '', parameters = '', request = '', response = '',
         error_message = '', request_sha256_bytes = unhex(repeat('00', 32)), response_sha256_bytes = unhex(repeat('00', 32)),
         attributes = map(), salt_bytes = unhex(repeat('00', 16)), payload_digests = map(${digests.join(', ')}), erasure_seq = ${stone}
       WHERE agent_id = 'e-5' AND seq = 1`;
    await change.run(erase(0));
    assert.deepEqual(await faults(), ['payload_edited e-5:1-1']);
    const before = fullActivities().length;
    const { ACTION_PAYLOAD_ERASED } = sworn.v1.Erasure.Action;
    const agents = { 'e-5': '1-1' };
    const announced = { action: ACTION_PAYLOAD_ERASED, reason: 'asked for', requestedBy: 'admin', agents };
    const digest = createHash('sha256').update(command!.leaf!).digest();
    await record.add(COLLECTOR, [
      { erasure: { ...announced, activities: 1, digest } },
      // Of other leaves; and of fewer rows.
      { erasure: { ...announced, activities: 1, digest: createHash('sha256').digest() } },
      { erasure: { ...announced, activities: 0, digest: createHash('sha256').digest() } },
      // Not done yet, or some of its rows were dropped since.
      { erasure: { ...announced, activities: 2, digest: createHash('sha256').digest() } },
    ]);
    await record.seal(COLLECTOR);
    await change.run(erase(before + 4));
    assert.deepEqual(await faults(), []);
    for (const [stone, why] of [
      [2, /their leaves have another digest/],
      [3, /1 rows name tombstone .*, which announced 0/],
    ] as const) {
      await change.run(erase(before + stone));
      assert.deepEqual(await faults(), ['payload_edited e-5:1-1']);
      assert.match((await audit()).problems[0]!.message, why);
    }
    await change.run(erase(before + 1));
    assert.deepEqual(await faults(), []);
    const { problems } = await audit();
    assert.ok(problems.some(({ kind, agent_id }) => kind === 'erased' && agent_id === 'e-5'));
    await change.run("ALTER TABLE sworn.activities UPDATE statement = 'another' WHERE agent_id = 'e-5' AND seq = 1");
    assert.deepEqual(await faults(), ['payload_edited e-5:1-1']);
    await change.run(
      "ALTER TABLE sworn.activities UPDATE statement = '', payload_digests = map() WHERE agent_id = 'e-5' AND seq = 1",
    );
    assert.deepEqual(await faults(), ['digest_missing e-5:1-1']);
  });
});

describe('an audit of what retention left', () => {
  const DROPPED = 65_900;
  const tombstone = (last: number) => ({
    erasure: {
      action: sworn.v1.Erasure.Action.ACTION_ROWS_DROPPED,
      reason: 'retention',
      requestedBy: 'retention',
      agents: { 'r-6': `1-${last}` },
      activities: last,
    },
  });

  it('holds rows behind it against the root, with the hashes that stand for what is gone', async () => {
    const { faults, audit, change, record, source } = await setStage(collectorOnly);
    // What retention dropped was never stored here: its leaves are all that is left of it.
    await record.addGone('r-6', 30_000);
    await record.seal('r-6');
    await record.addGone('r-6', 30_000);
    await record.seal('r-6');
    await record.addGone('r-6', DROPPED - 60_000);
    await record.addMade('r-6', 100);
    await record.seal('r-6');
    await record.tile('r-6', 1, 0);
    for (let index = 256; index * 256 < DROPPED; index++) await record.tile('r-6', 0, index, DROPPED);
    assert.deepEqual(await faults(), [`removed r-6:1-${DROPPED}`]);
    // Two tombstones, as two days make them, speak of one hole.
    await record.add(COLLECTOR, [
      tombstone(40_000),
      { ...tombstone(0), erasure: { ...tombstone(0).erasure, agents: { 'r-6': `40001-${DROPPED}` } } },
    ]);
    await record.seal(COLLECTOR);
    assert.deepEqual(await faults(), []);
    const { logs, problems } = await audit();
    assert.equal(logs.find(({ agentId }) => agentId === 'r-6')?.sealedUpTo, 66_000);
    assert.ok(
      problems.some(({ kind, agent_id, last_seq }) => kind === 'erased' && agent_id === 'r-6' && last_seq === DROPPED),
    );
    const proof = await makeProof(source, addon, 'r-6', 65_950);
    assert.equal(proof.treeSize, 66_000);
    await change.run(
      "ALTER TABLE sworn.log_tiles UPDATE hashes = repeat('x', length(hashes)) WHERE agent_id = 'r-6' AND level = 0 AND index = 256",
    );
    assert.deepEqual(await faults(), ['rewritten r-6:60001-66000']);
    await change.run("ALTER TABLE sworn.log_tiles DELETE WHERE agent_id = 'r-6' AND level = 0 AND index = 256");
    assert.deepEqual(await faults(), ['removed r-6:65537-65792']);
  });

  it('takes no word for it that no collector has signed', async () => {
    const { faults, change, record, store } = await setStage();
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'a-1' AND seq <= 100");
    const seq = fullActivities().length + 1;
    const forged = asReceived({ ...tombstone(100), seq });
    forged.erasure!.agents = { 'a-1': '1-100' };
    forged.leaf = leafOf(forged, COLLECTOR, 'höst');
    const batch = store.store.newBatch();
    batch.add('erasure', forged, { agentId: COLLECTOR, host: 'höst' });
    await store.store.append([batch]);
    await change.run(copy(`agent_id = '${COLLECTOR}' AND seq = ${seq}`, 'received_at - 3600 AS received_at'));
    await change.run(
      `ALTER TABLE sworn.activities DELETE WHERE agent_id = '${COLLECTOR}' AND seq = ${seq} AND received_at > now() - 1800`,
    );
    assert.deepEqual(await faults(), ['removed a-1:1-100']);
    // An agent says it of itself.
    await record.add('a-1', [
      { ...tombstone(100), erasure: { ...tombstone(100).erasure, agents: { 'a-1': '1-100' } } },
    ]);
    await record.seal('a-1');
    assert.deepEqual(await faults(), ['removed a-1:1-100']);
  });
});

describe('a proof', () => {
  it('holds by itself, of every kind and place, and only for what it is of', async () => {
    const { source, record } = await setStage();
    const lines = (await source.keys()).map(({ verifier, origin }) => ({ line: verifier, origin }));
    const places: [string, number][] = [1, 2, 64, 100, 101, 150, 299, 300].map((seq) => ['a-1', seq]);
    for (const { length } of [fullActivities()]) for (let seq = 1; seq <= length; seq++) places.push([COLLECTOR, seq]);
    for (const [agentId, seq] of places) {
      const text = formatProofFile({ proofs: [await makeProof(source, addon, agentId, seq)], keys: lines });
      const file = parseProofFile(text);
      const verdict = checkProof(file.proofs[0]!, ringOf(file, [{ line: record.collectorKey, trust: 'given' }]));
      assert.deepEqual([verdict.message, verdict.ok], ['', true], `${agentId}:${seq}`);
      assert.equal(verdict.cosigned, agentId !== COLLECTOR);
      const json = JSON.parse(text);
      const changes: ((proof: LooseProof) => void)[] = [
        (proof) => {
          proof.seq += 1;
        },
        (proof) => {
          proof.host = 'other';
        },
        (proof) => {
          proof.activity['exe'] = 'other';
        },
        (proof) => {
          proof.tree_size += 1;
        },
        (proof) => {
          proof.checkpoint = proof.checkpoint.replace(/\n\d+\n/, '\n100000\n');
        },
        (proof) => {
          proof.inclusion[0] = Buffer.alloc(32).toString('base64');
        },
      ];
      for (const change of changes) {
        const changed = structuredClone(json);
        change(changed.proofs[0]);
        const other = parseProofFile(JSON.stringify(changed));
        assert.equal(checkProof(other.proofs[0]!, ringOf(other, [])).ok, false, String(change));
      }
    }
    await assert.rejects(makeProof(source, addon, 'a-1', 301), /no checkpoint covers/);
    await assert.rejects(makeProof(source, addon, 'a-1', 9999), /there is no activity/);
  });
});
