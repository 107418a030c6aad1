// SPDX-License-Identifier: Apache-2.0

/** Logs of agents, honest and hostile, through the real path: gRPC, the embedded engine, SQL to look. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { formatNote, openNote, parseNote, parseVerifier, signText } from '../../proto/log/note.ts';
import type { sworn } from '../../proto/record.ts';
import { leafRowsSql, leavesOfRows } from '../testing/leaf-oracle.ts';
import { rootOfLeaves, SealedRecord } from '../testing/sealed-record.ts';
import { type Refused, TestAgent } from '../testing/test-agent.ts';
import { removeFolder, startTestCollector, type TestCollector, temporaryFolder } from '../testing/test-collector.ts';

const NONE = Buffer.alloc(32);
let stateDir = temporaryFolder();
let collector: TestCollector;
let agents: TestAgent[] = [];
let names = 0;

const newName = () => `sealed-${++names}`;

async function connect(record: SealedRecord, fields: sworn.v1.Hello.$Properties = {}): Promise<TestAgent> {
  const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(record.agentId));
  agents.push(agent);
  agent.hello(record.hello(fields)).catch(() => {});
  return agent;
}

/** What is refused, or else taken: a collector that takes what it must not fails the test instead of holding it up. */
async function refusalOf(agent: TestAgent, taken: Promise<unknown>): Promise<Refused> {
  const refused = await Promise.race([
    agent.refused,
    taken.then(
      () => undefined,
      () => agent.refused,
    ),
  ]);
  assert.ok(refused !== undefined, 'it was taken');
  return refused;
}

async function refusedHello(record: SealedRecord, fields: sworn.v1.Hello.$Properties = {}): Promise<Refused> {
  const agent = await connect(record, fields);
  return await refusalOf(agent, agent.welcome);
}

/** An agent that has delivered `count` activities, with a cosigned checkpoint there. */
async function delivered(
  count: number,
  record = new SealedRecord(newName()),
): Promise<[SealedRecord, TestAgent, string]> {
  record.grow(count);
  const agent = await connect(record);
  await agent.welcome;
  agent.send(record.batch(1));
  agent.sendCheckpoint(record.note());
  const note = await agent.cosigned();
  assert.ok(note !== undefined);
  return [record, agent, note];
}

interface CheckpointAnswer {
  readonly verdict: string;
  readonly size: string;
  readonly root: string;
  readonly note: string;
  readonly reason: string;
}

const checkpointsOf = (agentId: string) =>
  collector.ask<CheckpointAnswer>(
    'SELECT verdict, size, lower(hex(root_bytes)) AS root, note, reason FROM checkpoints WHERE agent_id = {agent:String} ORDER BY time, size',
    { agent: agentId },
  );

const alertsAbout = async (agentId: string) =>
  (
    await collector.ask<{ rule_id: string; level: string }>(
      'SELECT rule_id, level FROM alerts WHERE matched_agent_id = {agent:String} ORDER BY seq',
      { agent: agentId },
    )
  ).map(({ rule_id, level }) => `${rule_id} ${level}`);

const leavesOf = async (agentId: string) =>
  (
    await collector.ask<{ leaf: string }>('SELECT leaf FROM activities WHERE agent_id = {agent:String} ORDER BY seq', {
      agent: agentId,
    })
  ).map(({ leaf }) => Buffer.from(leaf, 'hex'));

async function metric(name: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${collector.apiToken}` };
  const text = await (await fetch(`${collector.apiUrl}/metrics`, { headers })).text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

async function acceptKey(agentId: string, verifier: string): Promise<number> {
  const { status } = await fetch(`${collector.apiUrl}/v1/log-keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${collector.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ agent_id: agentId, verifier }),
  });
  return status;
}

async function restart(): Promise<void> {
  for (const agent of agents) agent.close();
  agents = [];
  await collector.stop();
  collector = await startTestCollector(stateDir);
}

before(async () => {
  collector = await startTestCollector(stateDir);
});
after(async () => {
  for (const agent of agents) agent.close();
  await collector.stop();
  removeFolder(stateDir);
});

