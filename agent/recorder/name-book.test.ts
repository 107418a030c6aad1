// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameBook } from './name-book.ts';

const HOUR_NS = 3600e9;
const answer = (address: string, name: string, ttl = 60) => [{ address, name, ttl }];

test('the last answer names an address; what the process itself asked for goes first', () => {
  const book = new NameBook();
  book.learn(answer('192.0.2.1', 'a.example'), 1, 0);
  book.learn(answer('192.0.2.1', 'b.example'), 2, 1, 'varlink');
  assert.deepEqual(book.nameOf('192.0.2.1', 3, 2), {
    name: 'b.example',
    by: 'varlink',
    all: ['b.example', 'a.example'],
  });
  assert.equal(book.nameOf('192.0.2.1', 1, 2)?.name, 'a.example');
  assert.equal(book.nameOf('192.0.2.1', 1, 2)?.by, 'dns');
  assert.equal(book.nameOf('192.0.2.2', 1, 2), undefined);
});

test('a name is kept for an hour at least, and a day at most', () => {
  const book = new NameBook();
  book.learn(answer('192.0.2.1', 'short.example', 1), 1, 0);
  book.learn(answer('192.0.2.2', 'long.example', 2 ** 31), 1, 0);
  assert.equal(book.nameOf('192.0.2.1', 1, HOUR_NS - 1)?.name, 'short.example');
  assert.equal(book.nameOf('192.0.2.1', 1, HOUR_NS), undefined);
  assert.equal(book.nameOf('192.0.2.2', 1, 24 * HOUR_NS - 1)?.name, 'long.example');
  assert.equal(book.nameOf('192.0.2.2', 1, 24 * HOUR_NS), undefined);
});

test('addresses and their names are bounded: the oldest go first', () => {
  const book = new NameBook();
  for (let i = 0; i < 10_000; i++) book.learn(answer(`10.0.${i >> 8}.${i & 255}`, `n${i}.example`), 1, i);
  assert.equal(book.size, 4096);
  assert.equal(book.nameOf('10.0.0.0', 1, 10_000), undefined);
  for (let i = 0; i < 20; i++) book.learn(answer('192.0.2.1', `n${i}.example`), 1, i);
  assert.deepEqual(book.nameOf('192.0.2.1', 1, 20)?.all.length, 8);
});
