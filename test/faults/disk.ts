// SPDX-License-Identifier: Apache-2.0

/**
 * A disk that is full, fails, tears writes and is slow, in turns, while an agent records and delivers, under both policies.
 * What was taken is in ClickHouse once it is well again; payloads that were left out and what there was no room for are
 * counted to the one by losses; under `block` the workloads are to be frozen before anything is refused, and thawed after.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault as DiskFault } from '../../agent/journal/memory-disk.ts';
import type { Fault, Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import { checkRecord, checkVerdicts, isShed, sumOf } from './record-check.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedAgent } from './simulated-agent.ts';

const PHASES_MAX = 6;
const WELL_MS_MAX = 20_000;
/** So long a pause that the journal looks for free space again; by the agent's clock. */
const LOOK_MS = 1100;
const FREE_BYTES_MIN = 100_000;

const FAILURES: readonly DiskFault[] = [
  { code: 'ENOSPC', on: 'write' },
  { code: 'EIO', on: 'write' },
  { code: 'EIO', on: 'sync' },
  { code: 'ENOSPC', on: 'open' },
  { code: 'EIO', on: 'read' },
];

export const disk: Scenario = {
  name: 'disk',
  share: 22,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const collector = await ground.collector();
    const agent = await SimulatedAgent.enrol(collector, random.fork('agent'));
    const whenFull = random.chance(0.5) ? 'shed' : 'block';
    const bounds = {
      whenFull,
      folderBytesMax: random.between(40_000, 300_000),
      pendingBytesMax: random.between(40_000, 200_000),
      diskFreeBytesMin: FREE_BYTES_MIN,
    } as const;
    const faults: Fault[] = [];
    const phases: string[] = [];
    try {
      await agent.open(bounds);
      const delivers = random.chance(0.7);
      if (delivers) agent.deliver();
      for (let left = random.between(1, PHASES_MAX); left > 0; left--) {
        phases.push(makeIll(agent, random));
        await act(agent, random, whenFull, faults);
        makeWell(agent);
        if (random.chance(0.3)) await act(agent, random, whenFull, faults);
      }
      if (!delivers) agent.deliver();
      await isWell(agent, faults);
      await agent.end('stop');
      await agent.open(bounds);
      await agent.settle(bounds);
      const rows = await collector.record(agent.agentId);
      const verdicts = await collector.verdicts(agent.agentId);
      faults.push(...checkRecord(rows, agent.truth), ...checkVerdicts(verdicts, agent.isSealed, rows));
      const shed = rows.filter(isShed).length;
      const told = { shed: sumOf(rows, 'payload_shed'), refused: sumOf(rows, 'no_room') };
      if (told.shed !== shed) faults.push(undeclared(`${shed} payloads were left out, losses tell of ${told.shed}`));
      if (told.refused !== agent.refused) {
        faults.push(undeclared(`${agent.refused} activities were refused, losses tell of ${told.refused}`));
      }
      if (whenFull === 'block' && shed > 0) faults.push(undeclared(`policy block left ${shed} payloads out`));
      const notes = [
        `${whenFull}, ${phases.join(', ')}: ${agent.deeds.length} deeds, ${shed} shed, ${agent.refused} refused`,
      ];
      return { faults, notes };
    } finally {
      agent.remove();
    }
  },
};

function undeclared(text: string): Fault {
  return { kind: 'undeclared', text };
}

function makeIll({ disk: target }: SimulatedAgent, random: Random): string {
  const kind = random.between(0, 3);
  if (kind === 0) {
    const mostMs = random.between(1, 12);
    const pauses = random.fork('pauses');
    target.pause = () => sleep(pauses.between(0, mostMs));
    return 'slow';
  }
  if (kind === 1) {
    target.free = random.chance(0.5) ? FREE_BYTES_MIN * 0.7 : FREE_BYTES_MIN * 0.3;
    return target.free < FREE_BYTES_MIN / 2 ? 'none free' : 'little free';
  }
  if (kind === 2) return 'full folder';
  const failure = FAILURES[random.between(0, FAILURES.length - 1)] as DiskFault;
  target.fault = failure;
  return `${failure.code} on ${failure.on}`;
}

function makeWell({ disk: target }: SimulatedAgent): void {
  target.fault = undefined;
  target.free = Number.POSITIVE_INFINITY;
  target.pause = () => Promise.resolve();
}

async function act(agent: SimulatedAgent, random: Random, whenFull: string, faults: Fault[]): Promise<void> {
  for (let bursts = random.between(1, 6); bursts > 0; bursts--) {
    // As workloads do that are frozen when the journal asks for it: what is under way still comes.
    const refused = agent.refused;
    const mustFreeze = agent.journal.mustFreeze;
    agent.act(mustFreeze ? random.between(0, 3) : random.between(1, 80));
    if (whenFull === 'block' && agent.refused > refused && !agent.journal.mustFreeze) {
      faults.push(undeclared('policy block refused activities, and did not ask to freeze'));
    }
    if (random.chance(0.3)) agent.passMs(LOOK_MS);
    await sleep(random.between(0, 5));
    agent.look();
  }
}

/** Delivery makes room in the folder; then everything is open again by itself, although nothing is appended. */
async function isWell(agent: SimulatedAgent, faults: Fault[]): Promise<void> {
  for (const deadline = Date.now() + WELL_MS_MAX; ; ) {
    agent.passMs(LOOK_MS);
    const { room, trouble, pendingBytes } = agent.journal.state;
    if (room === 'open' && trouble === null && pendingBytes === 0) break;
    if (Date.now() > deadline) {
      faults.push(
        undeclared(`the disk is well again, and the journal is not: ${room}, ${trouble?.code}, ${pendingBytes} bytes`),
      );
      return;
    }
    await sleep(5);
  }
  if (agent.journal.mustFreeze) faults.push(undeclared('there is room again, and workloads are still to be frozen'));
}
