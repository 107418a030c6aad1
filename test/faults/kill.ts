// SPDX-License-Identifier: Apache-2.0

/**
 * SIGKILL for whoever delivers, for the collector and for its engine, a few times at moments that a seed chooses: crash.ts
 * without the kernel, so that hundreds of kills take minutes.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Delivering } from './delivering.ts';
import type { Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { missingForNetwork, type SplitNetwork } from './split-network.ts';

const KILLS_MAX = 5;
const ALIVE_MS_MAX = 900;

export const kill: Scenario = {
  name: 'kill',
  share: 8,
  missing: missingForNetwork,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const split = await ground.network();
    await split.set({});
    const agent = await Delivering.enrol(split, `faults-${randomUUID()}`);
    const killed: string[] = [];
    try {
      await agent.start(seed);
      for (let left = random.between(1, KILLS_MAX); left > 0; left--) {
        await sleep(random.between(0, ALIVE_MS_MAX));
        killed.push(await killOne(split, agent, random));
      }
      await agent.finish();
      const said: string[] = [];
      const faults = await agent.judge((text) => said.push(text));
      return { faults, notes: [`killed ${killed.join(', ')}: ${agent.storedSeq} activities`, ...said] };
    } finally {
      await agent.kill();
    }
  },
};

async function killOne(split: SplitNetwork, agent: Delivering, random: Random): Promise<string> {
  const chance = random.next();
  const seed = random.between(1, 1_000_000);
  if (chance < 0.6) {
    await agent.kill();
    await agent.start(seed);
    return 'agent';
  }
  const engine = chance < 0.8 ? split.enginePid : undefined;
  if (engine !== undefined) {
    process.kill(engine, 'SIGKILL');
    return 'engine';
  }
  await split.collector.kill();
  await split.collector.start();
  return 'collector';
}
