// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonTextStream, writeJsonText } from './json-text.ts';
import { PayloadWriter } from './payload-writer.ts';

function written(bytes: Buffer, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  const writer = new PayloadWriter(1_000_000);
  writeJsonText(writer, bytes, 0, bytes.length, encoding);
  return Buffer.from(writer.take().bytes).toString();
}

test('any text comes back from JSON as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const bytes = Buffer.from(text);
      assert.equal(JSON.parse(`"${written(bytes)}"`), bytes.toString());
    }),
  );
});

test('any bytes become JSON, and bytes that are no UTF-8 say which they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      JSON.parse(`"${written(Buffer.from(bytes))}"`);
    }),
  );
  assert.equal(written(Buffer.from('caf\xe9!', 'latin1')), 'caf\\u00e9!');
  assert.equal(written(Buffer.from('c3a9e298', 'hex')), 'é\\u00e2\\u0098');
  assert.equal(
    written(Buffer.from('edA080f4908080c080', 'hex')),
    '\\u00ed\\u00a0\\u0080\\u00f4\\u0090\\u0080\\u0080\\u00c0\\u0080',
  );
});

test('in LATIN1 every byte is a character', () => {
  assert.equal(JSON.parse(`"${written(Buffer.from('c3a9', 'hex'), 'latin1')}"`), 'Ã©');
});

test('a text in parts gives the same as a whole one', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 6 }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (pieces, sizes) => {
        const bytes = Buffer.concat(pieces);
        const writer = new PayloadWriter(1_000_000);
        const stream = new JsonTextStream(writer, 'utf8');
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number;
          stream.part(bytes, at, Math.min(bytes.length, at + size));
          at += size;
        }
        stream.end();
        assert.equal(Buffer.from(writer.take().bytes).toString(), written(bytes));
      },
    ),
  );
});
