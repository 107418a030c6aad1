// SPDX-License-Identifier: Apache-2.0

/** `ws` of npm and `websockets` of PyPI, clients and servers, against what they wrote down themselves: every message, byte for byte. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromNpm, pythonFrom } from '../../runtimes/tools.ts';
import { type RunningServer, startServer } from '../mcp/messages.ts';
import type { RecordedCommand } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const WS = '8.23.0';
const skip = whyNoRecording();
const driver = (name: string) => join(import.meta.dirname, 'drivers', name);
const LIBRARIES = ['ws', 'websockets'] as const;
type Library = (typeof LIBRARIES)[number];

describe('WebSocket against what both ends wrote down', { skip }, () => {
  let recording: Recording;
  let commands: readonly RecordedCommand[] = [];
  const servers: RunningServer[] = [];
  const log = (library: Library, name: string) => join(recording.folder, `${library}-${name}.log`);

  before(async () => {
    const ws = fromNpm('ws', WS);
    const python = pythonFrom('websockets', join(import.meta.dirname, 'requirements.txt'));
    const command = (library: Library, name: string) =>
      library === 'ws'
        ? ([node, driver('ws.ts'), ws, log(library, name)] as const)
        : ([python, driver('websockets_peer.py'), log(library, name)] as const);
    recording = await startRecording({ identities: LIBRARIES });
    for (const library of LIBRARIES) {
      const server = await startServer([...command(library, 'server'), 'server']);
      servers.push(server);
      await recording.run(library, [...command(library, 'client'), 'client', server.port]);
    }
    ({ commands } = await recording.finish());
  });

  after(async () => {
    await recording?.stop();
    for (const server of servers) await server.stop();
  });

  for (const library of LIBRARIES) describe(library, () => spoken(library));

  function spoken(library: Library): void {
    const said = (name: string, path: string): string[] =>
      readFileSync(log(library, name), 'utf8')
        .trimEnd()
        .split('\n')
        .flatMap((line) => (line.startsWith(`${path} `) ? [line.slice(path.length + 1)] : []));
    const of = (operation: string, path: string) =>
      commands.filter(
        (one) =>
          one.identityName === library &&
          one.protocol === 'websocket' &&
          one.operation === operation &&
          one.resource === path,
      );
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
  }
});
