// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventStreamReader, isEventStream, parseEventStream, type ServerSentEvent } from './event-stream.ts';

const read = (text: string) => parseEventStream(Buffer.from(text));
const data = (text: string) => read(text).events.map((event) => event.data);

test('the examples of the specification', () => {
  assert.deepEqual(data('data: YHOO\ndata: +2\ndata: 10\n\n'), ['YHOO\n+2\n10']);
  const stream = read(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n');
  assert.deepEqual(
    stream.events.map((event) => [event.data, event.lastEventId]),
    [
      ['first event', '1'],
      ['second event', ''],
    ],
  );
  assert.equal(stream.isCutOff, true);
  assert.deepEqual(data('data\n\ndata\ndata\n\ndata:'), ['', '\n']);
  assert.deepEqual(data('data:test\n\ndata: test\n\n'), ['test', 'test']);
});

test('types, retries, three kinds of line ends and a byte order mark', () => {
  const stream = read('\ufeffevent: add\r\ndata: 1\r\rretry: 20\rdata: 2\n\nretry: no\r\n');
  assert.deepEqual(
    stream.events.map(({ type, data }) => `${type} ${data}`),
    ['add 1', 'message 2'],
  );
  assert.equal(stream.retryMs, 20);
});

test('content types', () => {
  assert.equal(isEventStream('text/event-stream; charset=utf-8'), true);
  assert.equal(isEventStream('text/event-streams'), false);
});

test('an event above the bound is passed over and counted, the next is read', () => {
  const events: ServerSentEvent[] = [];
  const reader = new EventStreamReader((event) => events.push(event), 16);
  for (const byte of Buffer.from(`data: ${'x'.repeat(100)}\n\ndata: 1234567890\ndata: 1234567890\n\ndata: ok\n\n`)) {
    reader.push(Buffer.of(byte));
    assert.ok(reader.heldBytes <= 64);
  }
  assert.deepEqual([events.map((event) => event.data), reader.longEvents], [['ok'], 2]);
});

test('however it is cut, it says the same; and it never throws', () => {
  const part = fc.constantFrom('data', ':', ' ', '\n', '\r', '\r\n', 'id', 'é', 'event', 'retry', 'x', '\ufeff', '7');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), (parts, size) => {
      const bytes = Buffer.from(parts.join(''));
      const events: ServerSentEvent[] = [];
      const reader = new EventStreamReader((event) => events.push(event));
      for (let from = 0; from < bytes.length; from += size) reader.push(bytes.subarray(from, from + size));
      const whole = parseEventStream(bytes);
      assert.deepEqual(events, whole.events);
      assert.equal(reader.isCutOff, whole.isCutOff);
    }),
    { numRuns: 500 },
  );
});