describe('the log of an honest agent', () => {
  it('is cosigned: its checkpoint, under its key and the key that the collector names', async () => {
    const [record, agent, note] = await delivered(300);
    const { sealKey } = await agent.welcome;
    const signed = openNote(parseNote(note), [record.verifier, parseVerifier(sealKey)]);
    assert.equal(signed.length, 2);
    assert.ok(Math.abs((signed[1]?.timeS ?? 0) - Date.now() / 1000) < 60);
    const [row, ...more] = await checkpointsOf(record.agentId);
    assert.deepEqual(more, []);
    const root = rootOfLeaves(await leavesOf(record.agentId)).toString('hex');
    assert.deepEqual(row, { verdict: 'cosigned', size: '300', root, note, reason: '' });
    assert.deepEqual(await alertsAbout(record.agentId), []);
    const status = collector.status().agents.find(({ agent_id }) => agent_id === record.agentId);
    assert.equal(status?.cosigned_size, 300);
    assert.equal((await metric(`sworn_collector_agent_last_cosigned_seconds{agent="${record.agentId}"}`)).length, 1);
  });

  it('gets the same note again for the same checkpoint, and no second row', async () => {
    const [record, agent, note] = await delivered(10);
    agent.sendCheckpoint(record.note());
    assert.equal(await agent.cosigned(), note);
    agent.close();
    const again = await connect(record, { checkpoint: note, treeSize: 10, treeSubtrees: record.subtrees() });
    await again.welcome;
    again.sendCheckpoint(record.note());
    assert.equal(await again.cosigned(), note);
    assert.equal((await checkpointsOf(record.agentId)).length, 1);
  });

  it('is cosigned in order when checkpoints come faster than rows are stored', async () => {
    const record = new SealedRecord(newName()).grow(600);
    const agent = await connect(record);
    await agent.welcome;
    for (let size = 50; size <= 600; size += 50) {
      agent.send(record.batch(size - 49, size));
      agent.sendCheckpoint(record.note(size));
    }
    for (let size = 50; size <= 600; size += 50) {
      assert.equal(parseCheckpoint(parseNote((await agent.cosigned())!).text).size, size);
    }
  });

  it('goes on wherever its streams and the collector ended', async () => {
    const record = new SealedRecord(newName());
    let shown = '';
    let cosigned = 0;
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    for (let round = 0; round < 24; round++) {
      if (round % 8 === 7) await restart();
      const agent = await connect(record, {
        checkpoint: shown,
        treeSize: cosigned,
        treeSubtrees: record.subtrees(cosigned),
      });
      let { storedSeq } = await agent.welcome;
      assert.ok(storedSeq >= cosigned);
      for (let batches = 1 + random(4); batches > 0; batches--) {
        record.grow(1 + random(40));
        agent.send(record.batch(storedSeq + 1));
        storedSeq = record.activities.length;
        if (random(2) === 0) continue;
        agent.sendCheckpoint(record.note());
        shown = (await agent.cosigned())!;
        cosigned = storedSeq;
      }
      await agent.stored(storedSeq - random(2) * random(20));
      agent.close();
    }
    const leaves = await leavesOf(record.agentId);
    const rows = await checkpointsOf(record.agentId);
    assert.ok(rows.length > 15);
    for (const { verdict, size, root } of rows) {
      assert.deepEqual([verdict, root], ['cosigned', rootOfLeaves(leaves.slice(0, Number(size))).toString('hex')]);
    }
    assert.deepEqual(await alertsAbout(record.agentId), []);
  });

  it('finds its tree at the collector when it has lost its own', async () => {
    const [record, first] = await delivered(37);
    first.close();
    const again = await connect(record);
    assert.deepEqual(
      (await again.welcome).treeSubtrees.map((one) => Buffer.from(one)),
      record.subtrees(),
    );
  });

  it('may send again what is stored already', async () => {
    const [record, agent] = await delivered(100);
    record.grow(20);
    agent.send(record.batch(41, 120));
    agent.sendCheckpoint(record.note());
    assert.ok((await agent.cosigned()) !== undefined);
    assert.equal((await leavesOf(record.agentId)).length, 120);
  });

  it('is cosigned again for a checkpoint between what was cosigned and what is stored', async () => {
    const [record, agent] = await delivered(50);
    record.grow(100);
    agent.send(record.batch(51));
    await agent.stored(150);
    agent.sendCheckpoint(record.note(120));
    assert.equal(parseCheckpoint(parseNote((await agent.cosigned())!).text).size, 120);
    agent.sendCheckpoint(record.note(150));
    assert.equal(parseCheckpoint(parseNote((await agent.cosigned())!).text).size, 150);
  });
});

