// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asBuffer, ByteReader, endOfHead } from './byte-reader.ts';

test('reads big-endian integers, signed and unsigned', () => {
  const reader = new ByteReader(Buffer.from('01fffeffffffff80000001ffffffffffffffff', 'hex'));
  assert.deepEqual(
    [reader.u8(), reader.u16(), reader.i32(), reader.u32(), reader.i64()],
    [1, 0xfffe, -1, 0x80000001, -1n],
  );
  assert.equal(new ByteReader(Buffer.of(0xff, 0xfe)).i16(), -2);
  assert.equal(reader.short, false);
});

test('reading past the end gives nothing, and so does every read after it', () => {
  const reader = new ByteReader(Buffer.of(1, 2, 3, 4, 5), 1, 4);
  assert.equal(reader.i32(), 0);
  assert.equal(reader.short, true);
  assert.deepEqual(
    [reader.u8(), reader.cString(), reader.text(1), reader.view(1).length, reader.remaining],
    [0, '', '', 0, 0],
  );
});

test('a negative length is no length', () => {
  const reader = new ByteReader(Buffer.of(1, 2, 3));
  assert.equal(reader.skip(-1), -1);
  assert.equal(reader.short, true);
});

test('a C string ends at its zero byte; without one its head is returned and the reader is short', () => {
  const reader = new ByteReader(Buffer.from('name\0caf\u00e9 au lait, a longer text\0head', 'utf8'));
  assert.deepEqual([reader.cString(), reader.cString(), reader.short], ['name', 'café au lait, a longer text', false]);
  assert.deepEqual([reader.cString(), reader.short], ['head', true]);
});

test('a zero byte behind the end is not seen', () => {
  for (const size of [3, 100]) {
    const reader = new ByteReader(Buffer.from(`${'x'.repeat(size)}\0`), 0, size);
    assert.equal(reader.zeroByte(), -1);
  }
});

test('texts are read in the encoding that is set', () => {
  const reader = new ByteReader(Buffer.from('caf\xe9', 'latin1'));
  reader.encoding = 'latin1';
  assert.equal(reader.text(4), 'café');
});

test('a head never ends inside a character', () => {
  const text = Buffer.from('aé☃𝄞z');
  fc.assert(
    fc.property(fc.nat(12), (max) => {
      const head = text.subarray(0, endOfHead(text, 0, text.length, max));
      assert.ok(head.length <= Math.max(max, 0) && text.toString().startsWith(head.toString()));
    }),
  );
  assert.equal(endOfHead(Buffer.alloc(10, 0x80), 0, 10, 5), 2, 'bytes that are no text are stepped over no further');
});

test('bytes become a Buffer without a copy', () => {
  const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  const buffer = asBuffer(bytes);
  bytes[0] = 9;
  assert.deepEqual([...buffer], [9, 3]);
});
