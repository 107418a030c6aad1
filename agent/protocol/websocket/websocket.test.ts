// SPDX-License-Identifier: Apache-2.0

/** Frames by hand and from real programs, in every way that bytes can be cut. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { DEFAULT_BOUNDS, type ProtocolDefinition, type Side } from '../decoder.ts';
import { checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { type Run, type RunOptions, runScript } from '../testing/run-script.ts';
import { misses, type Script, sends } from '../testing/script.ts';
import { WebSocketDecoder } from './decoder.ts';
import { extensionsOf } from './extensions.ts';
import type { MessagePart, WebSocketSubprotocol } from './subprotocols.ts';
import { agreed, brief, closeOf, DEFLATED, frame, says } from './testing.ts';
import { websocket } from './websocket.ts';

function addsUp(run: Run): Run {
  for (const side of ['client', 'server'] as const) {
    const given = run.exchanges.reduce(
      (sum, one) => sum + (side === 'client' ? one.requestBytes : one.responseBytes),
      0,
    );
    const { decoded, cut, notUnderstood } = run.counts[side];
    assert.equal(given, decoded + cut, `bytes of the exchanges (${side})`);
    const troubled = Object.entries(run.troubles)
      .filter(([key]) => key.startsWith(`${side} `) && !key.includes(' gap'))
      .reduce((sum, [, bytes]) => sum + bytes, 0);
    assert.equal(troubled, notUnderstood, `bytes in trouble (${side})`);
  }
  return run;
}
const check = (script: Script, options: RunOptions = {}) =>
  addsUp(checkScript(websocket, script, { agreement: agreed(), ...options }));
const briefs = (run: Run) => run.exchanges.map(brief);

/** As a side compresses its messages one after the other. */
async function deflated(messages: readonly (string | Uint8Array)[]): Promise<Buffer[]> {
  const stream = createDeflateRaw();
  const out: Buffer[] = [];
  let parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  for (const message of messages) {
    parts = [];
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    out.push(Buffer.concat(parts).subarray(0, -4));
  }
  stream.close();
  return out;
}

test('masks come off wherever a long message is cut', () => {
  const content = randomBytes(600);
  const [message] = check([says('client', 'binary', content)]).exchanges;
  assert.deepEqual(Buffer.from(message?.request.bytes ?? []), content);
});

test('each message is an exchange; pings and the answer to a close are routine', () => {
  const run = check([
    says('client', 'text', '{"ask":1}'),
    says('server', 'ping', 'p'),
    says('client', 'pong', 'p'),
    says('server', 'binary', 'abc'),
    says('server', 'text', ''),
    says('client', 'close', closeOf(1000, 'done')),
    says('server', 'close', closeOf(1000)),
  ]);
  assert.deepEqual(run.troubles, {});
  assert.deepEqual(briefs(run), [
    'SEND {"ask":1}',
    'PING routine',
    'PONG routine',
    'RECEIVE abc',
    'RECEIVE',
    'CLOSE close_code=1000',
    'CLOSE close_code=1000 routine',
  ]);
  const [sent, , , received, , closed] = run.exchanges;
  assert.equal(sent?.statement, 'SEND /live/7 {"ask":1}');
  assert.equal(sent?.statementShape, 'SEND /live/?');
  assert.deepEqual([sent?.target, sent?.resource, sent?.attributes['opcode']], ['h:1', '/live/7', 'text']);
  assert.equal(received?.statement, 'RECEIVE /live/7 (binary, 3 bytes)');
  assert.equal(closed?.statement, 'CLOSE /live/7 1000 done');
});

test('a close for a fault is an error', () => {
  const [closed] = check([says('server', 'close', closeOf(1008, 'policy'))]).exchanges;
  assert.deepEqual([closed?.status, closed?.errorCode, closed?.errorMessage], ['error', '1008', 'policy']);
});

test('fragments are one message, with control frames between them', () => {
  const run = check([
    says('client', 'text', 'one ', { fin: false }),
    says('client', 'ping'),
    says('client', 'more', 'two ', { fin: false }),
    says('client', 'more', 'three'),
  ]);
  assert.deepEqual(briefs(run), ['PING routine', 'SEND one two three fragments=3']);
});

test('lengths of all three forms', () => {
  const texts = [125, 126, 65535, 65536].map((length) => 'x'.repeat(length));
  const run = check(texts.map((text) => says('server', 'text', text)));
  assert.deepEqual(
    run.exchanges.map(({ response }) => response.totalBytes),
    [125, 126, 65535, 65536],
  );
});

test('compressed messages refer to those before them', async () => {
  const text = 'the same words again and again';
  const [one, two, three] = await deflated([text, text, text]);
  assert.ok(two!.length < one!.length / 2);
  const run = check(
    [
      says('client', 'text', one!, { compressed: true }),
      says('client', 'text', two!.subarray(0, 2), { compressed: true, fin: false }),
      says('client', 'more', two!.subarray(2)),
      says('client', 'text', 'plain'),
      says('client', 'text', three!, { compressed: true }),
    ],
    { agreement: DEFLATED },
  );
  assert.deepEqual(briefs(run), [`SEND ${text}`, `SEND ${text} fragments=2`, 'SEND plain', `SEND ${text}`]);
  assert.equal(run.exchanges[0]?.attributes['compressed'], 'true');
});