describe('an agent of an older version', () => {
  it('is taken without a key, and has no checkpoints', async () => {
    const record = new SealedRecord(newName()).grow(10);
    const agent = await connect(record, { sealKey: '' });
    await agent.welcome;
    agent.send(record.batch(1));
    await agent.stored(10);
    agent.sendCheckpoint(record.note());
    assert.equal((await refusalOf(agent, agent.cosigned())).code, 'malformed');
    assert.deepEqual(await checkpointsOf(record.agentId), []);
  });
});

describe('a checkpoint that is not what it should be', () => {
  interface Wrong {
    /** What is sent when 100 activities are cosigned and 50 more are delivered. */
    readonly note: (record: SealedRecord, cosigned: string) => string;
    readonly code: string;
    readonly verdict?: string;
    readonly rule?: string;
  }
  const WRONG: Readonly<Record<string, Wrong>> = {
    'of another root': {
      note: (record) => record.sign(record.text(150, NONE)),
      code: 'forked',
      verdict: 'wrong_root',
      rule: 'log_wrong_root',
    },
    'of the same size and another root': {
      note: (record) => record.sign(record.text(100, NONE)),
      code: 'forked',
      verdict: 'forked',
      rule: 'log_forked',
    },
    'of an earlier size': {
      note: (record) => record.note(70),
      code: 'rolled_back',
      verdict: 'rolled_back',
      rule: 'log_rolled_back',
    },
    'signed by another key of its name': {
      note: (record) => record.sign(record.text(), record.origin, generateKeyPairSync('ed25519').privateKey),
      code: 'forked',
      verdict: 'bad_signature',
      rule: 'log_bad_signature',
    },
    'with a signature of another text': {
      note: (record) =>
        formatNote({ text: record.text(), signatures: [signText(record.text(120), record.origin, record.privateKey)] }),
      code: 'forked',
      verdict: 'bad_signature',
      rule: 'log_bad_signature',
    },
    'of another agent, by that agent': {
      note: (record) => {
        const other = new SealedRecord('other').grow(150);
        return other.sign(other.text(150, rootOfLeaves(record.leaves)));
      },
      code: 'forked',
      verdict: 'bad_signature',
      rule: 'log_bad_signature',
    },
    'of another agent, by this one': {
      note: (record) => record.sign(record.text(150, rootOfLeaves(record.leaves), 'sworn/other')),
      code: 'malformed',
    },
    'before its activities': { note: (record) => record.grow(1).note(), code: 'malformed' },
    'of a size that is none': {
      note: (record) => record.sign(`${record.origin}\n1e2\n${NONE.toString('base64')}\n`),
      code: 'malformed',
    },
    'with extension lines': { note: (record) => record.sign(`${record.text()}more\n`), code: 'malformed' },
    'that is no note': { note: () => 'nothing\n', code: 'malformed' },
    'that is empty': { note: () => '', code: 'malformed' },
    'that is too large': { note: (record) => `${record.note()}${'— x+y AAAA\n'.repeat(9000)}`, code: 'malformed' },
  };
  for (const [what, { note, code, verdict, rule }] of Object.entries(WRONG)) {
    it(`is refused: one ${what}`, async () => {
      const [record, agent, cosigned] = await delivered(100);
      record.grow(50);
      agent.send(record.batch(101));
      await agent.stored(150);
      const sent = note(record, cosigned);
      agent.sendCheckpoint(sent);
      const refused = await refusalOf(agent, agent.cosigned());
      assert.deepEqual([refused.code, refused.retry], [code, false], refused.message);
      const [first, ...rows] = await checkpointsOf(record.agentId);
      assert.equal(first?.verdict, 'cosigned');
      assert.deepEqual(
        rows.map((row) => [row.verdict, row.note]),
        verdict === undefined ? [] : [[verdict, sent]],
      );
      if (verdict === 'forked' || verdict === 'wrong_root') assert.ok(rows[0]?.reason.endsWith(cosigned));
      assert.deepEqual(await alertsAbout(record.agentId), rule === undefined ? [] : [`${rule} critical`]);
    });
  }

  it('is told once, however often it comes', async () => {
    const [record, first] = await delivered(5);
    first.close();
    const note = record.sign(record.text(5, NONE));
    for (let time = 0; time < 4; time++) {
      const agent = await connect(record);
      await agent.welcome;
      agent.sendCheckpoint(note);
      assert.equal((await refusalOf(agent, agent.cosigned())).code, 'forked');
      agent.close();
    }
    assert.equal((await checkpointsOf(record.agentId)).length, 2);
    assert.deepEqual(await alertsAbout(record.agentId), ['log_forked critical']);
  });

  it('is not told without end, whatever comes', async () => {
    const [record, first] = await delivered(5);
    first.close();
    for (let time = 0; time < 25; time++) {
      const agent = await connect(record);
      await agent.welcome;
      agent.sendCheckpoint(record.sign(record.text(5, Buffer.alloc(32, time))));
      assert.equal((await refusalOf(agent, agent.cosigned())).code, 'forked');
      agent.close();
    }
    assert.equal((await checkpointsOf(record.agentId)).length, 21);
    assert.ok(!(await metric('sworn_collector_log_incidents_suppressed_total')).join().endsWith(' 0'));
  });
});

