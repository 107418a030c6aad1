// SPDX-License-Identifier: Apache-2.0

/** Two collectors behind one address with one ClickHouse: whichever has an agent, its log is one. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openNote, parseNote, parseVerifier } from '../../proto/log/note.ts';
import { EngineProcess } from '../store/clickhouse/engine/engine-process.ts';
import { createLog } from '../telemetry/log.ts';
import { SealedRecord } from '../testing/sealed-record.ts';
import { type InsertGate, ServerStandIn, STAND_IN_USERS } from '../testing/server-stand-in.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, startTestCollector, type TestCollector, temporaryFolder } from '../testing/test-collector.ts';

const folder = temporaryFolder();
let engine: EngineProcess;
/** One for each collector, over one engine. */
let standIns: ServerStandIn[] = [];
const collectors: TestCollector[] = [];
let agents: TestAgent[] = [];

async function startCollector(name: string, url: string): Promise<TestCollector> {
  const server: Record<string, string> = { url, username: 'collector', reader_username: 'analyst' };
  for (const [key, user] of [
    ['password_file', 'collector'],
    ['reader_password_file', 'analyst'],
  ] as const) {
    server[key] = join(folder, user);
    writeFileSync(join(folder, user), STAND_IN_USERS[user]!.password);
  }
  return await startTestCollector(join(folder, name), { store: { server } as never });
}

async function connect(collector: TestCollector, record: SealedRecord, shown = ''): Promise<TestAgent> {
  const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(record.agentId));
  agents.push(agent);
  const size = shown === '' ? 0 : Number(parseNote(shown).text.split('\n')[1]);
  const tree = { treeSize: size, treeSubtrees: record.subtrees(size), checkpoint: shown };
  agent.hello(record.hello(tree)).catch(() => {});
  return agent;
}

const claimsOf = async (agentId: string): Promise<number> => {
  const sql = 'SELECT max(number) AS n FROM claims WHERE agent_id = {agent:String}';
  return Number((await collectors[0]!.ask<{ n: string }>(sql, { agent: agentId }))[0]?.n);
};

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

before(async () => {
  engine = new EngineProcess({ dataFolder: join(folder, 'store'), memoryBytesMax: 2 ** 31, log: createLog('silent') });
  await engine.start();
  standIns = [new ServerStandIn(engine), new ServerStandIn(engine)];
  for (const [at, name] of ['a', 'b'].entries()) {
    collectors.push(await startCollector(name, await standIns[at]!.listen()));
  }
});
after(async () => {
  for (const agent of agents) agent.close();
  agents = [];
  for (const collector of collectors) await collector.stop();
  for (const standIn of standIns) standIn.close();
  await engine.stop();
  removeFolder(folder);
});

describe('an agent that moves between two collectors', () => {
  it('is one log, cosigned by whichever has it, and shows to one what the other signed', async () => {
    const record = new SealedRecord('mover');
    let shown = '';
    for (let turn = 0; turn < 6; turn++) {
      const collector = collectors[turn % 2]!;
      const agent = await connect(collector, record, shown);
      const { storedSeq, sealKey } = await agent.welcome;
      assert.equal(storedSeq, record.activities.length);
      record.grow(50);
      agent.send(record.batch(storedSeq + 1));
      // Every other time it goes before its checkpoint: the next collector finds rows behind the last one.
      if (turn % 3 === 1) await agent.stored(record.activities.length);
      else {
        agent.sendCheckpoint(record.note());
        shown = (await agent.cosigned())!;
        assert.equal(openNote(parseNote(shown), [record.verifier, parseVerifier(sealKey)]).length, 2);
      }
      agent.close();
      await agent.ended;
    }
    const rows = await collectors[0]!.ask<{ verdict: string }>(
      "SELECT verdict FROM checkpoints WHERE agent_id = 'mover'",
    );
    assert.deepEqual(new Set(rows.map(({ verdict }) => verdict)), new Set(['cosigned']));
  });
});

