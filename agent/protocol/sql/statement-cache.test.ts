// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatementCache } from './statement-cache.ts';

test('a text is scanned once while it is in use', () => {
  const cache = new StatementCache(100, 10_000);
  assert.equal(cache.statementsOf('select 1')[0]?.operation, 'SELECT');
  const first = cache.statementsOf('select 1');
  for (let i = 0; i < 300; i++) {
    cache.statementsOf(`select ${i} from t`);
    assert.equal(cache.statementsOf('select 1'), first);
  }
});

test('it stays within its bounds, by entries and by length', () => {
  const few = new StatementCache(10, 1_000_000);
  const short = new StatementCache(1_000_000, 1000);
  for (let i = 0; i < 1000; i++) {
    for (const cache of [few, short]) {
      cache.statementsOf(`select ${i}`);
      cache.statementsOf(`select ${i}`);
    }
  }
  assert.ok(few.size > 0 && few.size <= 10);
  assert.ok(short.size <= 1000 / 'select 0'.length);
});

test('texts that come once are not kept', () => {
  const cache = new StatementCache(1000, 1_000_000);
  for (let i = 0; i < 500; i++) cache.statementsOf(`select * from accounts where id = ${i}`);
  assert.ok(cache.size < 10, `${cache.size} kept`);
});

test('texts that are long are answered and not kept', () => {
  const cache = new StatementCache(10, 1_000_000);
  const [statement] = cache.statementsOf(`select '${'x'.repeat(20_000)}'`);
  assert.equal(statement?.shape, 'select ?');
  assert.equal(cache.size, 0);
});

test('it reads strings as the session does', () => {
  const text = "select 'a\\'; delete from t; --'";
  assert.equal(new StatementCache(10, 1000).statementsOf(text).length, 2);
  assert.equal(new StatementCache(10, 1000, { backslashQuotes: true }).statementsOf(text).length, 1);
});
