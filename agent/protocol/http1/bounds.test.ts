// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DEFAULT_BOUNDS } from '../decoder.ts';
import { sends } from '../testing/script.ts';
import { asks, briefs, check, only, replies, text } from './testing.ts';

const get = (path: string) => asks(`GET ${path} HTTP/1.1\nHost: h`);
const ok = (body: string) => replies(`HTTP/1.1 200 OK\nContent-Length: ${body.length}`, body);

test('payloads are kept up to their bounds, and the whole is hashed', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 20, responseBytesMax: 5 };
  const request = 'r'.repeat(21);
  const exchange = only(check([asks('POST /a HTTP/1.1\nContent-Length: 21', request), ok('reply')], { bounds }));
  assert.equal(text(exchange.request.bytes), 'r'.repeat(20));
  assert.deepEqual(Buffer.from(exchange.request.sha256!), createHash('sha256').update(request).digest());
  assert.equal(text(exchange.response.bytes), 'reply');
  assert.equal(exchange.response.sha256, undefined);
  assert.equal(exchange.truncated, true);
});

test('a bound of nothing keeps nothing and counts all', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 0, responseBytesMax: 0 };
  const run = check([asks('POST /a HTTP/1.1\nContent-Length: 3', 'abc'), ok('reply')], { bounds });
  assert.deepEqual([run.counts.client.cut, run.counts.server.cut], [3, 5]);
  assert.equal(only(run).statement, '');
});

test('a statement is cut between characters', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 8 };
  const exchange = only(check([sends('client', Buffer.from('GET /aéé HTTP/1.1\r\n\r\n')), ok('')], { bounds }));
  assert.equal(exchange.statement, 'GET /aé');
  assert.equal(exchange.truncated, true);
});

test('beyond the pipeline bound the oldest request is given out, and the order is kept', () => {
  const bounds = { ...DEFAULT_BOUNDS, pipelineMax: 2 };
  const run = check([get('/a'), get('/b'), get('/c'), ok('a'), ok('b'), ok('c')], { bounds });
  assert.deepEqual(briefs(run), ['GET /a -> -', '(none) -> 200 a', 'GET /b -> 200 b', 'GET /c -> 200 c']);
  assert.equal(run.exchanges[0]?.attributes['response_missing'], 'not-awaited');
  assert.equal(run.exchanges[1]?.attributes['request_missing'], 'given-out-before');
});

test('the method of a request that was given out still frames its reply', () => {
  const bounds = { ...DEFAULT_BOUNDS, pipelineMax: 1 };
  const run = check(
    [asks('HEAD /a HTTP/1.1\nHost: h'), get('/b'), replies('HTTP/1.1 200 OK\nContent-Length: 9'), ok('b')],
    { bounds },
  );
  assert.deepEqual(briefs(run), ['HEAD /a -> -', '(none) -> 200', 'GET /b -> 200 b']);
});

test('when twice the bound waits, requests and replies are given out apart', () => {
  const bounds = { ...DEFAULT_BOUNDS, pipelineMax: 1 };
  const run = check([get('/a'), get('/b'), get('/c'), get('/d'), ok('a'), get('/e'), ok('b')], { bounds });
  assert.deepEqual(briefs(run), [
    'GET /a -> -',
    'GET /b -> -',
    'GET /c -> -',
    'GET /d -> -',
    '(none) -> 200 a',
    'GET /e -> -',
    '(none) -> 200 b',
  ]);
});

test('large requests that wait are given out before their bytes add up', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 100_000, pendingBytesMax: 10_000 };
  const post = (path: string) => asks(`POST ${path} HTTP/1.1\nContent-Length: 90000`, 'x'.repeat(90_000));
  const run = check([post('/a'), post('/b'), post('/c'), ok('a'), ok('b'), ok('c')], { bounds });
  assert.ok(run.heldBytesMax < 400_000, `${run.heldBytesMax}`);
  assert.equal(run.exchanges.length, 5);
  assert.equal(run.exchanges.at(-1)?.statement, 'POST /c');
});

test('a client that asks for a tunnel and talks on without it is read on when too much waits', () => {
  const bounds = { ...DEFAULT_BOUNDS, pendingBytesMax: 100 };
  const run = check([asks('CONNECT h:443 HTTP/1.1'), get('/a'), get('/b'), get('/c'), get('/d'), get('/e')], {
    bounds,
  });
  assert.equal(run.exchanges.length, 6);
});

test('a million announced bytes cost nothing until they come', () => {
  const run = check([asks('POST /a HTTP/1.1\nContent-Length: 16000000', 'few')]);
  assert.ok(run.heldBytesMax < 1000, `${run.heldBytesMax}`);
});
