// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listing, table } from './table.ts';

describe('a table', () => {
  const header = ['name', 'rows', 'statement'];
  const rows = [
    ['a', '1', 'SELECT 1'],
    ['long name', '1000', 'SELECT 漢'],
  ];

  it('has columns as wide as they must be, numbers to the right', () => {
    assert.equal(
      table(header, rows, { right: new Set(['rows']) }),
      'name       rows  statement\na             1  SELECT 1\nlong name  1000  SELECT 漢',
    );
  });

  it('ends where the terminal ends', () => {
    const lines = table(header, rows, { width: 20 }).split('\n');
    assert.deepEqual(lines, ['name       rows  st…', 'a          1     SE…', 'long name  1000  SE…']);
  });

  it('is a header alone without rows, and nothing without columns', () => {
    assert.equal(table(header, []), 'name  rows  statement');
    assert.equal(table([], []), '');
  });

  it('of very many rows is made', () => {
    const many = Array.from({ length: 200_000 }, (_, i) => [String(i)]);
    assert.equal(table(['n'], many).split('\n').length, 200_001);
  });
});

describe('a listing', () => {
  it('has a line for each column', () => {
    assert.equal(
      listing(
        ['a', 'bb'],
        [
          ['1', '2'],
          ['3', ''],
        ],
      ),
      'a   1\nbb  2\n\na   3\nbb',
    );
  });
});
