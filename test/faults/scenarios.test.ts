// SPDX-License-Identifier: Apache-2.0

/** A few iterations of each scenario; `npm run test:faults` has hundreds. SWORN_TEST_SEED repeats a run. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { shown } from './fault.ts';
import { Ground } from './ground.ts';
import { seedOfRun } from './random.ts';
import { SCENARIOS, scenarioAt } from './scenarios.ts';

/** The dear one has tests of its own: crash, loss, pairing. */
const CHEAP = SCENARIOS.filter(({ name }) => name !== 'recording');
const ITERATIONS: Readonly<Record<string, number>> = { power: 3, disk: 3, rot: 4, clock: 3, image: 2 };
const first = seedOfRun();

describe(`faults, from seed ${first} on`, () => {
  const ground = new Ground();
  after(() => ground.stop());

  for (const { name, missing, run } of CHEAP) {
    it(`${name}: loses, doubles and hides nothing`, { skip: missing?.() ?? false }, async (t) => {
      for (let seed = first; seed < first + (ITERATIONS[name] ?? 1); seed++) {
        const { faults, notes } = await run(seed, ground);
        t.diagnostic(`seed ${seed}: ${notes.join('; ')}`);
        assert.deepEqual(shown(faults), [], `seed ${seed}`);
      }
    });
  }

  it('verify agrees', async (t) => {
    assert.deepEqual(shown(await ground.verify((text) => t.diagnostic(text))), []);
  });
});

describe('turns of scenarios', () => {
  it('go to each as often as its share says, by the seed alone', () => {
    const shares = SCENARIOS.reduce((sum, { share }) => sum + share, 0);
    const turns = Array.from({ length: shares }, (_, at) => scenarioAt(1000 + at, SCENARIOS).name);
    for (const { name, share } of SCENARIOS) assert.equal(turns.filter((one) => one === name).length, share, name);
  });
});
