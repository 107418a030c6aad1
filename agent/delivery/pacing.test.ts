// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacing } from './pacing.ts';

test('catching up takes its share of a core and no more', () => {
  const pacing = new Pacing({ catchUpShare: 0.25, fullBytes: 1000 });
  let restMs = 0;
  for (let batch = 0; batch < 1000; batch += 1) restMs += pacing.restAfter(0.8, 1500, 0.1);
  // 1.9 times of what is timed is the CPU time of it.
  const share = (1.9 * 800) / (800 + restMs);
  assert.ok(share > 0.24 && share < 0.26, `${share}`);
});

test('live batches are not held back, nor those of a journal that is filling up', () => {
  const pacing = new Pacing({ catchUpShare: 0.25, fullBytes: 1000 });
  assert.equal(pacing.restAfter(50, 999, 0.1), 0);
  assert.equal(pacing.restAfter(50, 5000, 0.5), 0);
  assert.equal(Math.round(pacing.restAfter(50, 5000, 0.49)), 330);
});

test('no rest is longer than a second', () => {
  assert.equal(new Pacing({ catchUpShare: 0.01, fullBytes: 1 }).restAfter(500, 2, 0), 1000);
});
