// SPDX-License-Identifier: Apache-2.0

/** Go's server in cleartext, asked by Go, curl and nghttp, by prior knowledge and by Upgrade: h2c, against what it wrote down. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { buildGoProgram, type GoProgram, whyNoGo } from '../log/go-program.ts';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

interface Logged {
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  readonly text: string;
  readonly requestSha256: string;
  readonly responseSha256: string;
}

const hasNghttp = spawnSync('nghttp', ['--version']).status === 0;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const identity = 'h2c-agent';

describe("HTTP/2 against the log of Go's server", { skip: whyNoRecording() || whyNoGo() }, () => {
  let peer: GoProgram;
  let recording: Recording;
  let record: RunRecord;
  let logged: Logged[];
  let end: () => Promise<void> = async () => {};

  before(async () => {
    peer = buildGoProgram('peer', import.meta.dirname);
    const logFile = join(dirname(peer.path), 'log');
    const server = spawn(peer.path, ['serve', logFile], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(server, 'exit');
    end = async () => {
      server.stdin.end();
      await ended;
    };
    const [line] = (await Promise.race([once(createInterface({ input: server.stdout }), 'line'), ended])) as [unknown];
    const url = `http://127.0.0.1:${/^listens on (\d+)$/.exec(String(line))?.[1]}`;
    recording = await startRecording({ identities: [identity] });
    const run = (...command: string[]) => recording.run(identity, command);
    const curl = ['curl', '-s', '--no-progress-meter', '-o', '/dev/null', '-H', 'x-text: from curl'];
    await run(peer.path, 'ask', url, '30');
    await run(...curl, '--http2-prior-knowledge', `${url}/curl/known`);
    await run(...curl, '--http2', `${url}/curl/upgraded`, `${url}/curl/after`);
    await run(...curl, '--http2', '-d', 'some content', `${url}/curl/upgraded-with-content`);
    if (hasNghttp) {
      await run('nghttp', '-n', '-u', `${url}/nghttp/upgraded`);
      await run('nghttp', '-n', '-m', '20', '-H', 'x-text: from nghttp', `${url}/nghttp/known`);
    }
    record = await recording.finish();
    await end();
    logged = readFileSync(logFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one) as Logged);
  });

  after(async () => {
    await recording?.stop();
    await end();
    peer?.remove();
  });

  test('every request is recorded once, unaltered, with the answer and its trailers', () => {
    const briefOf = (one: Logged): string =>
      [one.method, one.path, one.text, one.requestSha256, one.responseSha256].join(' ');
    const recorded = record.commands.map(({ statement, request, response, attributes }) => {
      const shown = JSON.parse(attributes['request_headers'] ?? '{}') as Record<string, string>;
      assert.equal(attributes['response_trailers'], JSON.stringify({ 'x-sum': sha256(response) }), statement);
      return [statement, shown['x-text'] ?? '', sha256(request), sha256(response)].join(' ');
    });
    assert.deepEqual(recorded.toSorted(), logged.map(briefOf).toSorted());
    assert.equal(logged.length, hasNghttp ? 55 : 34);
  });

  test('nothing is lost, and every byte is understood, also where a connection turned from HTTP/1.1', () => {
    assertWhole(record);
    assertUnderstood(record, 'http2');
  });
});
