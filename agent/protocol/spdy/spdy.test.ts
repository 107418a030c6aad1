// SPDX-License-Identifier: Apache-2.0

/** Headers of SPDY: the dictionary that everybody has, blocks that refer to each other, and blocks that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { DICTIONARY } from './dictionary.ts';
import { HeaderBlocks } from './header-blocks.ts';

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

test('the dictionary is that of SPDY/3', () => {
  assert.equal(DICTIONARY.length, 1423);
  assert.equal(adler32(DICTIONARY), 0xe3c6a7c2);
});

function plain(headers: Readonly<Record<string, string>>): Buffer {
  const u32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
  const texts = Object.entries(headers).flat();
  return Buffer.concat([u32(texts.length / 2), ...texts.flatMap((text) => [u32(text.length), Buffer.from(text)])]);
}

const first = deflateSync(plain({ streamtype: 'stdin', port: '80' }), {
  dictionary: DICTIONARY,
  finishFlush: constants.Z_SYNC_FLUSH,
});

test('a block is read with the dictionary that it names', () => {
  assert.deepEqual(
    [...(new HeaderBlocks().read(first) ?? [])],
    [
      ['streamtype', 'stdin'],
      ['port', '80'],
    ],
  );
});

test('behind a block that cannot be read none is', () => {
  const blocks = new HeaderBlocks();
  assert.equal(blocks.read(Buffer.from('xxxxxxxxxxxx')), undefined);
  assert.equal(blocks.read(first), undefined);
});

test('a block that blows up is not read', () => {
  const bomb = deflateSync(Buffer.alloc(10_000_000), { dictionary: DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
  assert.equal(new HeaderBlocks().read(bomb), undefined);
});

test('arbitrary blocks: nothing throws', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array(), fc.constant(first)), { maxLength: 4 }), (all) => {
      const blocks = new HeaderBlocks();
      for (const one of all) blocks.read(Buffer.from(one));
      assert.ok(blocks.heldBytes <= 32 * 1024);
    }),
  );
});