test('messages longer than the window', async () => {
  const texts = [randomBytes(40_000).toString('hex'), 'x'.repeat(100), randomBytes(10_000).toString('hex')];
  const packed = await deflated([...texts, ...texts]);
  const run = check(
    packed.map((bytes) => says('server', 'text', bytes, { compressed: true })),
    { agreement: DEFLATED },
  );
  assert.deepEqual(
    briefs(run),
    [...texts, ...texts].map((text) => `RECEIVE ${text}`),
  );
});

test('what a gap took leaves later compressed messages unread, unless each stands for itself', async () => {
  const packed = await deflated(['first message', 'second message', 'third message']);
  const script = [
    says('server', 'text', packed[0]!, { compressed: true }),
    sends('server', frame('server', 'text', packed[1]!, { compressed: true }).subarray(0, 4)),
    misses('server', packed[1]!.length - 2),
    says('server', 'text', packed[2]!, { compressed: true }),
  ];
  const run = check(script, { agreement: DEFLATED });
  assert.deepEqual(briefs(run), [
    'RECEIVE first message',
    'RECEIVE unreadable=message_broken unknown',
    'RECEIVE unreadable=deflate_context_lost unknown',
  ]);
  assert.equal(run.troubles['server gap_in_message'], packed[1]!.length - 2);
  assert.equal(run.troubles['server deflate_context_lost'], packed[2]!.length);

  const alone = deflateRawSync('third message', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const agreement = agreed({ 'sec-websocket-extensions': 'permessage-deflate; server_no_context_takeover' });
  const again = check([...script.slice(0, 3), says('server', 'text', alone, { compressed: true })], { agreement });
  assert.equal(briefs(again).at(-1), 'RECEIVE third message');
});

test('a bomb is not inflated', () => {
  const bomb = deflateRawSync(Buffer.alloc(4 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 64 * 1024, responseBytesMax: 64 * 1024 };
  const run = check([says('server', 'binary', bomb, { compressed: true })], { agreement: DEFLATED, bounds });
  assert.deepEqual(briefs(run), ['RECEIVE unreadable=deflate_above_bound unknown']);
  assert.equal(run.counts.server.notUnderstood, bomb.length);
});

test('compressed bytes that are none', () => {
  const script = [says('client', 'text', Buffer.of(0xff, 0xff, 0xff, 0xff), { compressed: true })];
  assert.deepEqual(briefs(check(script, { agreement: DEFLATED })), ['SEND unreadable=deflate_malformed unknown']);
});

test('a message above the bound is cut, counted and hashed', () => {
  const bytes = randomBytes(10_000);
  const bounds = { ...DEFAULT_BOUNDS, responseBytesMax: 1000 };
  const run = check([says('server', 'binary', bytes)], { bounds });
  const [{ response, truncated } = assert.fail()] = run.exchanges;
  assert.deepEqual([response.bytes.length, response.totalBytes, truncated], [1000, 10_000, true]);
  assert.deepEqual(Buffer.from(response.sha256!), createHash('sha256').update(bytes).digest());
  assert.equal(run.counts.server.cut, 9000);
});

test('a gap within a message leaves a hole', () => {
  const whole = frame('client', 'text', 'abcdefghij');
  const run = check([
    sends('client', whole.subarray(0, 9)),
    misses('client', 5),
    sends('client', whole.subarray(14)),
    says('client', 'text', 'next'),
  ]);
  assert.deepEqual(briefs(run), ['SEND abc incomplete=gap', 'SEND next']);
  assert.equal(run.exchanges[0]?.request.totalBytes, 10);
});

for (const side of ['client', 'server'] as const) {
  test(`behind a gap between frames the ${side}'s are found where they follow each other`, () => {
    const texts = ['one', 'two', 'three', 'four', 'five'];
    const script = [
      says(side, 'text', 'before'),
      misses(side, 1000),
      sends(side, frame(side, 'text', 'the end of it').subarray(8)),
      ...texts.map((text) => says(side, 'text', text)),
    ];
    const run = check(script);
    const word = side === 'client' ? 'SEND' : 'RECEIVE';
    assert.deepEqual(
      briefs(run),
      ['before', ...texts].map((text) => `${word} ${text}`),
    );
    assert.equal(run.troubles[`${side} gap_in_frames`], 1000);
    assert.ok(run.troubles[`${side} skipped_to_resync`]! > 0);
  });
}

test('frames that cannot be: reserved opcodes, masks of a server, long pings', () => {
  for (const bad of [Buffer.of(0x83, 0), Buffer.of(0x81, 0x80, 0, 0, 0, 0), Buffer.of(0x89, 126, 0, 200)]) {
    const run = check([sends('server', bad)]);
    assert.deepEqual(run.exchanges, []);
    assert.equal(run.counts.server.notUnderstood, bad.length);
  }
});

test('a continuation of nothing is not understood, a message in a message ends the one before', () => {
  const run = check([
    says('server', 'more', 'lost'),
    says('server', 'text', 'begun', { fin: false }),
    says('server', 'text', 'whole'),
  ]);
  assert.deepEqual(briefs(run), ['RECEIVE begun incomplete=gap unknown', 'RECEIVE whole']);
  assert.deepEqual(run.troubles, { 'server message_lost': 6 });
});

test('a connection that ends within a message, and within a head', () => {
  const run = check([
    says('client', 'text', 'begun', { fin: false }),
    sends('client', frame('client', 'more', 'x').subarray(0, 3)),
  ]);
  assert.deepEqual(briefs(run), ['SEND begun incomplete=connection-ended unknown']);
  assert.deepEqual(run.troubles, { 'client unfinished': 3 });
});

test('tokens in messages are taken out and handed over', () => {
  const run = check([says('client', 'text', '{"type":"auth","access_token":"s3cret-1"}')]);
  assert.equal(briefs(run)[0], 'SEND {"type":"auth","access_token":"[redacted]"}');
  assert.doesNotMatch(JSON.stringify(run.exchanges), /s3cret/);
  assert.deepEqual(
    run.credentials.map(({ secret }) => secret),
    ['s3cret-1'],
  );
});

test('an extension that is not known: messages are kept as they were carried, and say so', () => {
  const agreement = agreed({ 'sec-websocket-extensions': 'x-else, permessage-deflate' });
  assert.equal(extensionsOf(agreement).unknown, 'x-else');
  const [exchange] = check([says('client', 'text', 'as it is')], { agreement }).exchanges;
  assert.equal(exchange?.attributes['extension'], 'x-else');
});

test('a subprotocol hears all of a message in order, also beyond the bounds', () => {
  const heard: string[] = [];
  const echo: WebSocketSubprotocol = {
    name: 'echo',
    matches: ({ responseFields }) => new Map(responseFields).get('sec-websocket-protocol') === 'echo.v1',
    create: () => ({
      heldBytes: 0,
      data(part: MessagePart) {
        heard.push(`${part.isFirst ? '<' : ''}${Buffer.from(part.bytes).toString()}${part.isLast ? '>' : ''}`);
        return part.bytes.length;
      },
      hole: (_from: Side, bytes: number) => heard.push(`(${bytes})`),
      lost: () => heard.push('lost'),
      closed: (_from: Side, code: number) => heard.push(`closed ${code}`),
      end: (from: Side) => heard.push(`end ${from}`),
    }),
  };
  const definition: ProtocolDefinition = {
    ...websocket,
    create: (bounds, sink, opening) => new WebSocketDecoder(bounds, sink, opening, [echo]),
  };
  const agreement = agreed({ 'sec-websocket-protocol': 'echo.v1' });
  const script = [
    says('client', 'binary', 'a', { fin: false }),
    says('client', 'ping'),
    says('client', 'more', 'b'),
    says('server', 'close', closeOf(1001)),
  ];
  const run = runScript(definition, script, { agreement });
  assert.equal(heard.join(''), '<ab>closed 1001end clientend server');
  assert.equal(run.counts.client.cut, 2);
});

const ALL = async (): Promise<Script[]> => {
  const text = 'some text that repeats, some text that repeats';
  const packed = await deflated([text, 'other', text]);
  const both = (['client', 'server'] as const).map((side) => [
    says(side, 'text', packed[0]!, { compressed: true }),
    says(side, 'text', 'plain', { fin: false }),
    says(side, 'ping', 'ping'),
    says(side, 'more', ' text'),
    says(side, 'text', packed[1]!, { compressed: true }),
    says(side, 'binary', randomBytes(300)),
    says(side, 'text', packed[2]!, { compressed: true }),
    says(side, 'close', closeOf(1000)),
  ]);
  return [...both, both[0]!.flatMap((step, i) => [step, both[1]![i]!])];
};

test('damaged frames: bytes add up, memory is bounded, and cuts change nothing', async () => {
  const holds = (run: Run) => void addsUp(run);
  mutated(websocket, await ALL(), { agreement: DEFLATED, holds, runs: 300 });
  mutated(websocket, await ALL(), { agreement: agreed(), holds, runs: 100 });
});

test('random bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom<Side>('client', 'server'), fc.uint8Array({ maxLength: 400 })), {
        maxLength: 8,
      }),
      (steps) => {
        const script = steps.map(([side, bytes]) => sends(side, bytes));
        addsUp(runScript(websocket, script, { agreement: DEFLATED }));
      },
    ),
    { numRuns: 300 },
  );
});

test('messages are asked for by the token of the handshake', () => {
  const credential = { kind: 'http-bearer', reach: 'exchange', fingerprint: 'f' } as const;
  const { exchanges } = check([says('client', 'text', 'a'), says('server', 'text', 'b')], {
    agreement: { ...agreed(), credential },
  });
  assert.deepEqual(
    exchanges.map((one) => one.credential),
    [credential, credential],
  );
});
