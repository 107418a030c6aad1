// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { REORDER_BYTES_MAX, REORDER_NS, Stream } from './stream.ts';

/** What came out: bytes as text (one character a byte), gaps as their reason and size. */
class Outcome {
  readonly said: string[] = [];
  text = '';
  conflicts = 0;
  gapBytes = 0;
  readonly stream: Stream;

  constructor(reorders = true) {
    this.stream = new Stream(
      {
        bytes: (bytes) => {
          const piece = Buffer.from(bytes).toString('latin1');
          this.text += piece;
          this.said.push(piece);
        },
        gap: (missingBytes, reason) => {
          this.text += '.'.repeat(missingBytes);
          this.gapBytes += missingBytes;
          this.said.push(`<${reason} ${missingBytes}>`);
        },
        conflict: (bytes) => {
          this.conflicts += bytes;
        },
      },
      reorders ? REORDER_NS : 0,
    );
  }

  push(offset: number, text: string, atNs = 0): void {
    const bytes = Buffer.from(text, 'latin1');
    this.stream.push(offset, bytes, atNs);
    // Views are only for the call: what is kept must be a copy.
    bytes.fill(0x21);
  }
}

test('pieces in order come out as they are', () => {
  const out = new Outcome();
  out.push(0, 'abc');
  out.push(3, 'def');
  assert.deepEqual(out.said, ['abc', 'def']);
  assert.equal(out.stream.heldBytes, 0);
});

test('a piece that comes too early waits for the ones before it', () => {
  const out = new Outcome();
  out.push(6, 'ghi');
  out.push(3, 'def');
  assert.deepEqual(out.said, []);
  out.push(0, 'abc');
  assert.equal(out.text, 'abcdefghi');
  assert.equal(out.stream.heldBytes, 0);
});

test('a piece that was there before gives only what is new of it', () => {
  const out = new Outcome();
  out.push(0, 'abc');
  out.push(1, 'bc');
  out.push(1, 'bcde');
  assert.deepEqual(out.said, ['abc', 'de']);
});

test('where nothing reorders, a jump ahead is a gap at once', () => {
  const out = new Outcome(false);
  out.push(0, 'abc');
  out.push(5, 'fg');
  assert.deepEqual(out.said, ['abc', '<ring_full 2>', 'fg']);
  assert.equal(out.stream.heldBytes, 0);
});

test('where nothing reorders, an announced hole behind a jump is two gaps', () => {
  const out = new Outcome(false);
  out.stream.missing(4, 3, 'too_large', 0);
  out.push(7, 'hi');
  assert.deepEqual(out.said, ['<ring_full 4>', '<too_large 3>', 'hi']);
});

test('a hole that is announced after the bytes beyond it came has its own reason', () => {
  const out = new Outcome();
  out.push(0, 'ab');
  out.push(5, 'fg');
  out.stream.missing(2, 3, 'unreadable', 1);
  assert.deepEqual(out.said, ['ab', '<unreadable 3>', 'fg']);
});

test('an announced hole waits for the bytes before it', () => {
  const out = new Outcome();
  out.stream.missing(2, 3, 'skipped', 0);
  assert.deepEqual(out.said, []);
  out.push(0, 'ab');
  assert.deepEqual(out.said, ['ab', '<skipped 3>']);
});

test('bytes that came have the place before a hole that was announced for it', () => {
  const out = new Outcome();
  out.stream.missing(2, 6, 'unreadable', 0);
  out.push(4, 'ef');
  out.push(0, 'ab');
  assert.deepEqual(out.said, ['ab', '<unreadable 2>', 'ef', '<unreadable 2>']);
});

test('a hole that was announced twice is one gap', () => {
  const out = new Outcome();
  out.stream.missing(0, 4, 'skipped', 0);
  out.stream.missing(2, 4, 'skipped', 0);
  assert.equal(out.text, '......');
});

test('what lies before a settled place and was not told is lost at once, and what was told comes out', () => {
  const out = new Outcome();
  out.push(2, 'cd');
  out.stream.missing(6, 2, 'skipped', 0);
  out.push(12, 'mn');
  out.stream.settle(10, 1);
  assert.deepEqual(out.said, ['<ring_full 2>', 'cd', '<ring_full 2>', '<skipped 2>', '<ring_full 2>']);
  out.push(10, 'kl');
  out.stream.settle(10, 2);
  assert.equal(out.text.slice(10), 'klmn');
  assert.equal(out.stream.heldBytes, 0);
});

test('a settled place in the middle of a piece lets it out whole', () => {
  const out = new Outcome();
  out.push(2, 'cdef');
  out.stream.settle(4, 1);
  assert.deepEqual(out.said, ['<ring_full 2>', 'cdef']);
});

