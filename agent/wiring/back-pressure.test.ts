// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { whenMoreMayCome } from './back-pressure.ts';

const PENDING_BYTES_MAX = 100;

test('other work has its turn before more comes', async () => {
  let read = false;
  void readFile(import.meta.filename).then(() => {
    read = true;
  });
  for (let turns = 0; !read; turns++) {
    assert.ok(turns < 100_000, 'a file is read meanwhile');
    await whenMoreMayCome(() => ({ pendingBytes: 0, waitingShare: 0 }), PENDING_BYTES_MAX);
  }
});

test('events wait in the ring while the journal is behind', async () => {
  const pending = [300, 200, 100, 99];
  let asked = 0;
  await whenMoreMayCome(() => ({ pendingBytes: pending[asked++] ?? 0, waitingShare: 0.75 }), PENDING_BYTES_MAX);
  assert.equal(asked, 4);
});

test('they do not when the ring has room for little more', async () => {
  let asked = 0;
  await whenMoreMayCome(() => ({ pendingBytes: 300, waitingShare: asked++ === 2 ? 0.76 : 0.75 }), PENDING_BYTES_MAX);
  assert.equal(asked, 3);
});
