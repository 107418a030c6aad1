// SPDX-License-Identifier: Apache-2.0

/** WebSocket in streams of HTTP/2 (RFC 8441): h2 with wsproto against hypercorn, and what each wrote down of what it sent. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const PYTHON = '/usr/bin/python3';
const IDENTITY = 'stream-agent';
const driver = (name: string): string => join(import.meta.dirname, 'drivers', name);

function whyNot(): string | false {
  const found = spawnSync(PYTHON, ['-c', 'import hypercorn, h2, wsproto']).status === 0;
  return whyNoRecording() || (found ? false : 'python3-hypercorn is not installed here');
}

describe('WebSocket over HTTP/2 against what both ends wrote down', { skip: whyNot() }, () => {
  let recording: Recording;
  let record: RunRecord;
  let end: (() => Promise<void>) | undefined;
  const log = (name: string): string => join(recording.folder, `${name}.log`);
  const said = (name: string, path: string): string[] =>
    readFileSync(log(name), 'utf8')
      .trimEnd()
      .split('\n')
      .flatMap((line) => (line.startsWith(`${path} `) ? [line.slice(path.length + 1)] : []));
  const of = (operation: string, path: string) =>
    record.commands.filter(
      (one) => one.protocol === 'websocket' && one.operation === operation && one.resource === path,
    );

  before(async () => {
    recording = await startRecording({ identities: [IDENTITY] });
    const server = spawn(PYTHON, [driver('websocket_server.py'), log('server')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(server, 'exit');
    end = async () => {
      server.kill('SIGKILL');
      await ended;
    };
    const [line] = (await Promise.race([once(createInterface(server.stderr), 'line'), ended])) as [unknown];
    const port = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(String(line))?.[1] ?? '';
    await recording.run(IDENTITY, [PYTHON, driver('websocket_client.py'), log('client'), port]);
    record = await recording.finish();
  });

  after(async () => {
    await end?.();
    await recording?.stop();
  });

  for (const [path, compressed, code] of [
    ['/plain', undefined, '1000'],
    ['/deflated', 'true', '4001'],
  ] as const) {
    test(`${path}: every message of both sides is in the record, whole and in order, and how it was closed`, () => {
      const [sends, receives] = [of('SEND', path), of('RECEIVE', path)];
      const sent = sends.map(({ request }) => request.toString('base64'));
      assert.deepEqual(sent, said('client', path));
      const received = receives.map(({ response }) => response.toString('base64'));
      assert.deepEqual(received, said('server', path));
      assert.equal(sends.length, 6);
      for (const { attributes, status } of [...sends, ...receives])
        assert.deepEqual([attributes['compressed'], status], [compressed, 'ok']);
      assert.equal(of('CLOSE', path)[0]?.attributes['close_code'], code);
    });
  }

  test('both were asked for in one connection, of which every byte is understood', () => {
    const granted = record.commands.filter(({ operation }) => operation === 'CONNECT');
    assert.deepEqual(
      granted.map(({ attributes }) => attributes['connect_protocol']),
      ['websocket', 'websocket'],
    );
    assertWhole(record);
    assertUnderstood(record, 'http2');
  });
});