describe('an agent that is not where it was', () => {
  it('is refused when its journal ends before what is stored', async () => {
    const [record] = await delivered(100);
    const again = await connect(record, { lastSeq: 60 });
    assert.equal((await refusalOf(again, again.welcome)).code, 'rolled_back');
    assert.deepEqual(await alertsAbout(record.agentId), ['log_rolled_back critical']);
  });

  it('is refused when its tree had another root at a size that is stored', async () => {
    const [record, , cosigned] = await delivered(100);
    const other = record.fork(60).grow(80);
    const again = await connect(other, { checkpoint: cosigned, treeSize: 100, treeSubtrees: other.subtrees(100) });
    assert.equal((await refusalOf(again, again.welcome)).code, 'forked');
    assert.deepEqual(
      (await checkpointsOf(record.agentId)).map(({ verdict }) => verdict),
      ['cosigned', 'forked'],
    );
    assert.deepEqual(await alertsAbout(record.agentId), ['log_forked critical']);
  });

  it('is refused when its tree differs below the last checkpoint', async () => {
    const [record, agent] = await delivered(60);
    record.grow(40);
    agent.send(record.batch(61));
    agent.sendCheckpoint(record.note());
    await agent.cosigned();
    agent.close();
    const other = record.fork(60).grow(80);
    const again = await connect(other, { treeSize: 80, treeSubtrees: other.subtrees(80) });
    assert.equal((await refusalOf(again, again.welcome)).code, 'forked');
  });

  it('is told as forked when it recorded on from an old disk: its first checkpoint says so', async () => {
    const [record, , cosigned] = await delivered(100);
    const other = record.fork(60).grow(100);
    const again = await connect(other, { treeSize: 60, treeSubtrees: other.subtrees(60) });
    assert.equal((await again.welcome).storedSeq, 100);
    again.send(other.batch(101, 160));
    again.sendCheckpoint(other.note());
    assert.equal((await refusalOf(again, again.cosigned())).code, 'forked');
    const [, row] = await checkpointsOf(record.agentId);
    assert.deepEqual([row?.verdict, row?.note], ['forked', other.note()]);
    assert.ok(row?.reason.endsWith(cosigned));
  });

  for (const sealKey of ['with a seal', 'without one']) {
    it(`is refused ${sealKey} when an activity comes again with another leaf, and nothing of the batch is stored`, async () => {
      const record = new SealedRecord(newName()).grow(100);
      const fields = sealKey === 'with a seal' ? {} : { sealKey: '' };
      const agent = await connect(record, fields);
      await agent.welcome;
      agent.send(record.batch(1));
      await agent.stored(100);
      agent.close();
      const other = record.fork(60).grow(80);
      const again = await connect(other, fields);
      await again.welcome;
      again.send(other.batch(50, 140));
      const { code, message } = await refusalOf(again, again.stored(140));
      assert.equal(code, 'forked');
      assert.match(message, /activity 61 came with leaf [0-9a-f]{64}, and is stored with [0-9a-f]{64}/);
      assert.deepEqual(await leavesOf(record.agentId), record.leaves);
      assert.deepEqual(await alertsAbout(record.agentId), ['log_forked critical']);
    });
  }

  it('is refused when activities on their way are sent again as others', async () => {
    const record = new SealedRecord(newName()).grow(400);
    const agent = await connect(record);
    await agent.welcome;
    agent.send(record.batch(1));
    agent.send(record.fork(399).grow(1).batch(400, 400));
    agent.sendCheckpoint(record.note());
    assert.equal((await refusalOf(agent, agent.cosigned())).code, 'forked');
    assert.deepEqual(await leavesOf(record.agentId), record.leaves);
  });

  it('is refused when its Hello says what cannot be', async () => {
    const [record, , cosigned] = await delivered(20);
    const shown = parseNote(cosigned);
    const [own, ours] = shown.signatures;
    const forged = formatNote({ text: record.text(19), signatures: [own!, ours!] });
    const HELLOS: Record<string, sworn.v1.Hello.$Properties> = {
      'a tree that is none': { treeSize: 3, treeSubtrees: [NONE] },
      'subtrees of another length': { treeSize: 1, treeSubtrees: [Buffer.alloc(31)] },
      'a checkpoint that the collector never signed': { checkpoint: forged },
      'a checkpoint that is no note': { checkpoint: 'nothing' },
      'a key that is none': { sealKey: 'sworn/x+00000000+AAAA' },
      'the key of another': { sealKey: new SealedRecord('other').keyLine },
      'the key of a witness': { sealKey: (await (await connect(record)).welcome).sealKey },
      'numbers beyond any record': { treeSize: { low: -1, high: -1, unsigned: true } as unknown as number },
    };
    for (const [what, fields] of Object.entries(HELLOS)) {
      const agent = await connect(record, fields);
      assert.equal((await refusalOf(agent, agent.welcome)).code, 'malformed', what);
    }
    assert.deepEqual(await alertsAbout(record.agentId), []);
  });

  it('is refused under the name of the collector', async () => {
    const agent = await connect(new SealedRecord(collector.collectorId));
    assert.equal((await refusalOf(agent, agent.welcome)).code, 'wrong_agent');
  });
});

