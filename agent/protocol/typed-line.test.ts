// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINE_NS, TypedLine } from './typed-line.ts';

test('a line is waited for until it is ended or given up, and not for ever', () => {
  for (const [texts, waits] of [
    [[], false],
    [['l', 's'], true],
    [['l', 's', '\r'], false],
    [['ls\nexport TO'], true],
    [['ls\n', ''], false],
    [['secr', '\x03'], false],
  ] as const) {
    const line = new TypedLine();
    for (const text of texts) line.typed(Buffer.from(text));
    assert.equal(line.waits(5, 5 + LINE_NS - 1), waits, JSON.stringify(texts));
    assert.equal(line.waits(5, 5 + LINE_NS), false);
  }
});
