// SPDX-License-Identifier: Apache-2.0

/** Gaps, late joins, frames that are none, and clients that mean harm: said aloud, and paid for within bounds. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { before, describe, test } from 'node:test';
import { DEFAULT_BOUNDS } from '../decoder.ts';
import { mutated } from '../testing/mutated.ts';
import type { Run } from '../testing/run-script.ts';
import { runScript } from '../testing/run-script.ts';
import { misses, normalised, type Script, sends } from '../testing/script.ts';
import { http2 } from './definition.ts';
import { FLAG, FRAME } from './frames.ts';
import { asks, block, briefs, check, frame, OPENING, only, recorded, replies } from './testing.ts';

const GET = { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'h' };
const head = (stream: number, flags = 0) =>
  frame(FRAME.headers, FLAG.endHeaders | flags, stream, block({ ':status': '200' }));

/** What was said of bytes that were not understood is what was counted of them. */
function holds({ troubles, counts }: Run): void {
  for (const side of ['client', 'server'] as const) {
    const said = Object.entries(troubles).filter(
      ([key]) => key.startsWith(`${side} `) && !key.startsWith(`${side} gap`),
    );
    assert.equal(
      said.reduce((sum, [, bytes]) => sum + bytes, 0),
      counts[side].notUnderstood,
      `${side}: ${JSON.stringify(troubles)}`,
    );
  }
}

test('a gap in DATA costs the body, not the place', () => {
  const run = check([
    ...OPENING,
    asks(1),
    sends('server', head(1), frame(FRAME.data, FLAG.endStream, 1, '0123456789').subarray(0, 12)),
    misses('server', 4),
    sends('server', '789'),
    asks(3),
    replies(3, {}, 'next'),
  ]);
  assert.deepEqual(briefs(run), ['GET / -> 200 012', 'GET / -> 200 next']);
  assert.deepEqual(run.troubles, { 'server gap-in-data': 4 });
  assert.deepEqual(
    [
      run.exchanges[0]?.response.totalBytes,
      run.exchanges[0]?.attributes['response_incomplete'],
      run.exchanges[0]?.truncated,
    ],
    [10, 'gap', true],
  );
  holds(run);
});

test('a gap in a head costs what the table said, not the place', () => {
  const inserted = Buffer.concat([Buffer.from([0x88, 0x40]), block({ 'x-a': 'secret-ish' }).subarray(1)]);
  const first = frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, inserted);
  const run = check([
    ...OPENING,
    asks(1),
    sends('server', first.subarray(0, 14)),
    misses('server', first.length - 14),
    asks(3),
    sends('server', frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.from([0x88, 0xbe]))),
  ]);
  assert.deepEqual(
    run.exchanges.map(({ statement, attributes }) => [statement, attributes['response_headers_unknown']]),
    [
      ['GET /', '1'],
      ['GET /', undefined],
    ],
  );
  assert.deepEqual(run.troubles, { 'server gap-in-frame': first.length - 14, 'server frame-incomplete': 14 });
  holds(run);
});

test('a gap between frames is found out of by frames in a row', () => {
  const run = check([
    ...OPENING,
    asks(1),
    sends('server', head(1), frame(FRAME.data, 0, 1, 'ab')),
    misses('server', 50),
    sends('server', 'rest of something'),
    asks(3),
    replies(3, {}, 'one', 'two'),
    asks(5),
    replies(5, {}, 'five'),
  ]);
  assert.deepEqual(briefs(run), ['GET / -> 200 onetwo', 'GET / -> 200 five', 'GET / -> 200 ab']);
  assert.deepEqual(run.troubles, { 'server gap-between-frames': 50, 'server after-gap': 17 });
  assert.equal(run.exchanges[2]?.attributes['response_incomplete'], 'gap');
  holds(run);
});

test('joined late, what is said again in full is read', () => {
  const run = check(
    [
      sends('server', 'tail', frame(FRAME.data, 0, 7, 'of'), frame(FRAME.data, FLAG.endStream, 7, 'it')),
      asks(9, { ':path': '/late' }),
      replies(9, {}, 'ok', 'ok'),
    ],
    {
      late: true,
    },
  );
  assert.deepEqual(briefs(run), ['GET /late -> 200 okok']);
  assert.deepEqual(run.troubles, { 'server joined-late': 4, 'server stream-unknown': 4 });
  holds(run);
});

test('joined late, what refers to words before is marked', () => {
  const indexed = frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 9, Buffer.from([0x82, 0xc0, 0xbf]));
  const run = check([sends('client', indexed), replies(9, {}, 'a', 'b')], { late: true });
  const exchange = only(run);
  assert.deepEqual([exchange.statement, exchange.attributes['request_headers_unknown']], ['GET ?', '2']);
});

test('frames that cannot be are passed over', () => {
  const run = check([
    ...OPENING,
    asks(1),
    sends('server', frame(FRAME.data, 0, 0, 'on no stream')),
    replies(1, {}, 'a', 'b'),
  ]);
  assert.deepEqual(briefs(run), ['GET / -> 200 ab']);
  assert.deepEqual(run.troubles, { 'server malformed-frame': 21 });
  holds(run);
});

test('a block that is no block costs the exchange its request', () => {
  const run = check([
    ...OPENING,
    sends('client', frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, '\xbe')),
    replies(1),
  ]);
  assert.deepEqual(briefs(run), ['(none) -> 200']);
  assert.deepEqual(run.troubles, { 'client malformed-header-block': 10 });
  holds(run);
});