describe('the key of a log', () => {
  it('is enrolled at the first Hello; another one, or none, is refused until a person accepts it', async () => {
    const [record] = await delivered(10);
    const other = new SealedRecord(record.agentId);
    other.activities.push(...record.activities);
    assert.equal((await refusedHello(other)).code, 'key_changed');
    assert.equal((await refusedHello(record, { sealKey: '' })).code, 'key_changed');
    assert.deepEqual(await alertsAbout(record.agentId), ['log_key_changed critical', 'log_key_changed critical']);

    assert.equal(await acceptKey(record.agentId, new SealedRecord('other').keyLine), 400);
    assert.equal(await acceptKey(collector.collectorId, ''), 400);
    assert.equal(await acceptKey(record.agentId, other.keyLine), 200);
    const again = await connect(other);
    await again.welcome;
    other.grow(10);
    again.send(other.batch(11));
    again.sendCheckpoint(other.note());
    assert.ok((await again.cosigned()) !== undefined);
    const keys = await collector.ask<{ verifier: string; origin: string }>(
      'SELECT verifier, origin FROM log_keys WHERE agent_id = {agent:String} ORDER BY time',
      { agent: record.agentId },
    );
    assert.deepEqual(keys, [
      { verifier: record.keyLine, origin: 'first_seen' },
      { verifier: other.keyLine, origin: 'accepted' },
    ]);
    const [finding] = await collector.ask<{ agent_id: string; message: string }>(
      "SELECT agent_id, message FROM findings WHERE kind = 'log_key_accepted' AND subject = {agent:String}",
      { agent: record.agentId },
    );
    assert.equal(finding?.agent_id, collector.collectorId);
    assert.ok(finding?.message.includes(other.keyLine) && finding.message.includes(record.keyLine));
  });
});

