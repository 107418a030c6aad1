// SPDX-License-Identifier: Apache-2.0

/** `sworn bundle` and `sworn verify BUNDLE` as people run them, in front of a real collector with a sealed log. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SealedRecord } from '../../collector/testing/sealed-record.ts';
import { TestAgent } from '../../collector/testing/test-agent.ts';
import {
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../collector/testing/test-collector.ts';
import { leafOf } from '../../proto/leaf.ts';
import type { BundleReport } from '../audit/bundle-read.ts';
import { openPage, runPage } from '../testing/bundle-page-run.ts';
import { SESSION, sessionActivities } from '../testing/bundle-stage.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

const ALONE = { environment: { SWORN_URL: 'http://127.0.0.1:1' } };
/** A collector seals its own rows every ten seconds. */
const SEALED_MS_MAX = 60_000;

describe('sworn bundle', () => {
  const folder = temporaryFolder();
  const record = new SealedRecord('bundle-test');
  let collector: TestCollector;
  let agent: TestAgent;
  let environment: Record<string, string>;
  const bundle = (...words: string[]): Promise<Ended> => runSworn(['bundle', ...words], { environment, folder });
  const verify = (...words: string[]): Promise<Ended> => runSworn(['verify', ...words], { ...ALONE, folder });
  async function report(...words: string[]): Promise<BundleReport & { session_id: string; code: number | null }> {
    const { code, out, err } = await verify('--json', ...words);
    assert.equal(err, '');
    return { ...(JSON.parse(out) as BundleReport & { session_id: string }), code };
  }

  before(async () => {
    collector = await startTestCollector(join(folder, 'state'));
    environment = {
      SWORN_URL: collector.apiUrl,
      SWORN_TOKEN: collector.apiToken,
      SWORN_ADMIN_TOKEN: collector.adminToken,
    };
    agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(record.agentId));
    record.grow(90);
    for (const activity of sessionActivities(30)) {
      const seq = record.activities.length + 1;
      const own = { ...activity, seq, salt: Buffer.alloc(16, seq), leaf: Buffer.alloc(0) };
      record.activities.push({ ...own, leaf: leafOf(own, record.agentId, `host-of-${record.agentId}`) });
    }
    record.grow(20);
    await agent.hello(record.hello());
    agent.send(record.batch(1));
    agent.sendCheckpoint(record.note());
    await agent.cosigned();
  });
  after(async () => {
    agent.close();
    await collector.stop();
    removeFolder(folder);
  });

  it('writes an archive that needs nobody', async () => {
    const { code, out, err } = await bundle(SESSION);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /session-s-one\.zip: 32 activities of session s-one, with proofs\n/);
    const file = join(folder, 'session-s-one.zip');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('s-one')),
      ['session-s-one.zip'],
    );
    const checked = await verify(file);
    assert.deepEqual([checked.code, checked.err], [0, '']);
    assert.match(checked.out, /Integrity {2}holds\n {2}32 activities read/);
    assert.match(checked.out, /bundle-test: 32 shown of the 142 that were signed, cosigned by the collector\n/);
    assert.match(checked.out, /All of the session {2}as far as its log can say, yes\n/);
    assert.match(checked.out, /Keys taken from the bundle itself/);
    const known = await report(file, '--key', record.keyLine);
    assert.deepEqual([known.code, known.ok, known.session_id], [0, true, SESSION]);
    assert.ok(known.keys.some(({ trust }) => trust === 'given'));
    const stranger = await report(file, '--key', new SealedRecord(record.agentId).keyLine);
    assert.deepEqual([stranger.code, stranger.integrity.problems[0]?.kind], [1, 'key_changed']);
    assertTame((await onTerminal(['verify', file], 100, { environment: { ...ALONE.environment, NO_COLOR: '1' } })).out);
  });

  it('writes an archive that others read, and reads those of others', async () => {
    const file = join(folder, 'ours.zip');
    assert.equal((await bundle(SESSION, '-o', file)).code, 0);
    const python = (script: string): string =>
      execFileSync('python3', ['-c', script], { cwd: folder, encoding: 'utf8' });
    assert.equal(
      python('import zipfile; z=zipfile.ZipFile("ours.zip"); print(z.testzip(), *sorted(z.namelist()))'),
      'None index.html log-1.jsonl manifest.json\n',
    );
    python(
      'import zipfile; z=zipfile.ZipFile("ours.zip"); o=zipfile.ZipFile("theirs.zip","w",zipfile.ZIP_STORED)\n' +
        'for n in z.namelist(): o.writestr(n, z.read(n))\no.close()',
    );
    assert.equal((await verify('theirs.zip')).code, 0);
    const bytes = readFileSync(file);
    // Within the packed data of the largest file.
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff;
    writeFileSync(join(folder, 'rotten.zip'), bytes);
    const rotten = await report('rotten.zip');
    assert.deepEqual([rotten.code, rotten.ok], [1, false]);
    for (const [name, cut] of [
      ['cut.zip', bytes.subarray(0, bytes.length - 30)],
      ['empty.zip', Buffer.alloc(0)],
    ] as const) {
      writeFileSync(join(folder, name), cut);
      const { code, err } = await verify(name);
      assert.equal(code, 1);
      assert.match(err, /Bundles are made by: sworn bundle/);
    }
  });

  it('writes a folder, with a page that agrees', async () => {
    const path = join(folder, 'case');
    const { code, out } = await bundle('s-on', '-o', path, '--json');
    const made = JSON.parse(out) as { session_id: string; activities: number };
    assert.deepEqual([code, made.session_id, made.activities], [0, SESSION, 32]);
    assert.deepEqual(readdirSync(path).sort(), ['index.html', 'log-1.jsonl', 'manifest.json']);
    assert.equal((await verify('case')).code, 0);
    assert.equal((await runPage(openPage(join(path, 'index.html')))).ok, true);
    const log = join(path, 'log-1.jsonl');
    writeFileSync(log, readFileSync(log, 'utf8').replace('bank@127.0.0.1', 'bank@127.0.0.2'));
    const { code: changed, out: told } = await verify('case');
    assert.equal(changed, 1);
    assert.match(told, /DOES NOT HOLD/);
    assert.match(told, /altered {2}bundle-test:\d+ {2}What stands there does not have the leaf/);
  });

  it('says what is wrong, and leaves nothing half done', async () => {
    writeFileSync(join(folder, 'taken.zip'), 'x');
    const taken = await bundle(SESSION, '-o', 'taken.zip');
    assert.equal(taken.code, 2);
    assert.match(taken.err, /taken\.zip is there already/);
    assert.equal((await bundle('no-such-session')).code, 2);
    const nowhere = await bundle(SESSION, '-o', 'not/there/x.zip');
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.err, /cannot be written/);
    record.grow(1);
    const late = { ...record.activities.at(-1)!, sessionId: SESSION };
    late.leaf = leafOf(late, record.agentId, `host-of-${record.agentId}`);
    record.activities[record.activities.length - 1] = late;
    agent.send(record.batch(record.activities.length));
    await agent.stored(record.activities.length);
    const early = await bundle(SESSION, '-o', 'early');
    assert.equal(early.code, 1);
    assert.match(early.err, /no checkpoint covers bundle-test:143 yet/);
    assert.equal(existsSync(join(folder, 'early')), false);
    agent.sendCheckpoint(record.note());
    await agent.cosigned();
    const none = await verify('.');
    assert.equal(none.code, 1);
    assert.match(none.err, /it has no manifest\.json/);
  });

  it('proves what is left of what was erased, with the tombstone', async () => {
    const words = ['erase', '--session', SESSION, '--reason', 'request 4711', '--yes'];
    assert.equal((await runSworn(words, { environment })).code, 0);
    const untilMs = Date.now() + SEALED_MS_MAX;
    let made = await bundle(SESSION, '-o', 'erased');
    while (made.code !== 0 && /no checkpoint covers/.test(made.err) && Date.now() < untilMs) {
      await sleep(500);
      made = await bundle(SESSION, '-o', 'erased');
    }
    assert.deepEqual([made.code, made.err], [0, '']);
    const { code, integrity } = await report('erased');
    assert.equal(code, 0);
    assert.ok(integrity.problems.some(({ kind, agent_id }) => kind === 'erased' && agent_id === 'bundle-test'));
    assert.equal(integrity.logs[0]?.erased, 33);
    const own = readFileSync(join(folder, 'erased/log-2.jsonl'), 'utf8');
    assert.match(own, /"reason":"request 4711"/);
    for (const name of ['log-1.jsonl', 'index.html'])
      assert.ok(!readFileSync(join(folder, 'erased', name), 'utf8').includes('document.title=\\"taken'));
    const page = await runPage(openPage(join(folder, 'erased/index.html')));
    assert.equal(page.ok, true);
    assert.ok(page.problems.some(({ kind }) => kind === 'erased'));
  });
});
