// SPDX-License-Identifier: Apache-2.0

/**
 * An agent whose disk is replaced by an older image of itself, and goes on under the same id: at a point that the collector
 * had passed or not, with or without having recorded more than the collector has before it connects. Nothing that was stored
 * changes, and nothing of the other history is merged into it unsaid: the agent is refused, or its own copies stand behind
 * what was stored and a finding or alert says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Outcome } from './fault.ts';
import type { Ground } from './ground.ts';
import { Random } from './random.ts';
import type { RecordRow } from './record-check.ts';
import type { Scenario } from './scenario.ts';
import { FOLDER, SimulatedAgent } from './simulated-agent.ts';

/** How the delivery says that the journal is not the one that was recorded. */
const TOLD = new Set(['delivery_rolled_back', 'delivery_forked']);
const ANSWER_MS_MAX = 15_000;
/** The last checkpoint is judged. */
const COSIGN_MS_MAX = 5000;

export const image: Scenario = {
  name: 'image',
  share: 3,
  async run(seed: number, ground: Ground): Promise<Outcome> {
    const random = new Random(seed);
    const collector = await ground.collector();
    const agent = await SimulatedAgent.enrol(collector, random.fork('agent'));
    ground.forked.add(agent.agentId);
    try {
      await agent.open();
      agent.act(random.between(1, 40));
      await agent.end('stop');
      const before = snapshot(agent, random.chance(0.7));
      await agent.open();
      agent.act(random.between(2, 80));
      await agent.settle();
      const stored = await collector.record(agent.agentId);
      await restore(agent, before);
      // Its own history goes on from there, past what is stored or not.
      await agent.open();
      const isPast = random.chance(0.5);
      agent.act(isPast ? stored.length + 20 : random.between(0, 2));
      await agent.journal.flush();
      const others = agent.leavesNow();
      agent.deliver();
      let told = await answer(agent);
      await agent.sink!.stop(COSIGN_MS_MAX);
      await agent.end('stop');
      // All was stored before the checkpoint behind it was judged.
      told ??= [...(await collector.verdicts(agent.agentId)).keys()].find((verdict) => verdict !== 'cosigned');
      const after = await collector.record(agent.agentId);
      const faults = checkKept(stored, after);
      // Without a seal only numbers tell one history from another: docs/AUDITOR.md says so.
      if (
        agent.isSealed &&
        told === undefined &&
        after.length > stored.length &&
        hasOther(others, after, stored.length)
      ) {
        faults.push({ kind: 'undeclared', text: 'two histories were merged into one, and nothing says so' });
      }
      const what = `${before.isWhole ? 'whole' : 'journal only'}, ${stored.length} stored, the image ends at ${before.lastSeq}, ${isPast ? 'goes past' : 'stays behind'}`;
      return { faults, notes: [`${what}: ${told ?? 'went on'}`] };
    } finally {
      agent.remove();
    }
  },
};

interface Snapshot {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly lastSeq: number;
  readonly isWhole: boolean;
}

/** Of the journal and of what the agent knows besides, or of the journal alone. */
function snapshot({ disk, journal }: SimulatedAgent, isWhole: boolean): Snapshot {
  const paths = disk.names('').map((name) => `/${name}`);
  const taken = paths.filter((path) => isWhole || path.startsWith(FOLDER));
  const files = taken.map((path) => [path, Buffer.from(disk.contentOf(path))] as const);
  return { files: new Map(files), lastSeq: journal.state.lastSeq, isWhole };
}

async function restore({ disk }: SimulatedAgent, { files, isWhole }: Snapshot): Promise<void> {
  for (const name of disk.names('')) {
    if (!files.has(`/${name}`) && (isWhole || `/${name}`.startsWith(FOLDER))) await disk.remove(`/${name}`);
  }
  for (const [path, bytes] of files) disk.replace(path, bytes);
}

/** The code of the refusal; undefined when everything was taken. */
async function answer(agent: SimulatedAgent): Promise<string | undefined> {
  for (const deadline = Date.now() + ANSWER_MS_MAX; ; ) {
    const { storedSeq, error } = agent.sink!.state;
    if (error !== null && TOLD.has(error.code)) return error.code;
    if (storedSeq >= agent.journal.state.lastSeq) return undefined;
    if (Date.now() > deadline) throw new Error(`no answer, at ${storedSeq}: ${error?.message}`);
    await sleep(5);
  }
}

/** What was stored is as it was. */
function checkKept(stored: readonly RecordRow[], after: readonly RecordRow[]): Fault[] {
  const faults: Fault[] = [];
  for (const [at, { seq, leaf }] of stored.entries()) {
    const row = after[at];
    if (row?.seq !== seq)
      faults.push({ kind: 'lost', text: `${seq} was stored, and ${row?.seq ?? 'nothing'} is there` });
    else if (row.leaf !== leaf) faults.push({ kind: 'lost', text: `${seq} was stored, and is another activity now` });
  }
  return faults;
}

/** Whether entries of the other history stand at numbers that were stored before: then some of it is nowhere. */
function hasOther(others: ReadonlyMap<number, string>, after: readonly RecordRow[], storedCount: number): boolean {
  const leaves = new Map(after.map(({ seq, leaf }) => [Number(seq), leaf]));
  for (const [seq, leaf] of others) if (seq <= storedCount && leaves.get(seq) !== leaf) return true;
  return false;
}