test('a hole that stays open becomes a loss, and later ones have their own time', () => {
  const out = new Outcome();
  out.push(2, 'cd', 1000);
  out.push(6, 'gh', 2000);
  out.stream.expire(1000 + REORDER_NS);
  assert.deepEqual(out.said, []);
  out.stream.expire(1001 + REORDER_NS);
  assert.deepEqual(out.said, ['<ring_full 2>', 'cd']);
  out.stream.expire(2001 + REORDER_NS);
  assert.deepEqual(out.said, ['<ring_full 2>', 'cd', '<ring_full 2>', 'gh']);
  assert.equal(out.stream.heldBytes, 0);
});

test('pieces that come later in front of an open hole do not keep it open', () => {
  const out = new Outcome();
  out.push(8, 'ij', 0);
  out.push(4, 'ef', REORDER_NS);
  out.stream.expire(REORDER_NS + 1);
  assert.equal(out.text, '....ef..ij');
});

test('the bound holds whatever waits, and one large piece behind many small holes does not break it', () => {
  const out = new Outcome();
  for (let i = 1; i <= 100; i++) out.push(2 * i, 'x');
  const large = 'y'.repeat(64 * 1024);
  for (let offset = 1000; offset < 2 * REORDER_BYTES_MAX; offset += large.length) {
    out.push(offset, large);
    assert.ok(out.stream.heldBytes <= REORDER_BYTES_MAX, `${out.stream.heldBytes} bytes are held`);
  }
  assert.ok(out.text.startsWith('..x.x.x'));
});

test('single bytes that wait are bounded by what they cost, not by how many they are', () => {
  const out = new Outcome();
  for (let i = 1; i <= 100_000; i++) out.push(2 * i, 'x');
  assert.ok(out.stream.heldBytes <= REORDER_BYTES_MAX);
  assert.ok(out.gapBytes > 50_000, 'holes were given up');
  for (let i = 1; i <= 100_000; i++) out.stream.missing(1_000_000 + 4 * i, 1, 'skipped', 0);
  assert.ok(out.stream.heldBytes <= REORDER_BYTES_MAX);
  assert.ok(out.said.includes('<skipped 1>'), 'announced holes wait for nothing, and were given up too');
});

test('at the end what waits comes out, and the tail that never came is a gap', () => {
  const out = new Outcome();
  out.push(0, 'ab');
  out.push(4, 'ef');
  out.stream.finish(9, 'ring_full', 1);
  out.stream.finish(11, 'never_sent', 1);
  assert.deepEqual(out.said, ['ab', '<ring_full 2>', 'ef', '<ring_full 3>', '<never_sent 2>']);
});

test('what lies beyond the end by the counters was never delivered, and comes out neither as bytes nor as a gap', () => {
  const out = new Outcome();
  out.push(0, 'ab');
  out.push(4, 'efgh');
  out.push(6, 'ghij');
  out.stream.missing(20, 5, 'skipped', 0);
  out.stream.finish(5, 'ring_full', 1);
  assert.equal(out.text, 'ab..e');
  assert.equal(out.stream.beyondEndBytes, 5);
  assert.equal(out.stream.heldBytes, 0);
});

test('without counters the end is where the last byte was', () => {
  const out = new Outcome();
  out.push(4, 'ef');
  out.stream.finish(undefined, 'ring_full', 1);
  assert.equal(out.text, '....ef');
});

test('equal bytes for one place are no conflict, others are', () => {
  const out = new Outcome();
  out.push(4, 'efgh');
  out.push(4, 'efgh');
  out.push(2, 'cdef');
  out.push(0, 'abcd');
  assert.equal(out.text, 'abcdefgh');
  assert.equal(out.conflicts, 0);
  out.push(10, 'kl');
  out.push(9, 'jXYm');
  out.push(8, 'i');
  assert.equal(out.text, 'abcdefghijXYm');
  assert.equal(out.conflicts, 2);
});

/** The content of a stream: every offset has its own character, so that a byte in the wrong place shows. */
function honest(offset: number, length: number): string {
  let text = '';
  for (let i = offset; i < offset + length; i++) text += String.fromCharCode(0x61 + ((i * 7 + (i >> 3)) % 26));
  return text;
}

const STREAM_BYTES = 60;
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('push' as const), offset: fc.nat(50), length: fc.nat(10) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('missing' as const), offset: fc.nat(50), length: fc.nat(10) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), afterNs: fc.nat(2 * REORDER_NS) }) },
  ),
  { minLength: 5, maxLength: 40, size: 'max' },
);

/** Offset by offset: what was had, what was announced, since when, and how far everything came out. */
class Model {
  readonly had = new Set<number>();
  readonly announced = new Set<number>();
  readonly sinceNs = new Map<number, number>();
  readonly reorders: boolean;
  expected = '';

