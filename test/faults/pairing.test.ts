// SPDX-License-Identifier: Apache-2.0

/** SWORN_TEST_SEED repeats a run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shown } from './fault.ts';
import { CONVERSATIONS, pair } from './pairing.ts';
import { seedOfRun } from './random.ts';

const COUNT = 3000;
const seed = seedOfRun();

for (const conversations of CONVERSATIONS) {
  test(`${conversations.name}: an exchange has its own reply, or says that bytes were lost (seed ${seed})`, () => {
    assert.deepEqual(shown(pair(conversations, seed, COUNT).faults), []);
  });
}
