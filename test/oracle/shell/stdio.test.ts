// SPDX-License-Identifier: Apache-2.0

/** MCP over standard input and output: a client that starts its server, through a real agent. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const IDENTITY = 'mcp-agent';
const CALLS = 20;
const CLIENT = `
import json, subprocess, sys
server = subprocess.Popen([sys.executable, '-c', """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if 'id' not in asked: continue
    if asked['method'] == 'initialize':
        result = {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}}
    else:
        result = {'content': [{'type': 'text', 'text': 'got ' + asked['params']['arguments']['what']}], 'isError': False}
    print(json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': result}), flush=True)
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def say(message):
    server.stdin.write(json.dumps({'jsonrpc': '2.0', **message}).encode() + b'\\n'); server.stdin.flush()
say({'id': 0, 'method': 'initialize', 'params': {'protocolVersion': '2025-06-18', 'capabilities': {}, 'clientInfo': {'name': 'c', 'version': '1'}}})
server.stdout.readline()
say({'method': 'notifications/initialized'})
for number in range(1, ${CALLS + 1}):
    say({'id': number, 'method': 'tools/call', 'params': {'name': 'fetch', 'arguments': {'what': 'x' * number * 500}}})
    assert 'got x' in server.stdout.readline().decode()
server.stdin.close(); server.wait()
`;

describe('a server over standard input and output', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let record: RunRecord;

  before(async () => {
    const config = () => ({ capture: { streams: 'terminals_and_pipes' } });
    recording = await startRecording({ identities: [IDENTITY], config });
    await recording.run(IDENTITY, ['/usr/bin/python3', '-c', CLIENT]);
    record = await recording.finish();
  });

  after(async () => {
    await recording?.stop();
  });

  test('is one connection of its client, and every call of a tool is a command', () => {
    const pipes = record.connections.filter(({ transport, action }) => transport === 'pipe' && action === 'closed');
    const spoken = pipes.filter(({ protocol }) => protocol === 'mcp');
    assert.equal(spoken.length, 1);
    assert.equal(spoken[0]?.role, 'client');
    const calls = record.commands.filter(({ protocol, operation }) => protocol === 'mcp' && operation === 'tools/call');
    assert.equal(calls.length, CALLS);
    for (const [at, { request, response, status, connectionId }] of calls.entries()) {
      assert.ok(request.toString().includes('x'.repeat((at + 1) * 500)), `call ${at}`);
      assert.ok(response.toString().includes(`got ${'x'.repeat((at + 1) * 500)}`), `answer ${at}`);
      assert.deepEqual([status, connectionId], ['ok', spoken[0]?.connectionId]);
    }
  });

  test('nothing of it is lost, and the accounts add up', () => {
    assert.deepEqual(
      record.losses.map(({ place, reason, bytes }) => `${place} ${reason} ${bytes}`),
      [],
    );
    assertWhole(record);
  });
});
