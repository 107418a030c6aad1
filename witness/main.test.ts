// SPDX-License-Identifier: Apache-2.0

/** The program: over HTTP, killed at any point, started twice, given nonsense. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it, type TestContext } from 'node:test';
import { stringify } from 'yaml';
import { runSworn } from '../cli/testing/run-sworn.ts';
import { formatAddCheckpoint, parseSignatureLines, SIZE_CONTENT_TYPE } from '../proto/log/add-checkpoint.ts';
import { openNote, parseVerifier } from '../proto/log/note.ts';
import { TestLog } from './testing/test-log.ts';

const SWORN = join(import.meta.dirname, '../bin/sworn');

describe('sworn witness', () => {
  let folder: string;
  let config: string;
  let log: TestLog;
  const write = (changes: object = {}): void =>
    writeFileSync(
      config,
      stringify({
        name: 'w',
        listen: '127.0.0.1:0',
        state_dir: join(folder, 'state'),
        logs: [log.keyLine],
        ...changes,
      }),
    );
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-witness-'));
    config = join(folder, 'witness.yaml');
    log = new TestLog('sworn/a').grow(10);
    write();
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Resolves with its address when it can be asked. */
  async function start(t: TestContext): Promise<{ child: ChildProcess; url: string; key: string }> {
    const child = spawn(SWORN, ['witness', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line);
      if (!line.startsWith('{')) continue;
      const { msg, url, key } = JSON.parse(line) as Record<string, string>;
      if (msg !== 'the witness is ready') continue;
      child.stderr.resume();
      return { child, url: url as string, key: key as string };
    }
    throw new Error(`it did not start: ${lines.join('\n')}`);
  }

  const post = (url: string, body: string): Promise<Response> =>
    fetch(`${url}/add-checkpoint`, { method: 'POST', body, signal: AbortSignal.timeout(10_000) });
  const requestOf = (of: TestLog, oldSize: number): string =>
    formatAddCheckpoint({ oldSize, proof: of.proofFrom(oldSize), note: of.note });

  it('prints its key line, and keeps the key to itself', async () => {
    const first = await runSworn(['witness', '--key', '--config', config]);
    assert.equal(first.code, 0, first.err);
    assert.equal(parseVerifier(first.out).kind, 'cosignature');
    assert.equal((await runSworn(['witness', '--key', '--config', config])).out, first.out);
    assert.equal(statSync(join(folder, 'state/witness.key')).mode & 0o777, 0o600);
    const checked = await runSworn(['witness', '--check', '--config', config]);
    assert.deepEqual([checked.code, checked.out], [0, `${config} is valid, with 1 log\n`]);
  });

  it('takes a file with all keys that a collector prints, and only those of logs out of it', async (t) => {
    const file = join(folder, 'log-keys');
    const cosigner = (await runSworn(['witness', '--key', '--config', config])).out;
    writeFileSync(file, `# keys\n${cosigner}${new TestLog('sworn/b').keyLine}\n`);
    t.after(() => write());
    write({ log_files: [file] });
    const taken = await runSworn(['witness', '--check', '--config', config]);
    assert.deepEqual([taken.code, taken.out], [0, `${config} is valid, with 2 logs\n`], taken.err);
    write({ logs: [cosigner.trim()] });
    assert.equal((await runSworn(['witness', '--check', '--config', config])).code, 2);
  });

  it('answers as the protocol has it', async (t) => {
    const { url, key } = await start(t);
    const answer = await post(url, requestOf(log, 0));
    assert.equal(answer.status, 200);
    const signatures = parseSignatureLines(await answer.text());
    assert.equal(openNote({ text: log.text, signatures }, [parseVerifier(key)]).length, 1);

    const stale = await post(url, requestOf(log.grow(20), 3));
    assert.deepEqual(
      [stale.status, stale.headers.get('content-type'), await stale.text()],
      [409, SIZE_CONTENT_TYPE, '10\n'],
    );
    const statuses = async (bodies: readonly string[]) =>
      Promise.all(bodies.map(async (body) => (await post(url, body)).status));
    const stranger = new TestLog('sworn/b').grow(1);
    const pretender = new TestLog('sworn/a').grow(20);
    const fork = new TestLog('sworn/a', { privateKey: log.privateKey, publicKey: log.verifier.publicKey }).grow(
      10,
      'x',
    );
    const bodies = [requestOf(stranger, 0), requestOf(pretender, 10), requestOf(fork, 10), 'old', 'x'.repeat(70_000)];
    assert.deepEqual(await statuses(bodies), [404, 403, 409, 400, 413]);
    assert.equal((await post(url, requestOf(fork.grow(20, 'x'), 10))).status, 422);
    assert.equal((await fetch(`${url}/add-checkpoint`)).status, 405);
    assert.equal((await fetch(`${url}/`)).status, 404);

    const status = (await (await fetch(`${url}/status`)).json()) as { key: string; requests: Record<string, number> };
    assert.equal(status.key, key);
    assert.deepEqual(status.requests, {
      ...{ cosigned: 1, stale: 1, unknown_log: 1, not_signed: 1, other_root: 1, malformed: 1, too_large: 1 },
      not_grown: 1,
    });
  });

  it('outlives who says half a request, and goes on', async (t) => {
    const { url } = await start(t);
    const { port } = new URL(url);
    for (const said of [
      'POST /add-checkpoint HTTP/1.1\r\ncontent-length: 100\r\n\r\nold',
      '\0\0\0\0',
      'GET / HTTP/9\r\n\r\n',
    ]) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(said);
      await once(socket, 'ready');
      socket.destroy();
    }
    assert.equal((await fetch(`${url}/status`)).status, 200);
  });

  it('ends when it is told to, and is the only one of its folder', async (t) => {
    const { child } = await start(t);
    const second = await runSworn(['witness', '--config', config]);
    assert.equal(second.code, 1);
    assert.match(second.err, /state_locked/);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'close'), [0, null]);
  });

  it('has forgotten nothing that it signed, killed whenever it may be', async (t) => {
    const log = new TestLog('sworn/killed');
    write({ logs: [log.keyLine] });
    t.after(() => write());
    /** Sizes that it has answered with its signature. */
    const cosigned: number[] = [0];
    for (let round = 0; round < 12; round++) {
      const { child, url, key } = await start(t);
      const gone = once(child, 'close');
      const [before = 0, last = 0] = cosigned.slice(-2);
      if (last > before) {
        // Another history since the last but one that it signed: right for whoever has lost the last.
        const fork = log.at(before).fork(`round ${round}`, last);
        for (const oldSize of [before, last]) {
          const answer = await post(url, requestOf(fork, oldSize));
          assert.ok([409, 422].includes(answer.status), `round ${round}: ${answer.status} from ${oldSize}`);
        }
      }
      // After so many answers, and so in the middle of whatever the next one needs.
      let answersLeft = 1 + ((round * 7) % 23);
      let at = last;
      try {
        while (answersLeft > -10) {
          log.grow(Math.max(log.size, at) + 1);
          const answer = await post(url, requestOf(log, at));
          const text = await answer.text();
          if (--answersLeft === 0) child.kill('SIGKILL');
          if (answer.status === 409) at = Number(text);
          else {
            const signatures = parseSignatureLines(text);
            assert.equal(openNote({ text: log.text, signatures }, [parseVerifier(key)]).length, 1);
            at = log.size;
            cosigned.push(at);
          }
        }
      } catch (error) {
        assert.ok(answersLeft <= 0, String(error));
      }
      await gone;
    }
    assert.ok(cosigned.length > 60, `${cosigned.length} were cosigned`);
  });

  it('does not start with a key whose record of what it has signed is gone', async () => {
    rmSync(join(folder, 'state/logs'), { recursive: true });
    const ended = await runSworn(['witness', '--config', config]);
    assert.equal(ended.code, 1);
    assert.match(ended.err, /state_lost/);
    assert.ok(!readdirSync(join(folder, 'state')).includes('logs'));
  });

  it('says what is wrong with its file', async () => {
    write({ logs: ['x', log.keyLine.replace('+', '+0')], listen: 'here', colour: 'red' });
    const ended = await runSworn(['witness', '--check', '--config', config]);
    assert.equal(ended.code, 2);
    assert.match(ended.err, /there is no key colour/);
    write({ logs: ['x'] });
    assert.match((await runSworn(['witness', '--check', '--config', config])).err, /logs\.0: This is no key line/);
  });
});
