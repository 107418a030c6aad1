// SPDX-License-Identifier: Apache-2.0

/** `ws`, client and server, against what they wrote down themselves: every message, byte for byte. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fromNpm } from '../../runtimes/tools.ts';
import type { RecordedCommand } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const WS = '8.23.0';
const IDENTITY = 'websocket-agent';
const skip = whyNoRecording();
const driver = join(import.meta.dirname, 'drivers/ws.ts');

describe('WebSocket by ws against what it wrote down', { skip }, () => {
  let recording: Recording;
  let commands: readonly RecordedCommand[] = [];
  let end: (() => Promise<void>) | undefined;
  const log = (name: string) => join(recording.folder, `${name}.log`);
  const said = (name: string, path: string): string[] =>
    readFileSync(log(name), 'utf8')
      .trimEnd()
      .split('\n')
      .flatMap((line) => (line.startsWith(`${path} `) ? [line.slice(path.length + 1)] : []));
  const of = (operation: string, path: string) =>
    commands.filter((one) => one.protocol === 'websocket' && one.operation === operation && one.resource === path);

  before(async () => {
    const ws = fromNpm('ws', WS);
    recording = await startRecording({ identities: [IDENTITY] });
    const server = spawn(node, [driver, ws, log('server'), 'server'], { stdio: ['ignore', 'pipe', 'inherit'] });
    end = async () => {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    };
    const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
    await recording.run(IDENTITY, [node, driver, ws, log('client'), 'client', port]);
    ({ commands } = await recording.finish());
  });

  after(async () => {
    await recording?.stop();
    await end?.();
  });

  for (const [path, compressed, code] of [
    ['/plain', undefined, ''],
    ['/deflated', 'true', '4001'],
  ] as const) {
    test(`${path}: every message of both sides is in the record, whole and in order`, () => {
      const [sends, receives] = [of('SEND', path), of('RECEIVE', path)];
      assert.deepEqual(
        sends.map(({ request }) => request.toString('base64')),
        said('client', path),
      );
      assert.deepEqual(
        receives.map(({ response }) => response.toString('base64')),
        said('server', path),
      );
      for (const { attributes, status } of [...sends, ...receives])
        assert.deepEqual([attributes['compressed'], status], [compressed, 'ok']);
    });

    test(`${path}: how it was closed`, () => {
      const [close] = of('CLOSE', path);
      assert.deepEqual(
        [close?.status, close?.errorCode, close?.attributes['close_code'], close?.attributes['closed_by']],
        [code === '' ? 'ok' : 'error', code, code === '' ? '1000' : code, 'client'],
      );
    });
  }
});
