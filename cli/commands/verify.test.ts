// SPDX-License-Identifier: Apache-2.0

/** `sworn verify` and `sworn prove` as people run them, in front of a real collector with a sealed log. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SealedRecord } from '../../collector/testing/sealed-record.ts';
import { TestAgent } from '../../collector/testing/test-agent.ts';
import {
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../collector/testing/test-collector.ts';
import { type ChangedRows, changeRows } from '../testing/changed-rows.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

interface Report {
  readonly ok: boolean;
  readonly integrity: Readonly<Record<string, number>> & {
    readonly ok: boolean;
    readonly problems: readonly {
      kind: string;
      agent_id: string;
      first_seq: number;
      last_seq: number;
      message: string;
    }[];
  };
  readonly completeness: { readonly ok: boolean; readonly losses: readonly object[]; readonly gaps: readonly object[] };
  readonly keys: readonly { line: string; trust: string; name: string }[];
}

describe('sworn verify', () => {
  const folder = temporaryFolder();
  const stateDir = join(folder, 'state');
  const record = new SealedRecord('verify-test');
  let collector: TestCollector;
  let agent: TestAgent;
  let change: ChangedRows;
  let environment: Record<string, string>;
  let note = '';
  const verify = (...words: string[]): Promise<Ended> => runSworn(['verify', ...words], { environment });
  async function report(...words: string[]): Promise<Report & { code: number | null }> {
    const { code, out, err } = await verify('--json', ...words);
    assert.equal(err, '');
    return { ...(JSON.parse(out) as Report), code };
  }

  before(async () => {
    collector = await startTestCollector(stateDir);
    environment = { SWORN_URL: collector.apiUrl, SWORN_TOKEN: collector.apiToken };
    const data = join(stateDir, 'store');
    change = changeRows({ socketPath: join(data, 'engine.sock'), incomingFolder: data });
    agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(record.agentId));
    record.grow(230);
    await agent.hello(record.hello());
    agent.send(record.batch(1));
    agent.sendCheckpoint(record.note());
    note = (await agent.cosigned()) ?? '';
    record.grow(300);
    agent.send(record.batch(231));
    await agent.stored(530);
  });
  after(async () => {
    agent.close();
    await change.close();
    await collector.stop();
    removeFolder(folder);
  });

  it('gives two verdicts, for people and for machines', async () => {
    const { code, out, err } = await verify();
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^Integrity {2}holds\n {2}\d+ activities in \d logs? read/);
    assert.match(out, /1 checkpoint, 1 cosigned by the collector, 0 by witnesses; roots agree up to 230/);
    assert.match(out, /not_sealed_yet {2}verify-test:231-530 /);
    assert.match(out, /\nCompleteness {2}nothing is known to be missing\n$/);
    assert.match(out, /taken from the collector's word/);
    const { ok, integrity, completeness, keys, code: jsonCode } = await report();
    assert.deepEqual([jsonCode, ok, integrity.ok, completeness.ok], [0, true, true, true]);
    assert.deepEqual([integrity['activities'], integrity['cosigned']], [530, 1]);
    assert.ok(keys.some(({ name, trust }) => name === 'sworn/verify-test' && trust === 'collector'));
    assertTame(out);
  });

  it('takes keys that were pinned, and says when they are others', async () => {
    const pins = join(folder, 'pins');
    assert.equal((await verify('--pin', pins)).code, 0);
    assert.ok(readFileSync(pins, 'utf8').includes(record.keyLine));
    const again = await report('--pin', pins);
    assert.deepEqual(new Set(again.keys.map(({ trust }) => trust)), new Set(['pinned']));
    const stranger = new SealedRecord(record.agentId);
    const other = await report('--key', stranger.keyLine);
    assert.deepEqual([other.code, other.integrity.problems[0]?.kind], [1, 'key_changed']);
    const { code, err } = await verify('--key', join(folder, 'nothing-there'));
    assert.equal(code, 2);
    assert.match(err, /cannot be read/);
  });

  it('proves an activity in a file that needs nobody', async () => {
    const file = join(folder, 'proof.json');
    const made = await runSworn(['prove', 'verify-test:42', 'verify-test:230', '-o', file], { environment });
    assert.deepEqual([made.code, made.err], [0, '']);
    const alone = { environment: { SWORN_URL: 'http://127.0.0.1:1' } };
    const checked = await runSworn(['verify', file, '--key', record.keyLine], alone);
    assert.equal(checked.code, 0, checked.out + checked.err);
    assert.match(
      checked.out,
      /^proved {2}verify-test:42 {2}is in the log that was signed at 230, cosigned by the collector\n/,
    );
    const json = await runSworn(['verify', file, '--json'], alone);
    assert.equal((JSON.parse(json.out) as Report).ok, true);
    const forged = readFileSync(file, 'utf8').replaceAll('verify-test', 'another');
    writeFileSync(`${file}.forged`, forged);
    assert.equal((await runSworn(['verify', `${file}.forged`], alone)).code, 1);
    writeFileSync(`${file}.cut`, forged.slice(0, 1000));
    assert.equal((await runSworn(['verify', `${file}.cut`], alone)).code, 1);
    const stranger = new SealedRecord(record.agentId);
    assert.equal((await runSworn(['verify', file, '--key', stranger.keyLine], alone)).code, 1);
    const early = await runSworn(['prove', 'verify-test:240'], { environment });
    assert.equal(early.code, 1);
    assert.match(early.err, /no checkpoint covers verify-test:240 yet/);
    assert.equal((await runSworn(['prove', 'what'], { environment })).code, 2);
  });

  it('reads what a time or a session concerns, and no more', async () => {
    const session = String(record.activities[10]?.sessionId);
    const { ok, integrity } = await report('--session', session, '--agent', 'verify-test');
    assert.equal(ok, true);
    assert.equal(integrity['agents'], 1);
    const { code, err } = await verify('--from', '2031-01-01T00:00:00Z');
    assert.equal(code, 2);
    assert.match(err, /there is nothing in this time/);
  });

  it('says what is wrong, what to do next, and ends with 1', async () => {
    await change.run(
      "ALTER TABLE sworn.activities UPDATE target = 'x\u001b[2J' WHERE agent_id = 'verify-test' AND seq = 7",
    );
    await change.run("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'verify-test' AND seq > 200");
    const { code, out } = await verify();
    assert.equal(code, 1);
    assert.match(out, /^Integrity {2}DOES NOT HOLD\n/);
    assert.match(out, /\n {2}altered {2}verify-test:7 {2}/);
    assert.match(out, /\n {2}cut_tail {2}verify-test:201-230 {2}/);
    assert.match(out, /\n {2}altered: Somebody with rights on ClickHouse/);
    assertTame(out);
    const prove = await runSworn(['prove', 'verify-test:7'], { environment });
    assert.equal(prove.code, 1);
    assert.match(prove.err, /cannot be proved/);
    const anchor = join(folder, 'anchor');
    writeFileSync(anchor, `${note}\n`);
    await change.run("ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = 'verify-test'");
    const kinds = (await report('--anchor', anchor)).integrity.problems.map(({ kind }) => kind);
    // What is left of the log cannot be held against that root.
    assert.deepEqual(kinds, ['altered', 'cut_tail', 'not_sealed_yet']);
    const onScreen = await onTerminal(['verify'], 100, { environment });
    assert.match(onScreen.out, /DOES NOT HOLD/);
  });
});
