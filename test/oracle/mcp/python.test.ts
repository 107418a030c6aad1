// SPDX-License-Identifier: Apache-2.0

/** The official SDK for Python, alone and with the one for TypeScript, against what both ends wrote down. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromNpm, pythonFrom } from '../../runtimes/tools.ts';
import { assertWhole } from '../recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { linesOf, messagesOf, outcomes, type RunningServer, startServer } from './messages.ts';

const SDK = '1.32.2';
const IDENTITIES = ['stdio', 'http', 'sse', 'from-typescript', 'to-typescript'] as const;
type Identity = (typeof IDENTITIES)[number];
const MODERN: ReadonlySet<Identity> = new Set(['stdio', 'http']);
const OVER_STDIO: ReadonlySet<Identity> = new Set(['stdio', 'from-typescript']);

/** Both ends of a message write it with other blanks: the members in their order are the same. */
const asWritten = (messages: readonly string[]): string[] =>
  messages.map((message) => JSON.stringify(JSON.parse(message))).toSorted();

describe('the SDK for Python against what it wrote down', { skip: whyNoRecording() }, () => {
  const driver = (name: string) => join(import.meta.dirname, 'drivers', name);
  let ours: RunningServer | undefined;
  let theirs: RunningServer | undefined;
  let recording: Recording;
  let record: RunRecord;
  const log = (name: string) => join(recording.folder, `${name}.log`);
  const mcp = (identity: Identity): RecordedCommand[] =>
    record.commands.filter((one) => one.identityName === identity && one.protocol === 'mcp');

  before(async () => {
    const sdk = fromNpm('@modelcontextprotocol/sdk', SDK);
    const python = pythonFrom('mcp', join(import.meta.dirname, 'requirements.txt'));
    const config = () => ({ capture: { streams: 'terminals_and_pipes' } });
    recording = await startRecording({ identities: IDENTITIES, config });
    const peer = (identity: Identity, ...rest: readonly string[]) =>
      [python, driver('peer.py'), log(identity), ...rest] as const;
    [ours, theirs] = await Promise.all([
      startServer([python, driver('peer.py'), log('http-server'), 'server', 'http']),
      startServer([node, driver('server.ts'), sdk, log('to-typescript-server'), 'http']),
    ]);
    const child = (identity: Identity) => [python, driver('peer.py'), log(`${identity}-server`), 'server', 'stdio'];
    const url = (server: RunningServer, path: string) => `http://127.0.0.1:${server.port}/${path}`;
    const runs: readonly (readonly [Identity, readonly string[]])[] = [
      ['stdio', peer('stdio', 'client', 'stdio', ...child('stdio'))],
      ['http', peer('http', 'client', 'http', url(ours, 'mcp'))],
      ['sse', peer('sse', 'client', 'sse+legacy', url(ours, 'sse'))],
      ['to-typescript', peer('to-typescript', 'client', 'http+legacy', url(theirs, 'mcp'))],
      ['from-typescript', [node, driver('client.ts'), sdk, log('from-typescript'), ...child('from-typescript')]],
    ];
    await Promise.all(runs.map(([identity, command]) => recording.run(identity, command)));
    record = await recording.finish();
  });

  after(async () => {
    await recording?.stop();
    await ours?.stop();
    await theirs?.stop();
  });

  for (const identity of IDENTITIES) {
    test(`${identity}: every message of both sides is in the record once, as it was written`, () => {
      const server = identity === 'sse' ? 'http-server.log.sse' : `${identity}-server.log`;
      const sent = [...linesOf(log(identity)), ...linesOf(join(recording.folder, server))];
      // A server of the older transport accepts a message with words of its own.
      const recorded = messagesOf(mcp(identity)).filter((message) => message !== 'Accepted');
      assert.deepEqual(asWritten(recorded), asWritten(sent));
    });

    test(`${identity}: how tools ended, and who spoke`, () => {
      const calls = outcomes(mcp(identity));
      if (identity !== 'sse')
        assert.deepEqual(calls.slice(0, 3), ['run ok', 'large ok', 'fail error isError it broke']);
      const [client] = mcp(identity).flatMap(({ attributes }) => attributes['client_name'] ?? []);
      assert.equal(client, identity === 'from-typescript' ? 'oracle-client' : 'mcp');
      const versions = mcp(identity).flatMap(({ attributes }) => attributes['client_protocol_version'] ?? []);
      assert.deepEqual(new Set(versions).has('2026-07-28'), MODERN.has(identity));
    });
  }

  test('over stdio every request that was answered is paired', () => {
    for (const identity of OVER_STDIO) {
      const halves = mcp(identity).filter(
        ({ attributes }) => attributes['request_missing'] !== undefined || attributes['response_missing'] !== undefined,
      );
      assert.deepEqual(
        halves.map(({ statement }) => statement),
        [],
      );
    }
  });

  test('nothing is lost, and the accounts add up', () => {
    // Node may use io_uring, which is told where streams are recorded.
    const losses = record.losses.filter(({ reason }) => reason !== 'io_uring_unseen');
    assertWhole({ ...record, losses });
  });
});
