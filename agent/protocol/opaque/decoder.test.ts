// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { ends, misses, sends } from '../testing/script.ts';
import { HINT_BYTES_MAX, OpaqueDecoder } from './decoder.ts';
import { opaque } from './definition.ts';

const SCRIPT = [
  sends('client', 'x'.repeat(300)),
  sends('server', 'hello'),
  misses('server', 9),
  sends('server', 'more'),
];

test('bytes are counted as not understood, and nothing is said of them', () => {
  const run = checkScript(opaque, SCRIPT);
  assert.deepEqual(run.counts.client, { decoded: 0, notUnderstood: 300, cut: 0 });
  assert.deepEqual(run.counts.server, { decoded: 0, notUnderstood: 9, cut: 0 });
  assert.deepEqual([run.exchanges, run.credentials, run.troubles], [[], [], {}]);
  assert.equal(run.heldBytesMax, HINT_BYTES_MAX + 5);
});

test('the first bytes of each side are kept as a hint, up to a gap', () => {
  const decoder = new OpaqueDecoder(8);
  for (const [from, text] of [
    ['client', 'abc d'],
    ['client', 'e\nf'],
    ['server', 'x y\n'],
  ] as const) {
    decoder.push(from, Buffer.from(text), 0);
  }
  decoder.gap('server', 3, 0);
  decoder.push('server', Buffer.from('z'), 0);
  assert.equal(Buffer.from(decoder.hint('client')).toString(), 'abc de\nf');
  assert.equal(Buffer.from(decoder.hint('server')).toString(), 'x y\n');
});

test('of a hint that is cut the last word is left out, since half a key is no key to a redactor', () => {
  const key = `ghp_${'a1B2'.repeat(9)}`;
  const hintOf = (bytesMax: number, ...pieces: readonly (string | number)[]): string => {
    const decoder = new OpaqueDecoder(bytesMax);
    for (const piece of pieces) {
      if (typeof piece === 'string') decoder.push('client', Buffer.from(piece, 'latin1'), 0);
      else decoder.gap('client', piece, 0);
    }
    return Buffer.from(decoder.hint('client')).toString('latin1');
  };
  const said = `say ${key} `;
  for (let bytesMax = 0; bytesMax < said.length - 1; bytesMax++) {
    assert.equal(hintOf(bytesMax, said), bytesMax < 4 ? '' : 'say ');
    assert.equal(hintOf(bytesMax, ...said), bytesMax < 4 ? '' : 'say ');
  }
  assert.equal(hintOf(said.length, said), said);
  assert.equal(hintOf(100, said.slice(0, 20), 3, said.slice(23)), 'say ');
  assert.equal(hintOf(8, '\0\x01\xffabcdefg'), '\0\x01\xff');
});

test('damage changes nothing', () => {
  mutated(opaque, [[...SCRIPT, ends('client')]], { runs: 50 });
});
