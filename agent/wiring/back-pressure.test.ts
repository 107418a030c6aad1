// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { whenMoreMayCome } from './back-pressure.ts';

const BOUNDS = { pendingBytesMax: 100, ringBytes: 1000 };

test('other work has its turn before more comes', async () => {
  let read = false;
  void readFile(import.meta.filename).then(() => {
    read = true;
  });
  for (let turns = 0; !read; turns++) {
    assert.ok(turns < 100_000, 'a file is read meanwhile');
    await whenMoreMayCome(() => ({ pendingBytes: 0, ringWaitingBytes: 0 }), BOUNDS);
  }
});

test('events wait in the ring while the journal is behind', async () => {
  const pending = [300, 200, 100, 99];
  let asked = 0;
  await whenMoreMayCome(() => ({ pendingBytes: pending[asked++] ?? 0, ringWaitingBytes: 500 }), BOUNDS);
  assert.equal(asked, 4);
});

test('they do not when the ring has room for little more', async () => {
  let asked = 0;
  await whenMoreMayCome(() => ({ pendingBytes: 300, ringWaitingBytes: asked++ === 2 ? 501 : 500 }), BOUNDS);
  assert.equal(asked, 3);
});
