// SPDX-License-Identifier: Apache-2.0

/**
 * Somebody sets the wall clock, by seconds or by years, while an agent records, is full, or is away. Numbers go on in order,
 * nothing waits for a time that does not come, and every gap is in a loss by the clock as it was when it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import { checkRecord, checkVerdicts, type RecordRow } from './record-check.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedAgent } from './simulated-agent.ts';

const LIVES_MAX = 3;
const BURSTS_MAX = 6;
const SECOND_MS = 1000;
const YEAR_MS = 365 * 86_400 * SECOND_MS;
const FREE_BYTES_MIN = 100_000;
/** So long a pause that the journal looks for free space again; by the agent's clock. */
const LOOK_MS = 1100;
const WELL_MS_MAX = 5000;

export const clock: Scenario = {
  name: 'clock',
  share: 10,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const collector = await ground.collector();
    const agent = await SimulatedAgent.enrol(collector, random.fork('agent'));
    const faults: Fault[] = [];
    const what: string[] = [];
    const jump = (): void => {
      const byMs = jumpOf(random);
      agent.setClockByMs(byMs);
      what.push(`${byMs > 0 ? '+' : ''}${Math.round(byMs / SECOND_MS)} s`);
    };
    const bounds = { diskFreeBytesMin: FREE_BYTES_MIN };
    try {
      for (let lives = random.between(1, LIVES_MAX); lives > 0; lives--) {
        await agent.open(bounds);
        if (random.chance(0.6)) agent.deliver();
        for (let bursts = random.between(1, BURSTS_MAX); bursts > 0; bursts--) {
          agent.act(random.between(1, 30));
          // The mark is written every second: when the clock is set twice before the next, what is lost with it has no time.
          if (random.chance(0.5) && (await agent.save())) jump();
          if (random.chance(0.3)) agent.disk.free = random.chance(0.5) ? 0 : Number.POSITIVE_INFINITY;
          // The journal looks again.
          if (random.chance(0.3)) agent.passMs(LOOK_MS);
          agent.act(random.between(1, 30));
          if (random.chance(0.4)) await agent.save();
          else await sleep(random.between(0, 4));
        }
        agent.disk.free = Number.POSITIVE_INFINITY;
        if (random.chance(0.7)) faults.push(...(await opensAgain(agent)));
        const how = random.chance(0.5) ? 'kill' : random.chance(0.5) ? 'power' : 'stop';
        what.push(how);
        await agent.end(how);
        agent.passMs(random.between(0, 3000));
        if (random.chance(0.5) && agent.isMarked) jump();
      }
      await agent.open(bounds);
      await agent.settle(bounds);
      const rows = await collector.record(agent.agentId);
      const verdicts = await collector.verdicts(agent.agentId);
      faults.push(
        ...checkRecord(rows, agent.truth),
        ...checkVerdicts(verdicts, agent.isSealed, rows),
        ...checkOrder(rows),
      );
      return { faults, notes: [`${what.join(', ')}: ${agent.deeds.length} deeds, ${rows.length} rows`] };
    } finally {
      agent.remove();
    }
  },
};

function jumpOf(random: Random): number {
  const sizes = [SECOND_MS, 60 * SECOND_MS, 3600 * SECOND_MS, YEAR_MS];
  const mostMs = sizes[random.between(0, sizes.length - 1)] as number;
  return random.between(-mostMs, mostMs);
}

/** There is room: it is seen although the clock may have to run for years to where it was. */
async function opensAgain(agent: SimulatedAgent): Promise<Fault[]> {
  for (const deadline = Date.now() + WELL_MS_MAX; agent.journal.state.room !== 'open'; ) {
    if (Date.now() > deadline) return [{ kind: 'undeclared', text: 'there is room, and the journal does not look' }];
    agent.passMs(LOOK_MS);
    await sleep(5);
  }
  return [];
}

/** Deeds come in the order in which they were done, whatever the clock said. */
function checkOrder(rows: readonly RecordRow[]): Fault[] {
  let last = -1;
  for (const { parameters, seq } of rows) {
    const match = /^\["(\d+)","open"\]$/.exec(parameters);
    if (match === null) continue;
    const index = Number(match[1]);
    if (index < last) return [{ kind: 'lost', text: `${seq}: deed ${index} comes behind deed ${last}` }];
    last = index;
  }
  return [];
}
