// SPDX-License-Identifier: Apache-2.0

/** SWORN_TEST_SEED repeats a run. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type Outcome, shown } from './fault.ts';
import { missingOnHost } from './host.ts';
import { LOSING_RING, loseBytes, loseProcesses } from './loss.ts';
import { Random, seedOfRun } from './random.ts';
import { type Stage, setStage } from './stage.ts';

const reason = missingOnHost();
const seed = seedOfRun();

describe(`losses of a ring that is too small (seed ${seed})`, { skip: reason ?? false }, () => {
  const random = new Random(seed);
  let stage: Stage;

  before(async () => {
    stage = await setStage({ capture: LOSING_RING });
  });
  after(() => stage?.stop());

  it('counts every byte of every connection once: decoded, not understood, cut or lost', async (t) => {
    judge(t, await loseBytes(stage, random));
  });

  it('covers every process with a line or with a loss, and knows in the end what runs', async (t) => {
    judge(t, await loseProcesses(stage, random));
  });
});

function judge(t: TestContext, { faults, notes }: Outcome): void {
  for (const note of notes) t.diagnostic(note);
  assert.deepEqual(shown(faults), []);
}
