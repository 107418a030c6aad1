// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { FLAG, FRAME } from '../http2/frames.ts';
import { asks, block, check, frame, OPENING, only } from '../http2/testing.ts';
import { sends } from '../testing/script.ts';
import { fieldView } from './field-view.ts';
import { readMessages } from './messages.ts';

const TYPE = { 'content-type': 'application/grpc' };

function framed(message: Uint8Array | string, flags = 0): string {
  const bytes = Buffer.from(message as string, 'latin1');
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]).toString('latin1');
}

const call = (body: string, fields: Record<string, string> = {}) =>
  asks(1, { ':path': '/pkg.v1.Users/Get', te: 'trailers', ...TYPE, ...fields }, body);

const answers = (body: string, trailers: Record<string, string>, fields: Record<string, string> = {}) =>
  sends(
    'server',
    frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '200', ...TYPE, ...fields })),
    frame(FRAME.data, 0, 1, body),
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block(trailers)),
  );

test('a call is its method, with what was sent and how it ended', () => {
  const run = check([
    ...OPENING,
    call(framed('\x08\x07\x12\x03ann')),
    answers(framed('\x0a\x01x') + framed('\x0a\x01y'), { 'grpc-status': '0' }),
  ]);
  const exchange = only(run);
  assert.deepEqual(
    [exchange.protocol, exchange.operation, exchange.resource, exchange.target, exchange.parameters, exchange.status],
    ['grpc', 'Get', 'pkg.v1.Users/Get', 'h', '{"1":7,"2":"ann"}', 'ok'],
  );
  const { attributes } = exchange;
  assert.deepEqual(
    [attributes['grpc_status'], attributes['grpc_request_messages'], attributes['grpc_response_messages']],
    ['0', '1', '2'],
  );
});

test('an error has its name and its message, also where there are only trailers', () => {
  const ended = { 'grpc-status': '5', 'grpc-message': 'no%20such%20user%3A%20%C3%A9' };
  const onlyTrailers = sends(
    'server',
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block({ ':status': '200', ...TYPE, ...ended })),
  );
  for (const reply of [answers('', ended), onlyTrailers]) {
    const exchange = only(check([...OPENING, call(framed('')), reply]));
    assert.deepEqual(
      [exchange.status, exchange.errorCode, exchange.errorMessage],
      ['error', 'NOT_FOUND', 'no such user: é'],
    );
  }
});

test('messages that are compressed are decompressed, and credentials in them taken out', () => {
  const secret = `eyJhbGciOiJub25lIn0.eyJhIjoxfQ.${'s'.repeat(30)}`;
  const run = check([
    ...OPENING,
    call(framed(gzipSync('\x0a\x02hi'), 1) + framed(gzipSync(secret), 1), { 'grpc-encoding': 'gzip' }),
    answers(framed(deflateSync('plain'), 1), { 'grpc-status': '0' }, { 'grpc-encoding': 'deflate' }),
  ]);
  const exchange = only(run);
  const [credential, ...others] = run.credentials;
  assert.deepEqual([credential?.kind, credential?.secret, others.length], ['http-jwt', secret, 0]);
  assert.equal(credential?.sentTo?.path, exchange.attributes['http_path'] ?? credential?.sentTo?.path);
  const request = Buffer.from(exchange.request.bytes).toString('latin1');
  assert.ok(request.startsWith('\0\0\0\0\x04\x0a\x02hi\0'));
  assert.ok(!request.includes('ssss'));
  assert.equal(Buffer.from(exchange.response.bytes).toString('latin1'), framed('plain'));
  assert.equal(exchange.attributes['grpc_request_decompressed'], '2');
});

test('a call that was reset has no status of its own', () => {
  const cancel = sends('client', frame(FRAME.rstStream, 0, 1, '\0\0\0\x08'));
  const exchange = only(check([...OPENING, call(framed('')), cancel]));
  assert.deepEqual([exchange.protocol, exchange.status, exchange.errorCode], ['grpc', 'error', 'CANCEL']);
});

test('gRPC-Web has its trailers in the body', () => {
  const trailers = framed('grpc-status: 7\r\ngrpc-message: not%20yours\r\n', 0x80);
  const web = { 'content-type': 'application/grpc-web+proto' };
  const exchange = only(
    check([...OPENING, call(framed('a'), web), answers(framed('b') + trailers, { 'x-a': '1' }, web)]),
  );
  assert.deepEqual([exchange.errorCode, exchange.errorMessage], ['PERMISSION_DENIED', 'not yours']);
  assert.equal(exchange.attributes['grpc_response_messages'], '1');
});

test('messages without a schema are shown by their field numbers', () => {
  assert.equal(
    fieldView(Buffer.from('\x08\x96\x01\x1a\x02\x08\x01\x1a\x01z', 'latin1')),
    '{"1":150,"3":[{"1":1},"z"]}',
  );
  assert.equal(fieldView(Buffer.from('no message', 'latin1')), '');
});

test('whatever the bytes are, nothing is thrown', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('gzip', 'deflate', 'x'),
      fc.boolean(),
      (bytes, coding, isWeb) => {
        const body = Buffer.from(bytes);
        fieldView(body);
        const messages = readMessages(body, coding, isWeb, false);
        assert.ok(messages.restBytes >= 0 && messages.restBytes <= body.length);
      },
    ),
    { numRuns: 500 },
  );
});

test('a message that stands for very much stays compressed', () => {
  const bomb = Buffer.from(framed(gzipSync(Buffer.alloc(64 * 1024 * 1024)), 1), 'latin1');
  const { undecoded, bytes } = readMessages(bomb, 'gzip', false, false);
  assert.deepEqual([undecoded, bytes.length], [1, bomb.length]);
});
