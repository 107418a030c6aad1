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
import { ServerStandIn, STAND_IN_USERS } from '../testing/server-stand-in.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, startTestCollector, type TestCollector, temporaryFolder } from '../testing/test-collector.ts';

const folder = temporaryFolder();
let engine: EngineProcess;
let standIn: ServerStandIn;
let collectors: TestCollector[] = [];
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

before(async () => {
  engine = new EngineProcess({ dataFolder: join(folder, 'store'), memoryBytesMax: 2 ** 31, log: createLog('silent') });
  await engine.start();
  standIn = new ServerStandIn(engine);
  const url = await standIn.listen();
  collectors = [await startCollector('a', url), await startCollector('b', url)];
});
after(async () => {
  for (const agent of agents) agent.close();
  agents = [];
  for (const collector of collectors) await collector.stop();
  standIn.close();
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

  it('is told as forked when it delivered different activities to both at once', async () => {
    const record = new SealedRecord('twice').grow(20);
    const first = await connect(collectors[0]!, record);
    await first.welcome;
    first.send(record.batch(1));
    await first.stored(20);
    const second = await connect(collectors[1]!, record);
    assert.equal((await second.welcome).storedSeq, 20);
    const other = record.fork(20).grow(10);
    record.grow(10);
    first.send(record.batch(21));
    second.send(other.batch(21));
    await Promise.all([first.stored(30), second.stored(30)]);
    first.close();
    second.close();
    const third = await connect(collectors[0]!, record);
    const { code, message } = await Promise.race([
      third.refused,
      third.welcome.then(() => ({ code: 'welcome', message: '' })),
    ]);
    assert.equal(code, 'forked');
    assert.match(message, /activity 2\d is stored twice, with different leaves/);
  });
});