describe('a hole in what is stored', () => {
  it('is told, and the log goes on with the tree that the agent names', async () => {
    const [record, first] = await delivered(100);
    first.close();
    record.grow(200);
    const fields = { firstSeq: 201, treeSize: 250, treeSubtrees: record.subtrees(250) };
    const agent = await connect(record, fields);
    assert.equal((await agent.welcome).storedSeq, 200);
    agent.send(record.batch(201, 240));
    await agent.stored(240);
    agent.close();
    // Before its tree was reached it comes again, and the hole is still there.
    const again = await connect(record, { ...fields, firstSeq: 201 });
    assert.equal((await again.welcome).storedSeq, 240);
    again.send(record.batch(241, 250));
    again.sendCheckpoint(record.note(250));
    assert.equal(parseCheckpoint(parseNote((await again.cosigned())!).text).size, 250);
    again.send(record.batch(251));
    again.sendCheckpoint(record.note());
    assert.equal(parseCheckpoint(parseNote((await again.cosigned())!).text).size, 300);
    assert.deepEqual(await alertsAbout(record.agentId), ['log_hole_adopted high']);
    const losses = await collector.ask<{ events: string }>(
      "SELECT events FROM losses WHERE host = {host:String} AND reason = 'journal_begins_later'",
      { host: `host-of-${record.agentId}` },
    );
    assert.deepEqual(losses, [{ events: '100' }]);
  });

  it('leaves nothing to sign where the tree of the agent does not reach beyond it', async () => {
    const record = new SealedRecord(newName()).grow(50);
    const agent = await connect(record, { firstSeq: 31, treeSize: 20, treeSubtrees: record.subtrees(20) });
    await agent.welcome;
    agent.send(record.batch(31));
    await agent.stored(50);
    agent.sendCheckpoint(record.note());
    assert.deepEqual(await refusalOf(agent, agent.cosigned()).then(({ code, retry }) => [code, retry]), ['gap', true]);
    const again = await connect(record, { firstSeq: 31, treeSize: 50, treeSubtrees: record.subtrees() });
    await again.welcome;
    again.sendCheckpoint(record.note());
    assert.ok((await again.cosigned()) !== undefined);
  });
});

