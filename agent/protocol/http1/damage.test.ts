// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutated } from '../testing/mutated.ts';
import { ends, misses, sends } from '../testing/script.ts';
import { accounted, asks, briefs, captured, captureNames, check, only, replies, text } from './testing.ts';

const get = (path: string) => asks(`GET ${path} HTTP/1.1\nHost: h`);
const ok = (body: string) => replies(`HTTP/1.1 200 OK\nContent-Length: ${body.length}`, body);
const chunked = (body: string) => replies('HTTP/1.1 200 OK\nTransfer-Encoding: chunked', body);

test('a gap in a body of known length costs the body, not the place', () => {
  const run = check([
    get('/a'),
    replies('HTTP/1.1 200 OK\nContent-Length: 10', 'abc'),
    misses('server', 4),
    sends('server', 'hij'),
    get('/b'),
    ok('ok'),
  ]);
  const [a, b] = run.exchanges;
  assert.equal(text(a!.response.bytes), 'abc');
  assert.equal(a?.response.totalBytes, 10);
  assert.equal(a?.response.sha256, undefined);
  assert.equal(a?.truncated, true);
  assert.equal(a?.attributes['response_incomplete'], 'gap');
  assert.equal(a?.status, 'ok');
  assert.equal(text(b!.response.bytes), 'ok');
  assert.deepEqual(run.troubles, { 'server gap-in-body': 4 });
  // Bytes behind the gap were framed, and are not kept.
  assert.deepEqual(run.counts.server, { decoded: 82, notUnderstood: 0, cut: 3 });
});

