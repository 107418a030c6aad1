// SPDX-License-Identifier: Apache-2.0

/** Delivery through the real path: a gRPC client over mutual TLS, the embedded engine behind it, SQL to look. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { sworn } from '../../proto/record.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { encodeActivities, encodeBatch, makeBatch } from '../testing/batch-maker.ts';
import { fullActivities } from '../testing/full-activities.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, startTestCollector, type TestCollector, temporaryFolder } from '../testing/test-collector.ts';

const BATCH_BYTES_MAX = 1 << 20;
const stateDir = temporaryFolder();
let collector: TestCollector;
let agents: TestAgent[] = [];
let names = 0;

/** A new agent each time: what one test stores is nothing to another. */
async function connect(name = `agent-${++names}`): Promise<TestAgent> {
  const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(name));
  agents.push(agent);
  return agent;
}

async function counts(agentId: string): Promise<{ rows: number; seqs: number; highest: number }> {
  const [row] = await collector.ask<{ c: string; d: string; m: string }>(
    'SELECT count() AS c, uniqExact(seq) AS d, max(seq) AS m FROM activities WHERE agent_id = {agent:String}',
    { agent: agentId },
  );
  return { rows: Number(row!.c), seqs: Number(row!.d), highest: Number(row!.m) };
}

