// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { PayloadWriter, RESERVE_MAX } from './payload-writer.ts';

test('keeps the head, counts and hashes the whole, however it is written', () => {
  const part = fc.record({
    size: fc.oneof(fc.nat(50), fc.nat(3 * RESERVE_MAX)),
    byte: fc.nat(255),
    how: fc.constantFrom('append', 'text', 'reserve'),
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.nat(400_000), fc.boolean(), (parts, bound, flushes) => {
      const writer = new PayloadWriter(bound);
      const all: Buffer[] = [];
      for (const { size, byte, how } of parts) {
        if (how === 'text') {
          all.push(Buffer.from('é'.repeat(size >> 1)));
          writer.appendText('é'.repeat(size >> 1));
        } else {
          const bytes = Buffer.alloc(how === 'reserve' ? Math.min(size, RESERVE_MAX) : size, byte);
          all.push(bytes);
          if (how === 'append') {
            writer.append(bytes);
          } else {
            writer.reserve(bytes.length);
            bytes.copy(writer.buffer, writer.at);
            writer.at += bytes.length;
            writer.settle();
          }
        }
        if (flushes) writer.flush();
      }
      const whole = Buffer.concat(all);
      assert.equal(writer.writtenBytes, whole.length);
      assert.equal(writer.droppedBytes, Math.max(0, whole.length - bound));
      const payload = writer.take();
      assert.deepEqual(Buffer.from(payload.bytes), whole.subarray(0, bound));
      assert.equal(payload.totalBytes, whole.length);
      const hash = whole.length > bound ? createHash('sha256').update(whole).digest() : undefined;
      assert.deepEqual(payload.sha256 && Buffer.from(payload.sha256), hash);
      assert.deepEqual([writer.writtenBytes, writer.heldBytes], [0, 0]);
    }),
    { numRuns: 60 },
  );
});

test('a hole is part of the size, and takes the hash away', () => {
  const writer = new PayloadWriter(4);
  writer.append(Buffer.from('abcdef'));
  writer.addHole(10);
  writer.append(Buffer.from('gh'));
  const payload = writer.take();
  assert.deepEqual(
    [Buffer.from(payload.bytes).toString(), payload.totalBytes, payload.sha256],
    ['abcd', 18, undefined],
  );
});

test('what was begun can be taken back while it is kept', () => {
  const writer = new PayloadWriter(100);
  writer.appendText('one');
  const mark = writer.writtenBytes;
  writer.appendText('two');
  writer.rewind(mark);
  writer.appendText('three');
  assert.equal(Buffer.from(writer.take().bytes).toString(), 'onethree');
});
