// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkDetect } from '../testing/check-script.ts';
import { ends, sends } from '../testing/script.ts';
import { http2 } from './definition.ts';
import { FLAG, FRAME } from './frames.ts';
import { asks, block, briefs, check, frame, OPENING, only, replies } from './testing.ts';

const u32 = (value: number): Buffer =>
  Buffer.from([value >>> 24, value >>> 16, value >>> 8, value].map((b) => b & 0xff));

test('an exchange a stream, in the words of HTTP', () => {
  const run = check([
    ...OPENING,
    asks(
      1,
      { ':path': '/items/42?q=a%20b&token=s3cret', 'user-agent': 'test/1', authorization: 'Bearer s3cret' },
      '{"a":1}',
    ),
    replies(1, { ':status': '201', 'content-type': 'application/json' }, '{"b":', '2}'),
  ]);
  const exchange = only(run);
  assert.deepEqual(
    [
      exchange.protocol,
      exchange.operation,
      exchange.target,
      exchange.resource,
      exchange.statement,
      exchange.statementShape,
    ],
    ['http', 'POST', 'h', '/items/42', 'POST /items/42?q=a%20b&token=[redacted]', 'POST /items/?'],
  );
  assert.equal(exchange.parameters, '{"q":"a b","token":"[redacted]"}');
  assert.equal(Buffer.from(exchange.response.bytes).toString(), '{"b":2}');
  assert.deepEqual(exchange.attributes, {
    http_version: '2',
    stream_id: '1',
    request_headers: '{"user-agent":"test/1","authorization":"Bearer [redacted]"}',
    user_agent: 'test/1',
    status_code: '201',
    response_http_version: '2',
    response_headers: '{"content-type":"application/json"}',
    response_content_type: 'application/json',
  });
  assert.deepEqual(run.credentials.map(({ kind, secret }) => [kind, secret]).toSorted(), [
    ['http-bearer', 's3cret'],
    ['http-query', 's3cret'],
  ]);
  assert.deepEqual([run.counts.client.notUnderstood, run.counts.server.notUnderstood, run.troubles], [0, 0, {}]);
  assert.deepEqual([run.counts.server.decoded - exchange.responseBytes, exchange.status], [18, 'ok']);
});

test('many streams at once come out as they end', () => {
  const run = check([
    ...OPENING,
    asks(1, { ':path': '/slow' }),
    asks(3, { ':path': '/fast' }),
    sends(
      'server',
      frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '200' })),
      frame(FRAME.data, 0, 1, 'a'),
    ),
    replies(3, {}, 'fast'),
    sends('server', frame(FRAME.data, FLAG.endStream, 1, 'b')),
  ]);
  assert.deepEqual(briefs(run), ['GET /fast -> 200 fast', 'GET /slow -> 200 ab']);
});

test('padding, priority, continuations, interim replies, trailers and frames of the connection', () => {
  const head = block({ ':method': 'PUT', ':scheme': 'http', ':path': '/x', ':authority': 'h' });
  const run = check([
    ...OPENING,
    sends(
      'client',
      frame(
        FRAME.headers,
        FLAG.priority | FLAG.padded,
        1,
        Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 9]), head.subarray(0, 7), Buffer.alloc(3)]),
      ),
      frame(FRAME.continuation, 0, 1, head.subarray(7, 9)),
      frame(FRAME.continuation, FLAG.endHeaders, 1, head.subarray(9)),
      frame(FRAME.windowUpdate, 0, 1, u32(99)),
      frame(FRAME.data, FLAG.padded, 1, '\x04body\0\0\0\0'),
      frame(FRAME.ping, 0, 0, '12345678'),
      frame(0x77, 0xff, 0, 'whatever this is'),
      frame(FRAME.data, FLAG.endStream | FLAG.padded, 1, '\x00'),
    ),
    sends('server', frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '103', link: '</a>' }))),
    sends(
      'server',
      frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '200' })),
      frame(FRAME.data, 0, 1, 'reply'),
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block({ 'x-sum': '1' })),
    ),
  ]);
  const exchange = only(run);
  assert.equal(Buffer.from(exchange.request.bytes).toString(), 'body');
  assert.equal(exchange.attributes['interim_status'], '103');
  assert.equal(exchange.attributes['response_trailers'], '{"x-sum":"1"}');
  assert.equal(run.counts.client.notUnderstood, 0);
});

test('content codings are taken off', () => {
  const run = check([
    ...OPENING,
    asks(1),
    replies(1, { 'content-encoding': 'gzip' }, gzipSync('text').toString('latin1')),
  ]);
  assert.equal(Buffer.from(only(run).response.bytes).toString(), 'text');
});

