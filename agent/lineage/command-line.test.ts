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

test('a command line of megabytes is cut, and only its head is read', () => {
  const words = ['sh', '-c', ...Array.from({ length: 500_000 }, () => 'x')];
  let read = 0;
  const counted = new Proxy(words, {
    get(target, name, receiver) {
      if (typeof name === 'string' && /^\d+$/.test(name)) read++;
      return Reflect.get(target, name, receiver);
    },
  });
  const line = commandLineOf(counted);
  assert.ok(line.length <= 4098 && line.endsWith(' …'), String(line.length));
  assert.ok(read < 4096, `${read} words were read`);
});

test('of an argument of megabytes only what is shown is quoted', () => {
  const line = commandLineOf(['sh', '-c', "'".repeat(2_000_000)]);
  assert.ok(line.length <= 4098 && line.endsWith(' …'), String(line.length));
});
