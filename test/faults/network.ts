// SPDX-License-Identifier: Apache-2.0

/**
 * Agents deliver over a link that is cut, goes dead in one direction, loses, doubles, delays and reorders packets, as a seed
 * says. When it is well again everything is in ClickHouse, once and in order.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Delivering } from './delivering.ts';
import type { Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { type LinkState, missingForNetwork } from './split-network.ts';

const PHASES_MAX = 5;
const PHASE_MS_MAX = 1500;
const WELL_MS_MAX = 300;

export const network: Scenario = {
  name: 'network',
  share: 5,
  missing: missingForNetwork,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const split = await ground.network();
    await split.set({ seed });
    const agents = await Promise.all(
      Array.from({ length: random.between(1, 2) }, () => Delivering.enrol(split, `faults-${randomUUID()}`)),
    );
    const names: string[] = [];
    try {
      await Promise.all(agents.map((agent, at) => agent.start(seed + at)));
      for (let left = random.between(1, PHASES_MAX); left > 0; left--) {
        const [name, state] = illness(random);
        names.push(name);
        await split.set(state);
        await sleep(random.between(50, PHASE_MS_MAX));
        if (random.chance(0.5)) continue;
        await split.set({});
        await sleep(random.between(0, WELL_MS_MAX));
      }
      await split.set({});
      await Promise.all(agents.map((agent) => agent.finish()));
      const said: string[] = [];
      const judged = await Promise.all(agents.map((agent) => agent.judge((text) => said.push(text))));
      const delivered = agents.map(({ storedSeq }) => storedSeq).join(' and ');
      return { faults: judged.flat(), notes: [`${names.join(', ')}: ${delivered} activities`, ...said] };
    } finally {
      await split.set({});
      await Promise.all(agents.map((agent) => agent.kill()));
    }
  },
};

function illness(random: Random): [name: string, state: LinkState] {
  const most = random.next();
  switch (random.between(0, 6)) {
    case 0:
      return ['cut', { cut: true }];
    case 1:
      return ['down', { down: true }];
    case 2:
      return ['dead from here', { one_way: 'near' }];
    case 3:
      return ['dead from there', { one_way: 'far' }];
    case 4:
      return ['loss', { loss: 0.4 * most, delay_ms: 2 }];
    case 5:
      return ['delay', { delay_ms: 150 * most, jitter_ms: 100 * most }];
    default:
      return ['reordering', { reorder: most, duplicate: 0.3 * most, delay_ms: 2 }];
  }
}
