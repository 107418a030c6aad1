// SPDX-License-Identifier: Apache-2.0

/**
 * Bits turn and sectors are lost in the journal's files, while no agent has them or while one reads them. Each entry is then
 * itself or a loss at its number, few are lost for each fault, and nothing else changes. What the collector had acknowledged
 * before stays as it was.
 */
import { join } from 'node:path';
import { FRAMES_START } from '../../agent/journal/segment-format.ts';
import type { Fault, Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import { checkRecord, checkVerdicts, type RecordRow } from './record-check.ts';
import type { Scenario } from './scenario.ts';
import { FOLDER, SimulatedAgent } from './simulated-agent.ts';

const BURSTS_MAX = 12;
/** A group is written with one mark behind it; without a length or a mark, no more than two of them are unreadable. */
const GROUP_BYTES = 8192;
const ENTRY_BYTES_LEAST = 400;
const LOST_BY_FAULT_MAX = (2 * GROUP_BYTES) / ENTRY_BYTES_LEAST;
const SECTOR_BYTES = 512;

export const rot: Scenario = {
  name: 'rot',
  share: 22,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const collector = await ground.collector();
    const agent = await SimulatedAgent.enrol(collector, random.fork('agent'));
    try {
      await agent.open();
      const delivers = random.chance(0.4);
      if (delivers) agent.deliver();
      for (let bursts = random.between(1, BURSTS_MAX); bursts > 0; bursts--) {
        agent.act(random.between(1, 40));
        await agent.journal.flush();
      }
      const isOpen = !delivers && random.chance(0.3);
      if (!isOpen) await agent.end('stop');
      const before = agent.acknowledgedSeq;
      // What nobody acknowledged may rot into losses; what was acknowledged is beyond it.
      const hits = damage(agent, random, isOpen);
      if (!isOpen) await agent.open();
      agent.act(random.between(0, 20));
      await agent.settle();
      const rows = await collector.record(agent.agentId);
      const verdicts = await collector.verdicts(agent.agentId);
      const truth = { ...agent.truth, mayBeLost: (seq: number) => seq > before };
      const faults = [
        ...checkRecord(rows, truth),
        ...checkVerdicts(verdicts, agent.isSealed, rows),
        ...checkExtent(rows, hits),
      ];
      const notes = [
        `${hits.length} faults${isOpen ? ' under an open journal' : ''}: ${agent.deeds.length} deeds, ${rows.length} rows`,
      ];
      return { faults, notes };
    } finally {
      agent.remove();
    }
  },
};

/** Where it was hit. */
function damage({ disk }: SimulatedAgent, random: Random, isOpen: boolean): string[] {
  const hits: string[] = [];
  const names = disk.names(FOLDER).filter((name) => name.endsWith('.segment'));
  for (let left = random.between(1, 3); left > 0 && names.length > 0; left--) {
    const name = names[random.between(0, names.length - 1)] as string;
    const bytes = disk.contentOf(join(FOLDER, name));
    // Headers are read once, when the journal is opened.
    const at = random.between(isOpen ? FRAMES_START : 0, bytes.length - 1);
    if (random.chance(0.7)) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.between(0, 7)), at);
    else bytes.fill(random.chance(0.5) ? 0 : 0xff, at, Math.min(bytes.length, at + SECTOR_BYTES));
    hits.push(`${name} ${at}`);
  }
  return hits;
}

/** A fault costs what is near it. */
function checkExtent(rows: readonly RecordRow[], hits: readonly string[]): Fault[] {
  const replaced = rows.filter(
    ({ kind, place, reason }) => kind === 'loss' && place === 'journal' && reason === 'damaged',
  );
  if (replaced.length <= hits.length * LOST_BY_FAULT_MAX) return [];
  return [{ kind: 'lost', text: `${replaced.length} entries were lost by ${hits.length} faults (${hits.join(', ')})` }];
}
