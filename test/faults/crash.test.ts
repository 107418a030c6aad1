// SPDX-License-Identifier: Apache-2.0

/**
 * SWORN_TEST_SEED repeats a run, SWORN_TEST_KILLS sets how many kills. 20 are some 80 seconds; `npm run test:faults` kills far
 * more often.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crash } from './crash.ts';
import { shown } from './fault.ts';
import { missingOnHost } from './host.ts';
import { seedOfRun } from './random.ts';

const KILLS = Number(process.env['SWORN_TEST_KILLS'] ?? 20);
const seed = seedOfRun();

test(`loses, doubles and hides nothing in ${KILLS} kills (seed ${seed})`, {
  skip: missingOnHost() ?? false,
}, async (t) => {
  const { faults, notes } = await crash({ seed, kills: KILLS });
  for (const note of notes) t.diagnostic(note);
  assert.deepEqual(shown(faults), []);
});