test('a flood of CONTINUATION is held up to a bound', () => {
  const flood = Array.from({ length: 60 }, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(16_384)));
  const run = check([
    ...OPENING,
    sends('client', frame(FRAME.headers, 0, 1, block(GET)), ...flood, frame(FRAME.continuation, FLAG.endHeaders, 1)),
    asks(3),
    replies(3),
  ]);
  assert.ok(run.heldBytesMax < 400_000, `${run.heldBytesMax}`);
  assert.deepEqual(Object.keys(run.troubles), ['client header-block-too-long']);
  assert.deepEqual(briefs(run), ['GET / -> 200']);
  holds(run);
});

test('a hundred thousand streams are as many exchanges, in bounded memory', () => {
  const open = Array.from({ length: 100_000 }, (_, i) =>
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 2 * i + 1, Buffer.from([0x82, 0x84, 0x86])),
  );
  const run = runScript(http2, normalised([...OPENING, sends('client', ...open)]), {});
  assert.equal(run.exchanges.length, 100_000);
  assert.equal(run.exchanges[0]?.attributes['response_missing'], 'not-awaited');
  assert.ok(run.heldBytesMax < 8 * 1024 * 1024, `${run.heldBytesMax}`);
});

test('when many streams hold much the oldest are given out, whatever the cut', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 40_000, responseBytesMax: 10_000, pendingBytesMax: 10_000 };
  const ids = [1, 3, 5, 7, 9];
  const script: Script = [
    ...OPENING,
    ...ids.map((id) =>
      sends(
        'client',
        frame(FRAME.headers, FLAG.endHeaders, id, block({ ...GET, ':path': `/${id}` })),
        frame(FRAME.data, 0, id, 'x'.repeat(30_000)),
      ),
    ),
    ...ids.map((id) => sends('client', frame(FRAME.data, FLAG.endStream, id, 'y'))),
    ...ids.map((id) => replies(id, {}, 'ok')),
  ];
  const run = check(script, { bounds });
  const given = run.exchanges.filter(({ attributes }) => attributes['request_incomplete'] === 'given-out');
  assert.ok(given.length >= 2 && given.length < 5, `${given.length}`);
  assert.equal(
    run.exchanges.filter(({ attributes }) => attributes['request_missing'] === 'given-out-before').length,
    given.length,
  );
  assert.ok(run.counts.client.cut > 0);
  holds(run);
});

test('bodies are kept up to their bounds, and hashed whole', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 20, responseBytesMax: 5 };
  const exchange = only(check([...OPENING, asks(1, {}, 'r'.repeat(21)), replies(1, {}, 'reply', 's')], { bounds }));
  assert.deepEqual([exchange.request.bytes.length, exchange.response.bytes.length, exchange.truncated], [20, 5, true]);
  assert.ok(exchange.response.sha256 !== undefined);
});

describe('conversations of Node’s client and server', () => {
  let script: Script;

  before(async () => {
    script = await recorded(
      (server) =>
        server.on('stream', (stream: ServerHttp2Stream, fields: IncomingHttpHeaders) => {
          stream.on('error', () => {});
          stream.respond(
            {
              ':status': 200,
              'content-type': 'text/plain',
              'set-cookie': ['a=1', 'b=2'],
              'x-echo': String(fields['x-n']),
            },
            { waitForTrailers: true },
          );
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-after': 'body' }));
          stream.end(`answer to ${fields[':path']}`);
        }),
      async (session) => {
        const all = Array.from({ length: 12 }, async (_, n) => {
          const stream = session.request({
            ':path': `/path/${n}?token=abc${n}`,
            ':method': 'POST',
            'x-n': String(n),
            authorization: `Bearer t${n % 3}`,
            'x-long': 'é'.repeat(n * 9),
          });
          stream.end('z'.repeat(n * 40));
          for await (const _ of stream);
        });
        await Promise.all(all);
      },
    );
  });

  test('are read as they were meant', () => {
    const run = check(script);
    assert.equal(run.exchanges.length, 12);
    const byPath = run.exchanges.toSorted(
      (one, other) => Number(one.attributes['stream_id']) - Number(other.attributes['stream_id']),
    );
    byPath.forEach(({ statement, request, response, attributes }, n) => {
      assert.equal(statement, `POST /path/${n}?token=[redacted]`);
      assert.equal(request.totalBytes, n * 40);
      assert.equal(Buffer.from(response.bytes).toString(), `answer to /path/${n}?token=abc${n}`);
      assert.equal((JSON.parse(attributes['response_headers']!) as Record<string, string>)['x-echo'], String(n));
      assert.equal(
        (JSON.parse(attributes['request_headers']!) as Record<string, string>)['x-long'],
        'é'.repeat(n * 9) || '',
      );
      assert.equal(attributes['response_trailers'], '{"x-after":"body"}');
    });
    assert.deepEqual(run.troubles, {});
    holds(run);
  });

  test('damaged in any way, cost no throw, no memory and no byte', () => {
    mutated(http2, [script, [...OPENING, asks(1), replies(1, {}, 'a', 'b')]], { runs: 150, holds });
    const bounds = { requestBytesMax: 200, responseBytesMax: 100, pendingBytesMax: 300, pipelineMax: 3 };
    mutated(http2, [script], { runs: 100, bounds, holds });
  });
});