test('a stream that is reset says by whom and why', () => {
  const run = check([
    ...OPENING,
    asks(1),
    asks(3, { ':path': '/b' }),
    sends(
      'server',
      frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '200' })),
      frame(FRAME.data, 0, 1, 'par'),
    ),
    sends('client', frame(FRAME.rstStream, 0, 1, u32(8))),
    sends('server', frame(FRAME.data, FLAG.endStream, 1, 'late'), frame(FRAME.rstStream, 0, 3, u32(7))),
  ]);
  assert.deepEqual(briefs(run), ['GET / -> 200 par CANCEL', 'GET /b -> - REFUSED_STREAM']);
  const [first, second] = run.exchanges;
  assert.deepEqual(
    [first?.attributes['reset_by'], first?.attributes['response_incomplete'], second?.attributes['response_missing']],
    ['client', 'stream-reset', 'stream-reset'],
  );
  // What was under way is framed, and not kept.
  assert.equal(run.counts.server.cut, 4);
});

test('a reply that has all that its head promised is whole when its client resets the stream, or leaves', () => {
  const half = (id: number, length: string) => [
    frame(FRAME.headers, FLAG.endHeaders, id, block({ ':status': '200', 'content-length': length })),
    frame(FRAME.data, 0, id, 'all of it'),
  ];
  const run = check([
    ...OPENING,
    asks(1),
    asks(3, { ':path': '/less' }),
    asks(5, { ':path': '/left' }),
    sends('server', ...half(1, '9'), ...half(3, '10'), ...half(5, '9')),
    sends('client', frame(FRAME.rstStream, 0, 1, u32(5)), frame(FRAME.rstStream, 0, 3, u32(5))),
  ]);
  assert.deepEqual(briefs(run), [
    'GET / -> 200 all of it',
    'GET /less -> 200 all of it STREAM_CLOSED',
    'GET /left -> 200 all of it',
  ]);
  assert.deepEqual(
    run.exchanges.map(({ status, attributes }) => [
      status,
      attributes['reset_error'],
      attributes['response_incomplete'],
    ]),
    [
      ['ok', 'STREAM_CLOSED', undefined],
      ['error', 'STREAM_CLOSED', 'stream-reset'],
      ['ok', undefined, undefined],
    ],
  );
});

test('what GOAWAY leaves behind was refused', () => {
  const run = check([
    ...OPENING,
    asks(1),
    asks(3, { ':path': '/b' }),
    sends('server', frame(FRAME.goaway, 0, 0, Buffer.concat([u32(1), u32(11), Buffer.from('too many')]))),
    ends('server'),
    ends('client'),
  ]);
  assert.deepEqual(briefs(run), ['GET / -> - ENHANCE_YOUR_CALM', 'GET /b -> - ENHANCE_YOUR_CALM']);
  assert.equal(run.exchanges[1]?.errorMessage, 'too many');
  assert.equal(run.exchanges[1]?.attributes['goaway_processed'], 'false');
});

test('a pushed reply is an exchange of its own', () => {
  const promise = Buffer.concat([
    u32(2),
    block({ ':method': 'GET', ':scheme': 'http', ':path': '/style', ':authority': 'h' }),
  ]);
  const run = check([
    ...OPENING,
    asks(1),
    sends('server', frame(FRAME.pushPromise, FLAG.endHeaders, 1, promise)),
    replies(1, {}, 'page'),
    replies(2, {}, 'css'),
  ]);
  assert.deepEqual(briefs(run), ['GET / -> 200 page', 'GET /style -> 200 css']);
  assert.equal(run.exchanges[1]?.attributes['pushed'], 'true');
});

test('a stream that is open when the connection ends is given out then', () => {
  const run = check([
    ...OPENING,
    asks(1),
    sends(
      'server',
      frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '200' })),
      frame(FRAME.data, 0, 1, 'event'),
    ),
  ]);
  const exchange = only(run);
  assert.equal(exchange.attributes['response_incomplete'], 'connection-ended');
  assert.equal(exchange.status, 'unknown');
});

test('the answer to what asked for h2c is on stream 1', () => {
  const asked = only(check([...OPENING, asks(1, { ':path': '/first' })]));
  const agreement = {
    method: 'GET',
    authority: 'h',
    path: '/first',
    requestFields: [],
    responseFields: [],
    unanswered: asked,
  };
  const run = check([replies(1, {}, 'answer'), ...OPENING, asks(3), replies(3)], { agreement });
  assert.deepEqual(briefs(run), ['GET /first -> 200 answer', 'GET / -> 200']);
  assert.equal(run.exchanges[0]?.attributes['response_missing'], undefined);
});

test('it is known by its preface, and late by its frames', () => {
  assert.equal(checkDetect(http2, OPENING), 'yes');
  assert.equal(checkDetect(http2, [sends('client', 'PRI * HTTP/1.1\r\n')]), 'no');
  const late = [sends('client', 'rest'), asks(7), asks(9), asks(11)];
  assert.equal(checkDetect(http2, late, { late: true }), 'yes');
  assert.equal(checkDetect(http2, [sends('client', '\0'.repeat(1000))], { late: true }), 'not-yet');
});
