// SPDX-License-Identifier: Apache-2.0

/** HTTP/2 and gRPC as recorded, against the log of the server: every stream once, byte for byte; every byte accounted for. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type Http2Server, type LoggedStream, type ServerLog, startHttp2Server } from './server-log.ts';

const skip = whyNoRecording();
const RESPONSE_BYTES_MAX = 1024 * 1024;
const SECRET_FIELDS = new Set(['authorization', 'cookie', 'x-api-key']);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function hasHttpx(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import httpx, h2'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('HTTP/2 against the log of the server', { skip }, () => {
  let server: Http2Server;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;
  const identity = 'http2-agent';

  before(async () => {
    server = await startHttp2Server();
    recording = await startRecording({ identities: [identity] });
    const [clearPort, securePort, grpcPort] = server.ports;
    const [clear, secure] = [`http://127.0.0.1:${clearPort}`, `https://127.0.0.1:${securePort}`];
    const driver = (name: string): string => join(import.meta.dirname, 'drivers', name);
    await recording.run(identity, [node, driver('node-client.ts'), clear, secure, String(grpcPort)]);
    const curl = ['curl', '-sk', '--no-progress-meter', '-o', '/dev/null'];
    await recording.run(identity, [...curl, '--http2-prior-knowledge', `${clear}/curl?bytes=100`]);
    await recording.run(identity, [...curl, '--http2', '-d', 'a=1&password=s3cret', `${secure}/curl?echo`]);
    const distrustful = ['env', 'NODE_TLS_REJECT_UNAUTHORIZED=0', 'NODE_NO_WARNINGS=1'];
    await recording.run(identity, [...distrustful, node, driver('fetch-client.ts'), secure]);
    if (hasHttpx()) {
      await recording.run(identity, ['/usr/bin/python3', driver('python_client.py'), clear, secure]);
    }
    record = await recording.finish();
    log = await server.finish();
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every stream is recorded once, unaltered', (t) => {
    const commands = record.commands.filter(({ protocol }) => protocol === 'http');
    const met = new Set<RecordedCommand>();
    for (const logged of log.streams) {
      const found = commands.filter(
        (one) => portOf(record, one) === logged.port && one.attributes['stream_id'] === String(logged.id),
      );
      assert.equal(found.length, 1, `${logged.method} ${logged.path} from port ${logged.port} is recorded once`);
      met.add(found[0]!);
      assertStream(logged, found[0]!);
    }
    assert.deepEqual(
      commands.filter((one) => !met.has(one)).map(({ statement }) => statement),
      [],
      'of these the server knows nothing',
    );
    assert.ok(log.streams.length > 155, `${log.streams.length}`);
    t.diagnostic(`${log.streams.length} streams on ${new Set(log.streams.map(({ port }) => port)).size} connections`);
  });

  test('every call of gRPC is recorded with its message and its end', () => {
    const calls = record.commands.filter(({ protocol }) => protocol === 'grpc');
    assert.deepEqual(
      calls.map(({ resource, request, attributes, errorMessage }) => ({
        path: `/${resource}`,
        message: request.subarray(5).toString('hex'),
        code: Number(attributes['grpc_status']),
        text: errorMessage,
      })),
      log.calls.map(({ path, messages, code, text }) => ({ path, message: messages[0], code, text })),
    );
    assert.equal(calls.at(-1)?.attributes['grpc_response_messages'], '20');
    assert.equal(calls[3]?.parameters, '{"1":3,"2":"abc"}');
    assert.equal(calls.find(({ operation }) => operation === 'Fail')?.errorCode, 'NOT_FOUND');
  });

  test('nothing is lost, and every byte that the server counted is accounted for and understood', () => {
    assertWhole(record);
    assertUnderstood(record, 'http2');
    const closed = record.connections.filter(({ action }) => action === 'closed');
    for (const { port, readBytes, writtenBytes } of log.connections) {
      const one = closed.find(({ localPort }) => localPort === port);
      assert.deepEqual([one?.sent.moved, one?.received.moved], [readBytes, writtenBytes], `bytes on port ${port}`);
    }
  });

  test('no credential is in the record', () => {
    for (const { statement, parameters, attributes, request } of record.commands) {
      assert.doesNotMatch(
        `${statement} ${parameters} ${JSON.stringify(attributes)} ${request.toString('latin1')}`,
        /s3cret|abc\.def/,
      );
    }
  });
});

function portOf({ connections }: RunRecord, { connectionId }: RecordedCommand): number | undefined {
  return connections.find((one) => one.connectionId === connectionId)?.localPort;
}

function assertStream(logged: LoggedStream, recorded: RecordedCommand): void {
  const name = `${logged.method} ${logged.path} from port ${logged.port}`;
  const { attributes } = recorded;
  const isReset = logged.status === 0;
  const hasBody = logged.method !== 'HEAD' && logged.status !== 204;
  assert.deepEqual(
    [
      recorded.operation,
      recorded.target,
      attributes['http_version'],
      attributes['status_code'] ?? '0',
      recorded.requestPayloadBytes,
    ],
    [logged.method, logged.authority, '2', String(logged.status), logged.requestBytes],
    name,
  );
  assert.equal(recorded.statement.replace('[redacted]', 's3cret'), `${logged.method} ${logged.path}`);
  assert.equal(attributes['reset_error'], isReset ? 'REFUSED_STREAM' : undefined, name);
  assert.equal(
    recorded.errorCode,
    isReset ? 'REFUSED_STREAM' : logged.status >= 400 ? String(logged.status) : '',
    name,
  );
  const shown = JSON.parse(attributes['request_headers'] ?? '{}') as Record<string, string>;
  for (const [key, value] of logged.fields) {
    if (SECRET_FIELDS.has(key)) assert.match(shown[key] ?? '', /\[redacted\]/, `${key} of ${name}`);
    else
      assert.equal(
        shown[key],
        Buffer.from(value, 'latin1').toString('utf8').includes('\ufffd')
          ? value
          : Buffer.from(value, 'latin1').toString('utf8'),
        `${key} of ${name}`,
      );
  }
  assert.deepEqual(Object.keys(shown).toSorted(), [...new Set(logged.fields.map(([key]) => key))].toSorted(), name);
  if (!recorded.request.includes('[redacted]'))
    assert.equal(sha256(recorded.request), logged.requestSha256, `request of ${name}`);
  if (isReset) return;
  assert.equal(recorded.responsePayloadBytes, hasBody ? logged.responseBytes : 0, `size of the reply to ${name}`);
  if (!hasBody) return;
  if (logged.responseBytes <= RESPONSE_BYTES_MAX) {
    if (!recorded.response.includes('[redacted]'))
      assert.equal(sha256(recorded.response), logged.contentSha256, `reply to ${name}`);
  } else {
    assert.equal(recorded.responseSha256, logged.contentSha256, `digest of the reply to ${name}`);
  }
  assert.equal(attributes['response_trailers'] !== undefined, logged.hasTrailers, `trailers of ${name}`);
}
