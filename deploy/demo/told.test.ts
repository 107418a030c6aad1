// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareLines } from './told.ts';

const lines = (...texts: string[]) => texts.map((whole) => ({ about: whole.split(' ')[0] as string, whole }));

test('what both sides have is matched once, in any order', () => {
  const same = compareLines(lines('a 1', 'b 2', 'a 1'), lines('b 2', 'a 1', 'a 1'));
  assert.deepEqual(same, { matched: 3, missing: [], altered: [], doubled: [] });
});

test('what only one side has is missing or doubled, and what differs is altered', () => {
  const other = compareLines(lines('a 1', 'b 2', 'c 3'), lines('a 1', 'a 1', 'b 9'));
  assert.deepEqual(other, { matched: 1, missing: ['c 3'], altered: ['b 2  ≠  b 9'], doubled: ['a 1'] });
});
