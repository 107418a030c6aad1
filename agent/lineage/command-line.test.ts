// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandLineOf } from './command-line.ts';

for (const [argv, line] of [
  [['psql', '-h', 'db.example.net', '-c', 'select 1'], "psql -h db.example.net -c 'select 1'"],
  [['echo', "it's", '', '$HOME'], "echo 'it'\\''s' '' '$HOME'"],
  [['a=b', '--x=/y,z:1@h+%'], 'a=b --x=/y,z:1@h+%'],
  [[], ''],
] as const) {
  test(`as a person would type it: ${line}`, () => {
    assert.equal(commandLineOf(argv), line);
  });
}

test('a command line of megabytes is cut, and cheap', () => {
  const startedAt = performance.now();
  const line = commandLineOf(['sh', '-c', "'".repeat(2_000_000), ...Array.from({ length: 500_000 }, () => 'x')]);
  assert.ok(line.length <= 4098 && line.endsWith(' …'), String(line.length));
  assert.ok(performance.now() - startedAt < 100);
});