async function metric(line: string): Promise<number> {
  const response = await fetch(`${collector.apiUrl}/metrics`, {
    headers: { authorization: `Bearer ${collector.apiToken}` },
  });
  const found = (await response.text()).split('\n').find((text) => text.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

function batchMessage(batch: sworn.v1.Batch.$Properties): Buffer {
  return Buffer.from(sworn.v1.Delivery.encode({ batch }).finish());
}

describe('ingest', () => {
  before(async () => {
    collector = await startTestCollector(stateDir, {
      ingest: { batch_bytes_max: BATCH_BYTES_MAX, stream_bytes_max: 2 << 20, total_bytes_max: 4 << 20 },
    });
  });
  after(async () => {
    for (const agent of agents) agent.close();
    agents = [];
    await collector.stop();
    removeFolder(stateDir);
  });

  it('welcomes a new agent at 0, stores what it sends, and says so', async () => {
    const agent = await connect();
    assert.equal(await agent.hello(), 0);
    assert.equal((await agent.welcome).batchBytesMax, BATCH_BYTES_MAX);
    agent.send(makeBatch(1, 100));
    agent.send(makeBatch(101, 50));
    await agent.stored(150);
    assert.deepEqual(await counts(agent.agentId), { rows: 150, seqs: 150, highest: 150 });
  });

  it('takes every kind of activity but what collectors write, with every field', async () => {
    const agent = await connect();
    await agent.hello();
    const activities = fullActivities()
      .filter(({ alert, erasure }) => alert == null && erasure == null)
      .map((activity, at) => ({ ...activity, seq: at + 1 }));
    agent.send(encodeBatch(activities));
    await agent.stored(activities.length);
    const kinds = await collector.ask<{ kind: string }>(
      'SELECT kind FROM activities WHERE agent_id = {agent:String} ORDER BY seq',
      { agent: agent.agentId },
    );
    assert.deepEqual(
      kinds.map(({ kind }) => kind),
      ['command', 'process', 'connection', 'token', 'loss', 'session', 'recorder', 'finding', 'terminal'],
    );
  });

  it('tells an agent that comes again where to go on, and stores nothing twice', async () => {
    const agent = await connect();
    await agent.hello();
    agent.send(makeBatch(1, 100));
    await agent.stored(100);
    agent.close();
    const again = await connect(agent.agentId);
    assert.equal(await again.hello({ firstSeq: 1, lastSeq: 160 }), 100);
    const before = await metric('sworn_collector_activities_trimmed_total');
    again.send(makeBatch(1, 60));
    again.send(makeBatch(61, 60));
    again.send(makeBatch(121, 40));
    await again.stored(160);
    assert.deepEqual(await counts(agent.agentId), { rows: 160, seqs: 160, highest: 160 });
    assert.equal((await metric('sworn_collector_activities_trimmed_total')) - before, 100);
  });

  it('refuses a gap and keeps what came before it', async () => {
    const agent = await connect();
    await agent.hello();
    agent.send(makeBatch(1, 10));
    await agent.stored(10);
    agent.send(makeBatch(12, 10));
    assert.deepEqual(await agent.refused.then(({ code, retry }) => ({ code, retry })), { code: 'gap', retry: true });
    await agent.ended;
    assert.deepEqual(await counts(agent.agentId), { rows: 10, seqs: 10, highest: 10 });
  });

  it('refuses an agent that is not the one its certificate names', async () => {
    const agent = await connect();
    agent.hello({ agentId: 'another-agent' }).catch(() => {});
    assert.equal((await agent.refused).code, 'wrong_agent');
  });

  it('does not speak to a client without a certificate, or with one of another authority', async () => {
    const { LocalTrust } = await import('../trust/certificates.ts');
    const folder = temporaryFolder();
    const foreign = await new LocalTrust(folder).issueAgentCertificate('foreign', { now: new Date() });
    const agent = new TestAgent(collector.ingest.port, { ...foreign, caPem: collector.caPem });
    agents.push(agent);
    await assert.rejects(agent.hello());
    removeFolder(folder);
  });

  it('refuses a journal that ends before what is stored', async () => {
    const agent = await connect();
    await agent.hello();
    agent.send(makeBatch(1, 20));
    await agent.stored(20);
    const again = await connect(agent.agentId);
    again.hello({ firstSeq: 1, lastSeq: 5 }).catch(() => {});
    assert.equal((await again.refused).code, 'rolled_back');
  });

  it('goes on behind a hole that nobody can fill, and leaves a loss that says so', async () => {
    const agent = await connect();
    assert.equal(await agent.hello({ firstSeq: 501, lastSeq: 600 }), 500);
    agent.send(makeBatch(501, 100));
    await agent.stored(600);
    const [loss] = await collector.ask<Record<string, string>>(
      "SELECT agent_id, host, reason, events FROM losses WHERE place = 'delivery' AND host = {host:String}",
      { host: `host-of-${agent.agentId}` },
    );
    assert.deepEqual(loss, {
      agent_id: collector.collectorId,
      host: `host-of-${agent.agentId}`,
      reason: 'journal_begins_later',
      events: '500',
    });
  });

  it('ends the older of two streams of an agent, and loses nothing of either', async () => {
    const older = await connect();
    await older.hello();
    for (let seq = 1; seq <= 2000; seq += 100) older.send(makeBatch(seq, 100));
    const newer = await connect(older.agentId);
    const storedSeq = await newer.hello();
    assert.equal((await older.refused).code, 'superseded');
    assert.equal(storedSeq % 100, 0);
    for (let seq = storedSeq + 1; seq <= 2000; seq += 100) newer.send(makeBatch(seq, 100));
    await newer.stored(2000);
    assert.deepEqual(await counts(older.agentId), { rows: 2000, seqs: 2000, highest: 2000 });
  });

  it('keeps the newest of many streams that come at once', async () => {
    const name = `agent-${++names}`;
    const many = await Promise.all(Array.from({ length: 8 }, () => connect(name)));
    const welcomed = await Promise.allSettled(many.map((agent) => agent.hello()));
    const alive = many.filter((_, at) => welcomed[at]!.status === 'fulfilled');
    assert.ok(alive.length >= 1);
    const results = await Promise.allSettled(
      alive.map(async (agent) => {
        agent.send(makeBatch(1, 300));
        await agent.stored(300);
      }),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.deepEqual(await counts(name), { rows: 300, seqs: 300, highest: 300 });
  });

  it('stores batches of many agents side by side', async () => {
    const many = await Promise.all(Array.from({ length: 12 }, () => connect()));
    await Promise.all(
      many.map(async (agent) => {
        await agent.hello();
        for (let seq = 1; seq <= 500; seq += 50) agent.send(makeBatch(seq, 50));
        await agent.stored(500);
      }),
    );
    for (const agent of many) assert.deepEqual(await counts(agent.agentId), { rows: 500, seqs: 500, highest: 500 });
  });

  it('holds back an agent that sends more than may be in memory, and drops nothing', async () => {
    const agent = await connect();
    await agent.hello();
    // Five times the whole budget, sent without waiting for any receipt.
    const response = Buffer.alloc(256 << 10, 'x');
    for (let seq = 1; seq <= 80; seq++) {
      const { command, ...rest } = makeActivity(20);
      agent.send(encodeBatch([{ ...rest, seq, command: { ...command, response } }]));
    }
    await agent.stored(80);
    assert.deepEqual(await counts(agent.agentId), { rows: 80, seqs: 80, highest: 80 });
    assert.equal(await metric('sworn_collector_bytes_in_flight'), 0);
  });

  it('refuses a batch that says it is too large, before it inflates it', async () => {
    const agent = await connect();
    await agent.hello();
    const activitiesZstd = zstdCompressSync(Buffer.alloc(100));
    agent.send(batchMessage({ firstSeq: 1, count: 1, activitiesZstd, uncompressedBytes: BATCH_BYTES_MAX + 1 }));
    assert.equal((await agent.refused).code, 'too_large');
  });

  const good = encodeActivities([makeActivity(1), makeActivity(2)]);
  const zstd = zstdCompressSync(good);
  const span = { firstSeq: 1, count: 2, uncompressedBytes: good.length };
  const activity = (changes: object) => encodeBatch([{ ...makeActivity(1), ...changes }], 1);
  const malformed: Record<string, Buffer> = {
    'no protobuf': Buffer.from([0xff, 0xff, 0xff, 0xff]),
    'an empty message': Buffer.alloc(0),
    'a batch without activities': batchMessage({ firstSeq: 1, count: 0 }),
    'a batch from seq 0 on': batchMessage({ ...span, firstSeq: 0, activitiesZstd: zstd }),
    'what is not zstd': batchMessage({ ...span, activitiesZstd: Buffer.from('not zstd at all') }),
    'zstd that breaks off': batchMessage({ ...span, activitiesZstd: zstd.subarray(0, zstd.length - 9) }),
    'a bomb that is larger than it says': batchMessage({
      ...span,
      activitiesZstd: zstdCompressSync(Buffer.alloc(64 << 20)),
    }),
    'less than it says': batchMessage({ ...span, uncompressedBytes: good.length + 1, activitiesZstd: zstd }),
    'fewer activities than it says': batchMessage({ ...span, count: 3, activitiesZstd: zstd }),
    'more activities than it says': batchMessage({ ...span, count: 1, activitiesZstd: zstd }),
    'an activity with another seq': activity({ seq: 7 }),
    'an activity without detail': activity({ command: null, process: null, connection: null }),
    'an alert': activity({ command: null, alert: { alertId: 'forged' } }),
    'a time beyond what the table holds': activity({ timeNs: { low: -1, high: -1, unsigned: true } }),
    'a salt of another size': activity({ salt: Buffer.alloc(5) }),
    'a leaf of another size': activity({ leaf: Buffer.alloc(33) }),
    'a digest of another size': activity({ command: { requestSha256: Buffer.alloc(3) } }),
    'a port that is none': activity({ command: null, connection: { localPort: 70_000 } }),
    'random bytes as activities': batchMessage({
      firstSeq: 1,
      count: 1,
      uncompressedBytes: 64,
      activitiesZstd: zstdCompressSync(Buffer.from(Array.from({ length: 64 }, (_, at) => (at * 151) & 0xff))),
    }),
    'a second hello': Buffer.from(sworn.v1.Delivery.encode({ hello: { agentId: 'x' } }).finish()),
  };
  for (const [what, message] of Object.entries(malformed)) {
    it(`refuses ${what}, and stores nothing of it`, async () => {
      const agent = await connect();
      await agent.hello();
      agent.send(message);
      const { code, retry } = await agent.refused;
      assert.deepEqual({ code, retry }, { code: 'malformed', retry: false });
      assert.equal((await counts(agent.agentId)).rows, 0);
    });
  }

  it('refuses a batch before hello', async () => {
    const agent = await connect();
    agent.send(makeBatch(1, 1));
    assert.equal((await agent.refused).code, 'malformed');
  });

  it('is still there after all this, with nothing in flight', async () => {
    const agent = await connect();
    assert.equal(await agent.hello(), 0);
    agent.send(makeBatch(1, 10));
    await agent.stored(10);
    assert.equal(await metric('sworn_collector_bytes_in_flight'), 0);
    assert.equal((await fetch(`${collector.apiUrl}/readyz`)).status, 200);
  });
});