test('a gap inside one chunk costs the body, not the place', () => {
  const run = check([
    get('/a'),
    chunked('a\r\nabc'),
    misses('server', 4),
    sends('server', 'hij\r\n0\r\n\r\n'),
    get('/b'),
    ok('ok'),
  ]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 abc', 'GET /b -> 200 ok']);
  assert.deepEqual(run.troubles, { 'server gap-in-body': 4 });
});

test('a gap over chunk framing ends the reply, and the next one is found', () => {
  const run = check([
    get('/a'),
    chunked('a\r\nabc'),
    misses('server', 20),
    sends('server', 'rest of a chunk\r\n0\r\n\r\n'),
    get('/b'),
    ok('ok'),
  ]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 abc', 'GET /b -> 200 ok']);
  assert.equal(run.exchanges[0]?.attributes['response_incomplete'], 'gap');
  assert.deepEqual(run.troubles, { 'server gap-in-chunk-framing': 20, 'server after-gap': 22 });
});

test('a gap that runs over the end of a body ends the reply whole in length', () => {
  const run = check([
    get('/a'),
    replies('HTTP/1.1 200 OK\nContent-Length: 6', 'abc'),
    misses('server', 10),
    get('/b'),
    ok('ok'),
  ]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 abc', 'GET /b -> 200 ok']);
  assert.deepEqual(run.troubles, { 'server gap-in-body': 3, 'server gap-between-messages': 7 });
});

test('a reply lost whole leaves its request without one, and shifts no other', () => {
  const run = check([get('/a'), ok('a'), get('/b'), misses('server', 40), get('/c'), ok('c'), get('/d'), ok('d')]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 a', 'GET /b -> -', 'GET /c -> 200 c', 'GET /d -> 200 d']);
  assert.equal(run.exchanges[1]?.attributes['response_missing'], 'lost');
});

test('a request lost whole leaves its reply without one, and shifts no other', () => {
  const run = check([get('/a'), ok('a'), misses('client', 40), ok('b'), get('/c'), ok('c')]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 a', '(none) -> 200 b', 'GET /c -> 200 c']);
  assert.equal(run.exchanges[1]?.attributes['request_missing'], 'not-seen');
});

test('a gap in a request’s head costs that request, and its reply is kept', () => {
  const run = check([
    sends('client', 'GET /a HTTP/1.1\r\nHo'),
    misses('client', 5),
    sends('client', '\r\nX: y\r\n\r\n'),
    ok('a'),
    get('/b'),
    ok('b'),
  ]);
  assert.deepEqual(briefs(run), ['(none) -> 200 a', 'GET /b -> 200 b']);
  assert.deepEqual(run.troubles, { 'client gap-in-head': 5, 'client after-gap': 29 });
});

test('where a client pipelines, pairing behind lost replies is doubted', () => {
  const run = check([get('/a'), get('/b'), get('/c'), ok('a'), misses('server', 40), ok('c')]);
  assert.equal(run.exchanges[0]?.attributes['pairing'], undefined);
  assert.equal(run.exchanges[1]?.attributes['pairing'], 'uncertain');
});

test('where requests were lost with their replies, the next reply is doubted, and those behind it are not', () => {
  const run = check([get('/a'), misses('client', 50), misses('server', 60), ok('of b'), get('/c'), ok('of c')]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 of b', 'GET /c -> 200 of c']);
  assert.deepEqual(
    run.exchanges.map(({ attributes }) => attributes['pairing']),
    ['uncertain', undefined],
  );
  // Also where nothing was in its place before.
  const first = check([misses('client', 50), get('/a'), misses('client', 50), misses('server', 60), ok('of b')]);
  assert.equal(first.exchanges[0]?.attributes['pairing'], 'uncertain');
});

test('the reply to a HEAD that was not seen does not swallow the next reply', () => {
  const run = check([replies('HTTP/1.1 200 OK\nContent-Length: 30'), get('/b'), ok('b')]);
  assert.deepEqual(briefs(run), ['(none) -> 200', 'GET /b -> 200 b']);
});

test('bytes that are no HTTP are passed over to the next request', () => {
  const run = check([sends('client', '\x16\x03\x01\x02\x00 rubbish GET nothing\r\n'), get('/a'), ok('a')]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 a']);
  assert.deepEqual(run.troubles, { 'client malformed-start': 27 });
});

test('a connection joined late starts with the first whole head', () => {
  const run = check(
    [
      sends('server', 'of a body that says HTTP/1.1 200 OK\r\nand is no head\r\n'),
      sends('client', '"tail of a body"}'),
      get('/a'),
      ok('a'),
    ],
    { late: true },
  );
  assert.deepEqual(briefs(run), ['GET /a -> 200 a']);
  assert.deepEqual(run.troubles, { 'server joined-late': 53, 'client joined-late': 17 });
});

test('a request is found behind a body that no line end closes', () => {
  const run = check([misses('client', 9), sends('client', '{"a":"XYZ"}'), get('/a'), ok('a')]);
  assert.deepEqual(briefs(run), ['GET /a -> 200 a']);
});

test('a head above the bound is passed over', () => {
  const run = check([
    asks(`GET /long HTTP/1.1\nX: ${'x'.repeat(200_000)}`),
    replies('HTTP/1.1 431 Too Large\nContent-Length: 0'),
    get('/b'),
    ok('b'),
  ]);
  assert.deepEqual(briefs(run), ['(none) -> 431', 'GET /b -> 200 b']);
  assert.ok(run.troubles['client head-too-long']! > 200_000);
});

test('thousands of fields are counted, and the first ones shown', () => {
  const fields = Array.from({ length: 2000 }, (_, i) => `X-${i}: ${i}`).join('\n');
  const exchange = only(check([asks(`GET / HTTP/1.1\n${fields}\nX-Api-Key: made-up`), ok('a')]));
  assert.equal(Object.keys(JSON.parse(exchange.attributes['request_headers']!)).length, 512);
  assert.equal(exchange.attributes['request_headers_not_shown'], '1489');
});

test('trailers above the bound end the message', () => {
  const run = check([get('/a'), chunked(`0\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`), get('/b'), ok('b')]);
  assert.equal(run.exchanges[0]?.attributes['response_incomplete'], 'trailers-too-long');
  assert.deepEqual(briefs(run).at(-1), 'GET /b -> 200 b');
});

test('when the server ends first, requests that come after it have no reply', () => {
  const run = check([get('/a'), ends('server'), get('/b'), ends('client')]);
  assert.deepEqual(briefs(run), ['GET /a -> -', 'GET /b -> -']);
});

const captures = captureNames()
  .map((name) => captured(name).script)
  // Large ones cost time and have no more shapes.
  .filter((script) => script.every((step) => step.kind !== 'bytes' || step.bytes.length < 10_000));
const SMALL = { requestBytesMax: 16, responseBytesMax: 40, pendingBytesMax: 400, pipelineMax: 2 };

test('damaged captures: no throw, bounded memory, every byte in one account, the same however cut', () => {
  mutated(accounted, captures, { runs: 1500 });
});

test('damaged captures under small bounds hold to them', () => {
  mutated(accounted, captures, { runs: 1500, bounds: SMALL });
});
