// SPDX-License-Identifier: Apache-2.0

/**
 * The host loses power, or the agent is killed, at any point of several lives: what was written and not synced is kept or
 * lost sector by sector, new files may be gone and removed ones be back, the mark of how far the record goes may be empty.
 * In the end everything that the journal called durable is in ClickHouse, and what is missing falls into a loss.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import { checkRecord, checkVerdicts } from './record-check.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedAgent } from './simulated-agent.ts';

const LIVES_MAX = 4;
const BURST_MAX = 60;
const BURSTS_MAX = 8;

export const power: Scenario = {
  name: 'power',
  share: 28,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const collector = await ground.collector();
    const agent = await SimulatedAgent.enrol(collector, random.fork('agent'));
    const ends: string[] = [];
    try {
      for (let lives = random.between(1, LIVES_MAX); lives > 0; lives--) {
        await agent.open();
        if (random.chance(0.8)) agent.deliver();
        const pauses = random.fork('pauses');
        const mostMs = random.chance(0.3) ? random.between(1, 80) : 0;
        agent.disk.pause = () => (mostMs === 0 ? Promise.resolve() : sleep(pauses.between(0, mostMs)));
        await liveOnce(agent, random);
        const how = random.chance(0.6) ? 'power' : random.chance(0.7) ? 'kill' : 'stop';
        ends.push(how);
        await agent.end(how);
        agent.disk.pause = () => Promise.resolve();
        agent.passMs(random.between(0, 5000));
      }
      await agent.open();
      await agent.settle();
      const rows = await collector.record(agent.agentId);
      const verdicts = await collector.verdicts(agent.agentId);
      const notes = [
        `${ends.join(', ')}: ${agent.deeds.length} deeds, ${agent.durable.size} durable, ${rows.length} rows`,
      ];
      const faults = [...checkRecord(rows, agent.truth), ...checkVerdicts(verdicts, agent.isSealed, rows)];
      return { faults, notes };
    } finally {
      agent.remove();
    }
  },
};

/** Ends anywhere within what it does. */
async function liveOnce(agent: SimulatedAgent, random: Random): Promise<void> {
  for (let bursts = random.between(0, BURSTS_MAX); bursts > 0; bursts--) {
    agent.act(random.between(1, BURST_MAX));
    if (random.chance(0.3)) await agent.save();
    else if (random.chance(0.5)) await agent.journal.flushed(agent.journal.state.lastSeq - random.between(0, 3));
    else await turns(random.between(0, 40));
    agent.look();
  }
  void agent.journal.flush().catch(() => {});
  await turns(random.between(0, 40));
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await null;
}
