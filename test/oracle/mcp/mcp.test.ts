// SPDX-License-Identifier: Apache-2.0

/** The official SDK for TypeScript against what it wrote down itself: every message, byte for byte. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromNpm } from '../../runtimes/tools.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { linesOf, messagesOf, outcomes, type RunningServer, startServer } from './messages.ts';

const SDK = '1.32.2';
const skip = whyNoRecording();
const driver = (name: string) => join(import.meta.dirname, 'drivers', name);

describe('the SDK for TypeScript against what it wrote down', { skip }, () => {
  let recording: Recording;
  let record: RunRecord;
  let server: RunningServer | undefined;
  const mcp = (identity: string) =>
    record.commands.filter((one) => one.identityName === identity && one.protocol === 'mcp');
  const log = (name: string) => join(recording.folder, `${name}.log`);

  before(async () => {
    const sdk = fromNpm('@modelcontextprotocol/sdk', SDK);
    recording = await startRecording({ identities: ['http-agent', 'stdio-agent'] });
    server = await startServer([node, driver('server.ts'), sdk, log('http-server'), 'http']);
    const client = [node, driver('client.ts'), sdk];
    const environment = { SAMPLES: '1' };
    await recording.run('http-agent', [...client, log('http'), `http://127.0.0.1:${server.port}/mcp`], { environment });
    const child = [node, driver('server.ts'), sdk, log('stdio-server'), 'stdio'];
    await recording.run('stdio-agent', [...client, log('stdio'), ...child], { environment });
    record = await recording.finish();
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  const sent = (way: string) => [...linesOf(log(way)), ...linesOf(log(`${way}-server`))].toSorted();

  const OUTCOMES = [
    'run ok',
    'large ok',
    'fail error isError it broke',
    'ask ok',
    'unknown error -32602 MCP error -32602: no tool unknown',
  ];

  test('over HTTP every message is in the record once, as it was written', () => {
    assert.deepEqual(messagesOf(mcp('http-agent')), sent('http'));
    assert.deepEqual(outcomes(mcp('http-agent')), OUTCOMES);
  });

  test('over stdio, which Node makes of two socket pairs, every message is in the record once, and paired', () => {
    assert.deepEqual(messagesOf(mcp('stdio-agent')), sent('stdio'));
    assert.deepEqual(outcomes(mcp('stdio-agent')), OUTCOMES);
    assert.deepEqual(new Set(mcp('stdio-agent').map(({ role }) => role)), new Set(['client']));
  });

  test('what a tool did is joined with its call by the process of the server', () => {
    const [call] = mcp('stdio-agent').filter(({ resource }) => resource === 'run');
    assert.ok(call);
    const started = record.processes.filter(
      ({ action, parentProcessId, timeNs }) =>
        action === 'exec' &&
        parentProcessId === call.attributes['server_process_id'] &&
        timeNs >= call.timeNs &&
        timeNs <= call.endTimeNs,
    );
    assert.deepEqual(
      started.map(({ argv }) => argv),
      [['/bin/true']],
    );
  });
});
