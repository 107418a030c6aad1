// SPDX-License-Identifier: Apache-2.0

/** What goes through a `kubectl port-forward`: read as connections of its own, with the bytes of the socket counted once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../protocol/decoder.ts';
import { protocols } from '../protocol/detect.ts';
import { FLAG, FRAME } from '../protocol/http2/frames.ts';
import { block, frame as frameOf2, OPENING } from '../protocol/http2/testing.ts';
import { spdy } from '../protocol/spdy/spdy.ts';
import { readCapture } from '../protocol/testing/capture-file.ts';
import { type Script, type Step, sends } from '../protocol/testing/script.ts';
import { closeOf, frame } from '../protocol/websocket/testing.ts';
import { websocket } from '../protocol/websocket/websocket.ts';
import { closed, moved, opened } from './testing/arrivals.ts';
import { DIRECTIONS, WatchedFlow } from './testing/watched-flow.ts';

const KUBERNETES = new URL('../protocol/kubernetes/captures/', import.meta.url);
const POSTGRES = new URL('../protocol/postgres/captures/', import.meta.url);

function play(script: Script): WatchedFlow {
  const watched = new WatchedFlow(opened(), [...protocols, websocket, spdy]);
  const ends = { sent: 0, received: 0 };
  for (const step of script) {
    if (step.kind !== 'bytes') continue;
    const direction = step.from === 'client' ? 'sent' : 'received';
    watched.arrive(moved(direction, ends[direction], step.bytes));
    ends[direction] += step.bytes.length;
  }
  return watched.arrive(closed(ends.sent, ends.received));
}

const linesOf = ({ said }: WatchedFlow): string[] =>
  said.exchanges.filter(({ routine }) => routine !== true).map(lineOf);
const lineOf = ({ protocol, carriedIn, operation, resource, attributes }: Exchange) =>
  [protocol ?? carriedIn?.protocol, operation, resource, attributes['via_target'] ?? attributes['carried_protocol']]
    .filter(Boolean)
    .join(' ');

/** `linesHaveAll`: frames of HTTP/2 that are of no stream are in no line. */
function assertUnderstood({ flow, said }: WatchedFlow, linesHaveAll = true): void {
  assert.deepEqual(said.troubles, []);
  for (const direction of DIRECTIONS) {
    const { moved: all, decoded } = flow.account(direction);
    assert.equal(decoded, all);
    const field = direction === 'sent' ? 'requestBytes' : 'responseBytes';
    const sum = said.exchanges.reduce((bytes, exchange) => bytes + exchange[field], 0);
    assert.ok(linesHaveAll ? sum === all : sum < all, `${field} of all lines: ${sum} of ${all}`);
  }
}

for (const name of ['forward-websocket', 'forward-spdy']) {
  test(`${name}: HTTP inside is HTTP, and its bytes stand nowhere else`, () => {
    const watched = play(readCapture(new URL(`${name}.jsonl`, KUBERNETES)).script);
    assert.deepEqual(linesOf(watched), [
      'kubernetes connect pods/default/web/portforward',
      'http GET /a pods/default/web:28081',
      'kubernetes portforward pods/default/web/portforward http',
      'http GET /b pods/default/web:28081',
      'kubernetes portforward pods/default/web/portforward http',
    ]);
    assertUnderstood(watched);
    assert.equal(watched.said.exchanges.find(({ operation }) => operation === 'portforward')?.request.totalBytes, 0);
  });
}

const UPGRADE =
  'GET /api/v1/namespaces/a/pods/db/portforward?ports=5432,80 HTTP/1.1\r\nHost: k\r\nUser-Agent: x kubernetes/abc\r\nConnection: Upgrade\r\n' +
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n';
const GRANTED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n';

/** What one connection says, as messages of the channel of the n-th port. */
function forwarded(script: Script, port: number): Step[] {
  return script.flatMap((step) => {
    if (step.kind !== 'bytes') return [];
    return [sends(step.from, frame(step.from, 'binary', Buffer.concat([Buffer.of(2 * port), step.bytes])))];
  });
}