  constructor(reorders: boolean) {
    this.reorders = reorders;
  }

  arrive(kind: 'push' | 'missing', offset: number, length: number, nowNs: number): void {
    if (!this.reorders && length > 0) while (this.expected.length < offset) this.expected += '.';
    const into = kind === 'push' ? this.had : this.announced;
    for (let at = Math.max(offset, this.expected.length); at < offset + length; at++) {
      into.add(at);
      if (!this.sinceNs.has(at)) this.sinceNs.set(at, nowNs);
    }
    this.advance();
  }

  advance(): void {
    for (;;) {
      const at = this.expected.length;
      if (this.had.has(at)) this.expected += honest(at, 1);
      else if (this.announced.has(at)) this.expected += '.';
      else return;
    }
  }

  expire(nowNs: number): void {
    for (;;) {
      const waiting = [...this.sinceNs].filter(([at]) => at >= this.expected.length);
      const late = waiting.some(([, sinceNs]) => nowNs - sinceNs > REORDER_NS);
      if (!late) return;
      const first = Math.min(...waiting.map(([at]) => at));
      while (this.expected.length < first) this.expected += '.';
      this.advance();
    }
  }

  finish(end: number): void {
    for (let at = this.expected.length; at < end; at++) this.expected += this.had.has(at) ? honest(at, 1) : '.';
  }
}

for (const reorders of [true, false]) {
  test(`each offset comes out once, in order, whatever comes (reorders: ${reorders})`, () => {
    fc.assert(
      fc.property(steps, fc.nat(STREAM_BYTES), (script, end) => {
        const out = new Outcome(reorders);
        const model = new Model(reorders);
        let nowNs = 0;
        for (const step of script) {
          nowNs++;
          if (step.kind === 'push') out.push(step.offset, honest(step.offset, step.length), nowNs);
          else if (step.kind === 'missing') out.stream.missing(step.offset, step.length, 'skipped', nowNs);
          if (step.kind === 'expire') {
            nowNs += step.afterNs;
            out.stream.expire(nowNs);
            model.expire(nowNs);
          } else {
            model.arrive(step.kind, step.offset, step.length, nowNs);
          }
          assert.equal(out.text, model.expected);
          assert.equal(out.stream.nextOffset, out.text.length);
        }
        out.stream.finish(end, 'tail', nowNs);
        model.finish(end);
        assert.equal(out.text, model.expected);
        assert.equal(out.stream.nextOffset, Math.max(end, out.text.length));
        assert.equal(out.stream.heldBytes, 0);
        assert.equal(out.conflicts, 0);
      }),
      { numRuns: 2000 },
    );
  });
}

interface Segment {
  readonly offset: number;
  readonly text: string;
}

/**
 * What Linux does with segments that come out of order: a plain retelling of its rules, one segment after another in a
 * list, and a read that takes each from where the last one ended.
 */
function readByLinux(segments: readonly Segment[]): string {
  const queue: Segment[] = [];
  let read = '';
  const endOf = (segment: Segment) => segment.offset + segment.text.length;
  const take = (segment: Segment) => {
    read += segment.text.slice(read.length - segment.offset);
  };
  for (const segment of segments) {
    if (endOf(segment) <= read.length) continue;
    if (segment.offset <= read.length) {
      take(segment);
    } else {
      if (queue.some((other) => other.offset <= segment.offset && endOf(other) >= endOf(segment))) continue;
      for (const other of queue.filter((one) => one.offset >= segment.offset && endOf(one) <= endOf(segment))) {
        queue.splice(queue.indexOf(other), 1);
      }
      queue.push(segment);
      queue.sort((one, other) => one.offset - other.offset);
    }
    while (queue[0] !== undefined && queue[0].offset <= read.length) {
      const next = queue.shift() as Segment;
      if (endOf(next) > read.length) take(next);
    }
  }
  return read;
}

test('of pieces that disagree, the record has what Linux gives to the program, and the conflict is told', () => {
  const segment = fc.record({
    offset: fc.nat(24),
    text: fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 8 }),
  });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 30 }), (segments) => {
      const out = new Outcome();
      for (const { offset, text } of segments) out.push(offset, text);
      assert.equal(out.text, readByLinux(segments));
      const said = new Map<number, string>();
      // Sent again when it was out already: the kernel side leaves those away, so nothing here can compare them.
      const agrees = segments.every(({ offset, text }) =>
        [...text].every((character, i) => {
          const before = said.get(offset + i);
          said.set(offset + i, character);
          return before === undefined || before === character;
        }),
      );
      if (agrees) assert.equal(out.conflicts, 0);
    }),
    { numRuns: 2000 },
  );
});
