// SPDX-License-Identifier: Apache-2.0

/** WebSocket inside of HTTP/2: what is said is recorded message by message, and every byte is counted once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Side } from '../decoder.ts';
import { mutated } from '../testing/mutated.ts';
import { type Run, runScript } from '../testing/run-script.ts';
import { misses, type Script, sends } from '../testing/script.ts';
import { closeOf, frame as said } from '../websocket/testing.ts';
import { http2 } from './definition.ts';
import { FLAG, FRAME } from './frames.ts';
import { asks, block, check, frame, OPENING, replies } from './testing.ts';

const TOKEN = 's3cret';
const fields = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':path': '/live?token=s3cret',
  ':authority': 'h',
  authorization: `Bearer ${TOKEN}`,
};
const connects = sends('client', frame(FRAME.headers, FLAG.endHeaders, 1, block(fields)));
const grants = (status = '200') =>
  sends('server', frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': status })));
const carries = (side: Side, content: Uint8Array, flags = 0) => sends(side, frame(FRAME.data, flags, 1, content));
const briefs = ({ exchanges }: Run): string[] =>
  exchanges.map(({ operation, resource, request, response, attributes }) =>
    [operation, resource, Buffer.from(request.bytes), Buffer.from(response.bytes), attributes['incomplete']]
      .filter((word) => String(word ?? '') !== '')
      .join(' '),
  );

const hello = said('client', 'text', 'hello');
const conversation: Script = [
  ...OPENING,
  connects,
  grants(),
  carries('client', hello.subarray(0, 4)),
  // Another stream in between.
  asks(3, { ':path': '/other' }),
  replies(3, {}, 'ok'),
  carries('client', hello.subarray(4)),
  carries('server', Buffer.concat([said('server', 'text', 'one'), said('server', 'text', 'two')])),
  carries('client', said('client', 'close', closeOf(1000)), FLAG.endStream),
  carries('server', said('server', 'close', closeOf(1000)), FLAG.endStream),
];

test('extended CONNECT comes out when it is granted, and then each message of WebSocket', () => {
  const run = check(conversation);
  assert.deepEqual(briefs(run), [
    'CONNECT /live',
    'GET /other ok',
    'SEND /live hello',
    'RECEIVE /live one',
    'RECEIVE /live two',
    'CLOSE /live',
    'CLOSE /live',
  ]);
  assert.deepEqual(
    run.exchanges.map(({ protocol }) => protocol),
    ['http', 'http', ...Array<string>(5).fill('websocket')],
  );
  assert.deepEqual(run.troubles, {});
  assert.equal(run.counts.client.notUnderstood + run.counts.server.notUnderstood, 0);
  const [connect, , message] = run.exchanges;
  assert.deepEqual([connect?.status, connect?.attributes['connect_protocol']], ['ok', 'websocket']);
  assert.deepEqual([message?.target, message?.credential], ['h', connect?.credential]);
  assert.equal(message?.credential?.kind, 'http-bearer');
  assert.doesNotMatch(JSON.stringify(run.exchanges), /s3cret/);
});

test('extended CONNECT that is refused, or for another language, is an exchange as any other', () => {
  const refused = check([...OPENING, connects, grants('403'), carries('server', Buffer.from('no'), FLAG.endStream)]);
  assert.deepEqual(briefs(refused), ['CONNECT /live no']);
  const others = { ...fields, ':protocol': 'connect-udp' };
  const run = check([
    ...OPENING,
    sends('client', frame(FRAME.headers, FLAG.endHeaders, 1, block(others))),
    grants(),
    carries('client', Buffer.from('ab'), FLAG.endStream),
    carries('server', Buffer.from('cd'), FLAG.endStream),
  ]);
  assert.deepEqual(briefs(run), ['CONNECT /live ab cd']);
});

test('a gap in a message is its own; one between frames lets the conversation find itself again', () => {
  const message = said('server', 'text', 'x'.repeat(50));
  const inFrame = frame(FRAME.data, 0, 1, message);
  const run = check([
    ...OPENING,
    connects,
    grants(),
    sends('server', inFrame.subarray(0, 20)),
    misses('server', 10),
    sends('server', inFrame.subarray(30)),
    carries('server', said('server', 'text', 'behind'), FLAG.endStream),
  ]);
  assert.deepEqual(briefs(run), ['CONNECT /live', `RECEIVE /live ${'x'.repeat(9)} gap`, 'RECEIVE /live behind']);
  assert.deepEqual(run.troubles, { 'server gap-in-data': 10 });
});

test('a stream that is reset ends its conversation', () => {
  const run = check([
    ...OPENING,
    connects,
    grants(),
    carries('client', said('client', 'text', 'begun').subarray(0, 9)),
    sends('server', frame(FRAME.rstStream, 0, 1, Buffer.alloc(4))),
    carries('client', Buffer.from('behind')),
  ]);
  assert.deepEqual(briefs(run), ['CONNECT /live', 'SEND /live beg connection-ended']);
  assert.equal(run.counts.client.cut, 6);
});

test('conversations beyond the bounds are ended, and what follows is told', () => {
  const bounds = { requestBytesMax: 2000, responseBytesMax: 2000, pendingBytesMax: 16_384, pipelineMax: 10 };
  const half = said('client', 'text', 'y'.repeat(1900)).subarray(0, 1800);
  const ids = [1, 3, 5];
  const opens = ids.flatMap((id) => [
    sends('client', frame(FRAME.headers, FLAG.endHeaders, id, block({ ...fields, ':path': `/${id}` }))),
    sends('server', frame(FRAME.headers, FLAG.endHeaders, id, block({ ':status': '200' }))),
    sends('client', frame(FRAME.data, 0, id, half)),
  ]);
  const run = runScript(http2, [...OPENING, ...opens, sends('client', frame(FRAME.data, 0, 1, 'rest'))], { bounds });
  assert.ok(run.heldBytesMax < 20_000, String(run.heldBytesMax));
  assert.equal(run.troubles['client tunnel-given-up'], 4);
});

test('whatever happens to the bytes, each is counted once and nothing is thrown', () => {
  mutated(http2, [conversation], { runs: 200 });
});