describe("the collector's own record", () => {
  it('is a log: rows whose leaves come out of them, checkpoints under its key', async () => {
    await restart();
    const { collectorId } = collector;
    const rows = await collector.ask<object>(leafRowsSql(), { agent: collectorId });
    const leaves = await leavesOf(collectorId);
    assert.ok(leaves.length > 5);
    assert.deepEqual(
      leavesOfRows(rows),
      leaves.map((leaf) => leaf.toString('hex')),
    );
    const keys = await collector.ask<{ verifier: string }>(
      "SELECT verifier FROM log_keys WHERE agent_id = {agent:String} AND origin = 'own'",
      { agent: collectorId },
    );
    assert.deepEqual(keys.map(({ verifier }) => parseVerifier(verifier).kind).sort(), ['cosignature', 'ed25519']);
    const verifiers = keys.map(({ verifier }) => parseVerifier(verifier));
    const checkpoints = await checkpointsOf(collectorId);
    assert.equal(Number(checkpoints.at(-1)?.size), leaves.length);
    for (const { note, root, size } of checkpoints) {
      assert.equal(openNote(parseNote(note), verifiers).length, 1);
      assert.equal(root, rootOfLeaves(leaves.slice(0, Number(size))).toString('hex'));
    }
    assert.deepEqual(await alertsAbout(collectorId), []);
  });

  it('has its key in a file of its own, and nowhere else', () => {
    const path = join(stateDir, 'seal.key');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(readFileSync(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
  });
});

describe('a store that was set back', () => {
  it('is told by what agents were signed for, and by what the collector signed itself', async () => {
    const [record] = await delivered(100);
    const own = `hole-${names}`;
    assert.ok(own);
    await restart();
    await collector.stop();
    const backup = temporaryFolder();
    cpSync(stateDir, backup, { recursive: true });

    collector = await startTestCollector(stateDir);
    record.grow(100);
    const agent = await connect(record);
    await agent.welcome;
    agent.send(record.batch(101));
    agent.sendCheckpoint(record.note());
    const shown = (await agent.cosigned())!;
    agent.close();
    // Something for the collector's own record as well.
    assert.equal((await refusedHello(record, { lastSeq: 5 })).code, 'rolled_back');
    for (const one of agents) one.close();
    await collector.stop();
    const kept = readFileSync(join(stateDir, 'seal.checkpoint'));

    removeFolder(stateDir);
    stateDir = backup;
    assert.ok(existsSync(join(stateDir, 'seal.checkpoint')));
    writeFileSync(join(stateDir, 'seal.checkpoint'), kept);
    collector = await startTestCollector(stateDir);
    assert.deepEqual(await alertsAbout(collector.collectorId), ['store_rolled_back critical']);

    const fields = { checkpoint: shown, treeSize: 200, treeSubtrees: record.subtrees(200) };
    const again = await connect(record, fields);
    assert.equal((await again.welcome).storedSeq, 100);
    // Others than those it was signed for: refused where the signed root should come.
    const other = record.fork(100).grow(100);
    again.send(other.batch(101, 150));
    again.send(record.batch(151, 200));
    const mixed = record.fork(0);
    mixed.activities.push(...other.activities.slice(0, 150), ...record.activities.slice(150));
    again.sendCheckpoint(mixed.note());
    assert.equal((await refusalOf(again, again.cosigned())).code, 'forked');
    assert.deepEqual(await alertsAbout(record.agentId), ['store_rolled_back critical', 'log_forked critical']);
    const rows = await checkpointsOf(record.agentId);
    assert.deepEqual(rows.at(-1)?.note, shown);
  });

  it('takes the same rows again, and is sealed as before', async () => {
    const [record] = await delivered(40);
    for (const one of agents) one.close();
    await collector.stop();
    const backup = temporaryFolder();
    cpSync(stateDir, backup, { recursive: true });
    collector = await startTestCollector(stateDir);
    record.grow(30);
    const agent = await connect(record);
    await agent.welcome;
    agent.send(record.batch(41));
    agent.sendCheckpoint(record.note());
    const shown = (await agent.cosigned())!;
    for (const one of agents) one.close();
    await collector.stop();
    removeFolder(stateDir);
    stateDir = backup;
    collector = await startTestCollector(stateDir);
    const again = await connect(record, { checkpoint: shown, treeSize: 70, treeSubtrees: record.subtrees() });
    assert.equal((await again.welcome).storedSeq, 40);
    again.send(record.batch(41));
    again.sendCheckpoint(record.note());
    assert.equal(parseNote((await again.cosigned())!).text, parseNote(shown).text);
    assert.deepEqual(await alertsAbout(record.agentId), ['store_rolled_back critical']);
  });
});