describe('an agent whose older stream still delivers to one collector when a newer one has begun at another', () => {
  /** What the next insert of this agent through one collector meets. */
  function gateOf(at: number, agentId: string, gate: InsertGate): void {
    const { [at]: standIn } = standIns;
    standIn!.gate = (rows) => {
      if (!rows.includes(agentId)) return {};
      standIn!.gate = () => ({});
      return gate;
    };
  }

  async function isOnce(record: SealedRecord): Promise<void> {
    const [row] = await collectors[0]!.ask<{ all: string; seqs: string; last: string; leaves: string[] }>(
      `SELECT count() AS all, uniqExact(seq) AS seqs, max(seq) AS last, groupArray(leaf) AS leaves
       FROM (SELECT seq, leaf FROM activities WHERE agent_id = {agent:String} ORDER BY seq)`,
      { agent: record.agentId },
    );
    const { length } = record.activities;
    assert.deepEqual([row?.all, row?.seqs, row?.last], Array(3).fill(String(length)));
    assert.deepEqual(
      row?.leaves,
      record.leaves.map((leaf) => Buffer.from(leaf).toString('hex')),
    );
  }

  /** It connects again, with the same disk, and its log is cosigned to its end. */
  async function isOneLog(record: SealedRecord): Promise<void> {
    for (const collector of collectors) {
      const agent = await connect(collector, record);
      assert.equal((await agent.welcome).storedSeq, record.activities.length);
      agent.sendCheckpoint(record.note());
      assert.notEqual(await agent.cosigned(), undefined);
      agent.close();
      await agent.ended;
    }
    await isOnce(record);
  }

  /** Both streams are open, and all that there is so far is stored. */
  async function twice(record: SealedRecord): Promise<{ older: TestAgent; newer: TestAgent }> {
    const older = await connect(collectors[0]!, record);
    await older.welcome;
    older.send(record.batch(1));
    await older.stored(record.activities.length);
    const newer = await connect(collectors[1]!, record);
    assert.equal((await newer.welcome).storedSeq, record.activities.length);
    return { older, newer };
  }

  const refusedOf = async (agent: TestAgent) => {
    const { code, retry } = await agent.refused;
    return { code, retry };
  };
  /** A receipt that never comes is a failure and not a wait. */
  const SOON = { timeout: 120_000 };
  const SUPERSEDED = { code: 'superseded', retry: true };

  it('stores the same activities once, and tells the older stream to come again', SOON, async () => {
    const record = new SealedRecord('same').grow(20);
    const { older, newer } = await twice(record);
    record.grow(10);
    older.send(record.batch(21));
    newer.send(record.batch(21));
    await newer.stored(30);
    assert.deepEqual(await refusedOf(older), SUPERSEDED);
    assert.equal(older.storedSeq, 20);
    newer.close();
    await isOneLog(record);
  });

  it('stores different activities of one number once, and tells the other disk as forked', SOON, async () => {
    const record = new SealedRecord('twice').grow(20);
    const { older, newer } = await twice(record);
    const other = record.fork(20).grow(10);
    record.grow(10);
    older.send(other.batch(21));
    newer.send(record.batch(21));
    await newer.stored(30);
    assert.deepEqual(await refusedOf(older), SUPERSEDED);
    newer.close();
    const again = await connect(collectors[0]!, other);
    again.send(other.batch(21));
    assert.equal((await again.refused).code, 'forked');
    await isOneLog(record);
  });

  it('waits for an insert that ClickHouse has begun, and counts it', SOON, async () => {
    const record = new SealedRecord('begun').grow(20);
    const older = await connect(collectors[0]!, record);
    await older.welcome;
    const begun = Promise.withResolvers<void>();
    const rows = Promise.withResolvers<void>();
    gateOf(0, record.agentId, { begun: begun.resolve, rows: rows.promise });
    older.send(record.batch(1));
    await begun.promise;
    const newer = await connect(collectors[1]!, record);
    let isWelcome = false;
    void newer.welcome.then(() => {
      isWelcome = true;
    });
    // It has claimed the agent, and has looked often whether the insert is over.
    await until(async () => (await claimsOf(record.agentId)) === 2);
    const before = standIns[1]!.statements;
    await until(async () => standIns[1]!.statements > before + 10);
    assert.equal(isWelcome, false);
    rows.resolve();
    assert.equal((await newer.welcome).storedSeq, 20);
    record.grow(5);
    newer.send(record.batch(21));
    await newer.stored(25);
    older.send(record.batch(21));
    assert.deepEqual(await refusedOf(older), SUPERSEDED);
    newer.close();
    await isOneLog(record);
  });

  it('lets no insert through that ClickHouse gets after the newer stream has begun', SOON, async () => {
    const record = new SealedRecord('late').grow(20);
    const older = await connect(collectors[0]!, record);
    await older.welcome;
    const arrived = Promise.withResolvers<void>();
    const before = Promise.withResolvers<void>();
    standIns[0]!.gate = () => {
      arrived.resolve();
      standIns[0]!.gate = () => ({});
      return { before: before.promise };
    };
    older.send(record.batch(1));
    await arrived.promise;
    const newer = await connect(collectors[1]!, record);
    assert.equal((await newer.welcome).storedSeq, 0);
    newer.send(record.batch(1));
    await newer.stored(20);
    before.resolve();
    assert.deepEqual(await refusedOf(older), SUPERSEDED);
    assert.equal(older.storedSeq, 0);
    newer.close();
    await isOneLog(record);
  });

  it(
    'takes nothing for stored that the other one stored, when the outcome of an insert is not known',
    SOON,
    async () => {
      const record = new SealedRecord('unknown').grow(20);
      const neighbour = new SealedRecord('neighbour').grow(30);
      const older = await connect(collectors[0]!, record);
      const beside = await connect(collectors[0]!, neighbour);
      await Promise.all([older.welcome, beside.welcome]);
      const arrived = Promise.withResolvers<void>();
      const before = Promise.withResolvers<void>();
      // A first insert holds up the writer until both agents are in one block behind it.
      const filler = await connect(collectors[0]!, new SealedRecord('filler').grow(1));
      await filler.welcome;
      gateOf(0, 'filler', { before: before.promise });
      filler.send(new SealedRecord('filler').grow(1).batch(1));
      older.send(record.batch(1));
      beside.send(neighbour.batch(1));
      const newer = await connect(collectors[1]!, record);
      await newer.welcome;
      newer.send(record.batch(1));
      await newer.stored(20);
      standIns[0]!.gate = () => {
        arrived.resolve();
        standIns[0]!.gate = () => ({});
        return { loseAnswer: true };
      };
      before.resolve();
      await Promise.all([arrived.promise, filler.stored(1), beside.stored(30)]);
      assert.deepEqual(await refusedOf(older), SUPERSEDED);
      await isOnce(neighbour);
      for (const agent of [newer, beside]) agent.close();
      await isOneLog(record);
    },
  );
});
