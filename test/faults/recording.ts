// SPDX-License-Identifier: Apache-2.0

/**
 * The dear one: whole agents on the running kernel. Bytes and processes that a small ring loses, conversations with bytes
 * taken out of them, and kills of agent, collector and engine under load. See loss.ts, pairing.ts and crash.ts.
 */
import { crash } from './crash.ts';
import type { Outcome } from './fault.ts';
import { missingOnHost } from './host.ts';
import { LOSING_RING, loseBytes, loseProcesses } from './loss.ts';
import { CONVERSATIONS, pair } from './pairing.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { setStage } from './stage.ts';

const PAIRING_COUNT = 3000;
/** Few, so that an iteration takes less than a minute; crash.test.ts has fifty. */
const KILLS = 6;

export const recording: Scenario = {
  name: 'recording',
  share: 1,
  missing: missingOnHost,
  run: (seed: number): Promise<Outcome> => record(seed, KILLS),
};

export async function record(seed: number, kills: number): Promise<Outcome> {
  const outcomes: Outcome[] = CONVERSATIONS.map((conversations) => pair(conversations, seed, PAIRING_COUNT));
  const random = new Random(seed);
  const stage = await setStage({ capture: LOSING_RING });
  try {
    outcomes.push(await loseBytes(stage, random), await loseProcesses(stage, random));
  } finally {
    await stage.stop();
  }
  outcomes.push(await crash({ seed, kills }));
  return { faults: outcomes.flatMap(({ faults }) => faults), notes: outcomes.flatMap(({ notes }) => notes) };
}
