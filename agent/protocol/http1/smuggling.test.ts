// SPDX-License-Identifier: Apache-2.0

/** Messages that can be read in two ways. What matters: the rule of RFC 9112, section 6.3, is followed and it is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sends } from '../testing/script.ts';
import { asks, briefs, check, headers, only, replies, text } from './testing.ts';

const OK = replies('HTTP/1.1 200 OK\nContent-Length: 2', 'ok');

test('chunked wins over a length, and the next request is found behind the last chunk', () => {
  const run = check([
    asks(
      'POST /a HTTP/1.1\nHost: h\nContent-Length: 4\nTransfer-Encoding: chunked',
      '5c\r\nGPOST / HTTP/1.1'.slice(0, 0),
    ),
    sends('client', '3\r\nabc\r\n0\r\n\r\n'),
    asks('GET /smuggled HTTP/1.1\nHost: h'),
    OK,
    OK,
  ]);
  assert.deepEqual(briefs(run), ['POST /a -> 200 ok', 'GET /smuggled -> 200 ok']);
  const [first] = run.exchanges;
  assert.equal(first?.attributes['framing_conflict'], 'request-transfer-encoding-and-content-length');
  assert.equal(text(first!.request.bytes), 'abc');
});

test('lengths that differ leave no end to find: the next plausible request is', () => {
  const run = check([
    asks('POST /a HTTP/1.1\nHost: h\nContent-Length: 4\nContent-Length: 40', 'xxxx'),
    asks('GET /b HTTP/1.1\nHost: h'),
    replies('HTTP/1.1 400 Bad Request\nContent-Length: 0'),
    OK,
  ]);
  assert.deepEqual(briefs(run), ['POST /a -> 400', 'GET /b -> 200 ok']);
  assert.equal(run.exchanges[0]?.attributes['framing_conflict'], 'request-content-lengths-differ');
  assert.equal(run.exchanges[0]?.attributes['request_incomplete'], 'framing-unknown');
  assert.deepEqual(run.troubles, { 'client body-length-unknown': 4 });
});

test('equal lengths are one', () => {
  for (const fields of ['Content-Length: 4\nContent-Length: 4', 'Content-Length: 4, 4']) {
    const exchange = only(check([asks(`POST /a HTTP/1.1\nHost: h\n${fields}`, 'body'), OK]));
    assert.equal(text(exchange.request.bytes), 'body');
    assert.equal(exchange.attributes['framing_conflict'], undefined);
  }
});

for (const [length, conflict] of [
  ['+4', 'content-length-invalid'],
  ['-1', 'content-length-invalid'],
  ['0x4', 'content-length-invalid'],
  ['4 4', 'content-length-invalid'],
  ['', 'content-length-invalid'],
  ['99999999999999999999', 'content-length-too-large'],
] as const) {
  test(`a length of '${length}' is none`, () => {
    const exchange = only(check([asks(`POST /a HTTP/1.1\nHost: h\nContent-Length: ${length}`)]));
    assert.equal(exchange.attributes['framing_conflict'], `request-${conflict}`);
  });
}

test('a request whose last transfer coding is not chunked has no end', () => {
  for (const [coding, conflict] of [
    ['chunked, gzip', 'request-chunked-not-last'],
    ['xchunked', 'request-transfer-encoding-not-chunked'],
    ['identity', 'request-transfer-encoding-not-chunked'],
  ]) {
    const exchange = only(
      check([asks(`POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: ${coding}`, '3\r\nabc\r\n0\r\n\r\n')]),
    );
    assert.equal(exchange.attributes['framing_conflict'], conflict);
    assert.equal(exchange.attributes['request_incomplete'], 'framing-unknown');
  }
});

test('a reply whose last transfer coding is not chunked ends with the connection', () => {
  const exchange = only(
    check([asks('GET / HTTP/1.1\nHost: h'), replies('HTTP/1.1 200 OK\nTransfer-Encoding: odd', 'abc')]),
  );
  assert.equal(text(exchange.response.bytes), 'abc');
  assert.equal(exchange.attributes['response_content_undecoded_reason'], 'unsupported-coding');
});

test('a transfer coding that an HTTP/1.0 message has is followed, and said', () => {
  const exchange = only(check([asks('POST / HTTP/1.0\nTransfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n'), OK]));
  assert.equal(exchange.attributes['framing_conflict'], 'request-transfer-encoding-in-http-1.0');
  assert.equal(text(exchange.request.bytes), 'abc');
});

test('a field name with a space behind it is read, and said', () => {
  const exchange = only(
    check([asks('POST / HTTP/1.1\nHost: h\nTransfer-Encoding : chunked', '3\r\nabc\r\n0\r\n\r\n'), OK]),
  );
  assert.equal(exchange.attributes['framing_conflict'], 'request-space-before-colon');
  assert.equal(text(exchange.request.bytes), 'abc');
});

test('a folded field is joined, and said', () => {
  const exchange = only(check([asks('GET / HTTP/1.1\nHost: h\nX-Long: one\n\t two'), OK]));
  assert.equal(headers(exchange, 'request')['x-long'], 'one two');
  assert.equal(exchange.attributes['request_obs_fold'], 'true');
});

test('lines that end in LF alone are read, and said', () => {
  const exchange = only(
    check([
      sends('client', 'POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n'),
      sends('server', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'),
    ]),
  );
  assert.equal(text(exchange.request.bytes), 'abc');
  assert.equal(text(exchange.response.bytes), 'ok');
  assert.equal(exchange.attributes['request_bare_lf'], 'true');
  assert.equal(exchange.attributes['response_bare_lf'], 'true');
});

test('chunk extensions are passed over, and said', () => {
  const exchange = only(
    check([asks('POST / HTTP/1.1\nTransfer-Encoding: chunked', '3 ;a="b;c";d\r\nabc\r\n0;last\r\n\r\n'), OK]),
  );
  assert.equal(text(exchange.request.bytes), 'abc');
  assert.equal(exchange.attributes['request_chunk_extensions'], 'true');
});

for (const chunk of [
  'x\r\nabc',
  '3\r\nabcd\r\n',
  '3\rabc',
  '-3\r\nabc',
  '100000000000000\r\nabc',
  `3;${'e'.repeat(5000)}`,
]) {
  test(`chunk framing that is broken ends the message: ${JSON.stringify(chunk.slice(0, 20))}`, () => {
    const run = check([
      asks('POST /a HTTP/1.1\nTransfer-Encoding: chunked', `2\r\nok\r\n${chunk}`),
      asks('GET /b HTTP/1.1\nHost: h'),
      replies('HTTP/1.1 400 Bad Request\nContent-Length: 0'),
    ]);
    assert.equal(run.exchanges[0]?.attributes['request_incomplete'], 'malformed-chunk');
    assert.ok(text(run.exchanges[0]!.request.bytes).startsWith('ok'));
    assert.equal(run.exchanges[1]?.statement, 'GET /b');
    assert.ok(run.troubles['client malformed-chunk']! > 0);
  });
}

test('lines that are no fields are left out, and counted', () => {
  const exchange = only(check([asks('GET / HTTP/1.1\nHost: h\nno colon here\n: nameless\nbad name: x\nX: y'), OK]));
  assert.deepEqual(headers(exchange, 'request'), { host: 'h', x: 'y' });
  assert.equal(exchange.attributes['request_malformed_fields'], '3');
});

test('a name that objects know already is a field like others', () => {
  const exchange = only(check([asks('GET /?__proto__=1&constructor=2 HTTP/1.1\n__proto__: a\nconstructor: b'), OK]));
  assert.match(exchange.attributes['request_headers']!, /"__proto__":"a","constructor":"b"/);
  assert.equal(exchange.parameters, '{"__proto__":"1","constructor":"2"}');
});

test('empty lines before a message count with it; behind the last one they belong to nothing', () => {
  const run = check([sends('client', '\r\n\nGET / HTTP/1.1\r\n\r\n\r\n'), OK]);
  assert.equal(only(run).requestBytes, 21);
  assert.deepEqual(run.troubles, { 'client stray-empty-lines': 2 });
});
