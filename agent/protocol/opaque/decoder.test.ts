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
    ['client', 'abc'],
    ['client', 'defghij'],
    ['server', 'xy'],
  ] as const) {
    decoder.push(from, Buffer.from(text), 0);
  }
  decoder.gap('server', 3, 0);
  decoder.push('server', Buffer.from('z'), 0);
  assert.equal(Buffer.from(decoder.hint('client')).toString(), 'abcdefgh');
  assert.equal(Buffer.from(decoder.hint('server')).toString(), 'xy');
});

test('damage changes nothing', () => {
  mutated(opaque, [[...SCRIPT, ends('client')]], { runs: 50 });
});
