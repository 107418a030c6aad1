// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from '../replay/testing/chance.ts';
import { bytesOf, textOf } from './byte-text.ts';

const seed = Number(process.env['SWORN_TEST_SEED'] ?? Date.now() % 1_000_000);
/** Leads and tails of UTF-8, right and wrong, and of the characters that stand for bytes. */
const PIECES = ['a', '\u00e9', '\u6771', '\u{1f389}', '\uef80', '\uefff', '\ufffd', '\0'].map((text) =>
  Buffer.from(text),
);
const BROKEN = [[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xee, 0xbe], [0xee], [0xf5], [0xff], [0xe6, 0x9d]];

test('UTF-8 is what it says', () => {
  for (const text of ['', 'plain', 'Größe', '東京', '🎉', 'line\nline']) assert.equal(textOf(Buffer.from(text)), text);
});

test('a byte that is no UTF-8 has a character of its own', () => {
  assert.equal(textOf(Buffer.from([0x61, 0xff, 0x62])), 'a\uefffb');
  // A file may be named with such a character itself: then its bytes are written, and nothing is mistaken for another.
  assert.notEqual(textOf(Buffer.from('\uefff')), textOf(Buffer.from([0xff])));
});

test(`any bytes come back, and no two of them are the same text (seed ${seed})`, () => {
  const chance = new Chance(seed);
  const seen = new Map<string, string>();
  for (let i = 0; i < 20_000; i++) {
    const parts = Array.from({ length: chance.below(6) }, () =>
      chance.is(0.5)
        ? (PIECES[chance.below(PIECES.length)] as Buffer)
        : chance.is(0.5)
          ? Buffer.from(BROKEN[chance.below(BROKEN.length)] as number[])
          : Buffer.of(chance.below(256)),
    );
    const bytes = Buffer.concat(parts);
    const text = textOf(bytes);
    const hex = bytes.toString('hex');
    assert.equal(bytesOf(text).toString('hex'), hex);
    assert.equal(seen.get(text) ?? hex, hex);
    seen.set(text, hex);
    assert.ok(text.isWellFormed(), hex);
  }
});