const named = (port: number, number: number): Step[] =>
  [0, 1].map((kind) => {
    const name = Buffer.of(2 * port + kind, number & 0xff, number >> 8);
    return sends('server', frame('server', 'binary', name));
  });
const goodbye: Script = [
  sends('client', frame('client', 'close', closeOf(1000))),
  sends('server', frame('server', 'close', closeOf(1000))),
];
const HTTP: Script = [
  sends('client', 'GET /a HTTP/1.1\r\nHost: web\r\n\r\n'),
  sends('server', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'),
];
const sql = readCapture(new URL('libpq-pipeline.jsonl', POSTGRES)).script;

test('two ports over channels: SQL of one and HTTP of the other, each at its place', () => {
  const watched = play([
    sends('client', UPGRADE),
    sends('server', GRANTED),
    ...[...named(0, 5432), ...named(1, 80)],
    ...forwarded(sql, 0),
    ...forwarded(HTTP, 1),
    ...goodbye,
  ]);
  assert.deepEqual(
    [...new Set(linesOf(watched))],
    [
      'kubernetes connect pods/a/db/portforward',
      'postgresql LOGIN pods/a/db:5432',
      'postgresql CREATE TABLE pipe pods/a/db:5432',
      'postgresql INSERT pipe pods/a/db:5432',
      'postgresql PREPARE pipe pods/a/db:5432',
      'postgresql SELECT pipe pods/a/db:5432',
      'http GET /a pods/a/db:80',
      'kubernetes portforward pods/a/db/portforward postgresql',
      'kubernetes portforward pods/a/db/portforward http',
    ],
  );
  assertUnderstood(watched);
});

test('streams of HTTP/2 that carry connections of the same number do not mix them', () => {
  const path = '/api/v1/namespaces/a/pods/db/portforward?ports=80';
  const fields = {
    ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': path, ':authority': 'k' },
    'sec-websocket-protocol': 'v4.channel.k8s.io',
  };
  const granted = { ':status': '200', 'sec-websocket-protocol': 'v4.channel.k8s.io' };
  const head = (stream: number): Script => [
    sends('client', frameOf2(FRAME.headers, FLAG.endHeaders, stream, block(fields))),
    sends('server', frameOf2(FRAME.headers, FLAG.endHeaders, stream, block(granted))),
  ];
  const on = (stream: number, step: Step): Step[] =>
    step.kind === 'bytes' ? [sends(step.from, frameOf2(FRAME.data, 0, stream, step.bytes))] : [];
  const said = [...named(0, 80), ...forwarded(HTTP, 0)];
  const watched = play([
    ...OPENING,
    ...[...head(1), ...head(3)],
    // One byte of the other's in between would break either.
    ...said.flatMap((step) => [...on(1, step), ...on(3, step)]),
    ...[1, 3].flatMap((stream) => goodbye.flatMap((step) => on(stream, step))),
  ]);
  assert.deepEqual(linesOf(watched), [
    'http CONNECT /api/v1/namespaces/a/pods/db/portforward',
    'http CONNECT /api/v1/namespaces/a/pods/db/portforward',
    'http GET /a pods/a/db:80',
    'http GET /a pods/a/db:80',
    'kubernetes portforward pods/a/db/portforward http',
    'kubernetes portforward pods/a/db/portforward http',
  ]);
  assertUnderstood(watched, false);
});

test('what nobody understands is kept in the line of the forward, and counted as not understood', () => {
  const unknown: Script = [sends('client', '\x01\x02hello'), sends('server', '\x03\x04you')];
  const watched = play([
    ...[sends('client', UPGRADE), sends('server', GRANTED)],
    ...[...named(0, 5432), ...forwarded(unknown, 0), ...goodbye],
  ]);
  assert.deepEqual(watched.said.troubles, []);
  const forward = watched.said.exchanges.at(-1);
  assert.deepEqual(
    [forward?.request, forward?.response].map((payload) => Buffer.from(payload?.bytes ?? []).toString('latin1')),
    ['\x01\x02hello', '\x03\x04you'],
  );
  assert.equal(forward?.attributes['carried_request_bytes'], '7');
  assert.deepEqual(
    [watched.flow.account('sent').notUnderstood, watched.flow.account('received').notUnderstood],
    [7, 5],
  );
});
