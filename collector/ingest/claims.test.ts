// SPDX-License-Identifier: Apache-2.0

/**
 * Two writers over one ClickHouse, as two collectors have them: whatever the order in which streams begin, batches come and
 * inserts are held, a number is stored once, and what was acknowledged is stored.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Sender } from '../model/activity.ts';
import { CollectorError } from '../model/error.ts';
import { ClickHouseEventStore } from '../store/clickhouse/clickhouse-event-store.ts';
import { connect } from '../store/clickhouse/client.ts';
import { WRITER_ROLE } from '../store/clickhouse/engine/engine-config.ts';
import { EngineProcess } from '../store/clickhouse/engine/engine-process.ts';
import type { Claim } from '../store/event-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { asReceived } from '../testing/full-activities.ts';
import { type InsertGate, ServerStandIn, STAND_IN_USERS } from '../testing/server-stand-in.ts';
import { removeFolder, temporaryFolder } from '../testing/test-collector.ts';
import { readRows, TEST_LIMITS } from '../testing/test-store.ts';
import { BlockWriter, type WrittenBatch } from './block-writer.ts';

const folder = temporaryFolder();
const log = createLog('silent');
let engine: EngineProcess;
let client: ReturnType<typeof connect>;
let sides: Side[] = [];

interface Side {
  readonly collectorId: string;
  readonly standIn: ServerStandIn;
  readonly store: ClickHouseEventStore;
  readonly writer: BlockWriter;
}

async function newSide(collectorId: string): Promise<Side> {
  const standIn = new ServerStandIn(engine);
  const url = await standIn.listen();
  const as = (username: string) => ({ server: { url, username, password: STAND_IN_USERS[username]!.password } });
  const [writer, reader] = [as('collector'), as('analyst')];
  const store = new ClickHouseEventStore({
    ...{ writer, reader, topology: { kind: 'single' }, collectorId, limits: { ...TEST_LIMITS, seconds: 60 } },
  });
  await store.open();
  const options = { store, metrics: createCollectorMetrics(), log, collectorId, intervalMs: 0, retryMs: 5_000 };
  return { collectorId, standIn, store, writer: new BlockWriter({ ...options, onStored: () => {} }) };
}

before(async () => {
  engine = new EngineProcess({ dataFolder: folder, memoryBytesMax: 2 ** 31, log });
  await engine.start();
  const { socketPath, incomingFolder } = engine;
  client = connect({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, 1);
  sides = [await newSide('collector-a'), await newSide('collector-b')];
});
after(async () => {
  for (const { store, standIn } of sides) {
    await store.close();
    standIn.close();
  }
  await client.close();
  await engine.stop();
  removeFolder(folder);
});

function batchOf({ store }: Side, sender: Sender, firstSeq: number, count: number, alerts: number): WrittenBatch {
  const rows = store.newBatch();
  for (let seq = firstSeq; seq < firstSeq + count; seq++)
    rows.add('command', asReceived({ ...makeActivity(20), seq }), sender);
  const own = Array.from({ length: alerts }, () => ({
    kind: 'alert' as const,
    activity: asReceived({ seq: 0, alert: { alertId: `${sender.agentId}-${firstSeq}`, ruleId: 'r' } }),
    host: 'h',
  }));
  return { firstSeq, lastSeq: firstSeq + count - 1, rows, own, seen: undefined, word: undefined };
}

interface Extent {
  readonly agent_id: string;
  readonly all: number;
  readonly seqs: number;
  readonly first: number;
  readonly last: number;
}

async function extentsOf(agents: readonly string[]): Promise<Map<string, Extent>> {
  const answer = await client.query({
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    query: `SELECT agent_id, count() AS all, uniqExact(seq) AS seqs, min(seq) AS first, max(seq) AS last FROM sworn.activities
     WHERE agent_id IN (${agents.map((agent) => `'${agent}'`).join(', ')}) GROUP BY agent_id`,
  });
  const rows = await answer.json<Extent>();
  return new Map(rows.map((row) => [row.agent_id, row]));
}

function isWhole(extent: Extent | undefined): void {
  if (extent === undefined) return;
  const { all, seqs, first, last } = extent;
  assert.deepEqual({ all, seqs, first }, { all: last, seqs: last, first: 1 }, JSON.stringify(extent));
}

/** Gates that a schedule opens one by one, and all at its end. */
class Gates {
  readonly #held: (() => void)[] = [];
  #isOpen = false;

  hold(): Promise<void> {
    return new Promise((resolve) => (this.#isOpen ? resolve() : this.#held.push(resolve)));
  }

  release(): void {
    this.#held.shift()?.();
  }

  open(): void {
    this.#isOpen = true;
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

/** One stream: its agent's claim at one collector, and what it sends after that. */
class Stream {
  readonly #side: Side;
  readonly #sender: Sender;
  readonly begun: Promise<{ claim: Claim; storedSeq: number }>;
  #lastSeq: number | undefined;
  /** Of all that was acknowledged. */
  acknowledged = 0;

  constructor(side: Side, agentId: string, older: Promise<unknown>) {
    this.#side = side;
    this.#sender = { agentId, host: 'h' };
    // A collector ends its own older stream of an agent first.
    this.begun = older.then(async () => {
      const claim = await side.store.claim(agentId);
      const storedSeq = await side.store.highestSeq(agentId);
      side.writer.admit(claim, storedSeq);
      return { claim, storedSeq };
    });
  }

  async send(count: number, alerts: number): Promise<string> {
    const { storedSeq } = await this.begun;
    const firstSeq = (this.#lastSeq ?? storedSeq) + 1;
    this.#lastSeq = firstSeq + count - 1;
    const lastSeq = this.#lastSeq;
    try {
      await this.#side.writer.write(this.#sender, batchOf(this.#side, this.#sender, firstSeq, count, alerts));
      this.acknowledged = Math.max(this.acknowledged, lastSeq);
      return 'stored';
    } catch (error) {
      if (error instanceof CollectorError) return error.code;
      throw error;
    }
  }
}

const GATE = fc.oneof(
  { weight: 8, arbitrary: fc.constant('pass' as const) },
  { weight: 6, arbitrary: fc.constant('before' as const) },
  { weight: 6, arbitrary: fc.constant('rows' as const) },
  { weight: 1, arbitrary: fc.constant('lose' as const) },
);
const AGENT = fc.nat(1);
const STEP = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('begin' as const), agent: AGENT, at: fc.nat(1) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      agent: AGENT,
      /** The newest stream, or the one before it. */
      age: fc.nat(1),
      count: fc.integer({ min: 1, max: 5 }),
      alerts: fc.nat(1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), ms: fc.nat(20) }) },
);

let runs = 0;

async function run(steps: readonly (typeof STEP extends fc.Arbitrary<infer T> ? T : never)[], gates: string[]) {
  runs += 1;
  const held = new Gates();
  const plan = [...gates];
  for (const { standIn } of sides) {
    standIn.gate = (): InsertGate => {
      const gate = plan.shift();
      if (gate === 'before') return { before: held.hold() };
      if (gate === 'rows') return { rows: held.hold() };
      return { loseAnswer: gate === 'lose' };
    };
  }
  const names = [0, 1].map((agent) => `agent-${runs}-${agent}`);
  const streams: { stream: Stream; at: number }[][] = [[], []];
  const sent: Promise<string>[][] = [[], []];
  const ofSide = new Map<string, Promise<unknown>[]>();
  for (const step of steps) {
    if (step.do === 'release') {
      held.release();
      await new Promise((resolve) => setTimeout(resolve, step.ms));
    } else if (step.do === 'begin') {
      const key = `${step.agent} ${step.at}`;
      const older = Promise.all(ofSide.get(key) ?? []);
      const stream = new Stream(sides[step.at]!, names[step.agent]!, older);
      ofSide.set(key, [stream.begun]);
      streams[step.agent]!.push({ stream, at: step.at });
    } else {
      const { stream, at } = streams[step.agent]!.at(-1 - step.age) ?? {};
      if (stream === undefined) continue;
      const isItsCollectorsNewest = streams[step.agent]!.findLast((one) => one.at === at)?.stream === stream;
      if (!isItsCollectorsNewest) continue;
      const sending = stream.send(step.count, step.alerts);
      sent[step.agent]!.push(sending);
      ofSide.get(`${step.agent} ${at}`)!.push(sending);
    }
  }
  held.open();
  const outcomes = await Promise.all(sent.flat());
  for (const { standIn } of sides) standIn.gate = () => ({});
  const extents = await extentsOf([...names, ...sides.map(({ collectorId }) => collectorId)]);
  for (const extent of extents.values()) isWhole(extent);
  for (const [agent, name] of names.entries()) {
    const acknowledged = Math.max(0, ...streams[agent]!.map(({ stream }) => stream.acknowledged));
    assert.ok((extents.get(name)?.last ?? 0) >= acknowledged, `${name}: ${acknowledged} were acknowledged`);
  }
  return outcomes;
}

describe('two collectors with one ClickHouse', () => {
  it('store each number of an agent once, and all that they acknowledge, in any order of events', async () => {
    const seed = Number(process.env['SWORN_TEST_SEED'] ?? 6);
    const seen = new Set<string>();
    const schedule = fc.tuple(fc.array(STEP, { minLength: 4, maxLength: 10 }), fc.array(GATE, { maxLength: 6 }));
    await fc.assert(
      fc.asyncProperty(schedule, async ([steps, gates]) => {
        // Both agents begin somewhere.
        const begin = [0, 1].map((agent) => ({ do: 'begin' as const, agent, at: agent }));
        for (const outcome of await run([...begin, ...steps], gates)) seen.add(outcome);
      }),
      { numRuns: Number(process.env['SWORN_TEST_RUNS'] ?? 60), seed, endOnFailure: true },
    );
    // The schedules reach what they are made for.
    assert.ok(seen.has('stored') && seen.has('claim_lost'), [...seen].join(' '));
  });

  it('take blocks of two thousand agents under their claims', async () => {
    const [side] = sides;
    const agents = Array.from(
      { length: 2_000 },
      (_, at) => `one-of-many-with-a-name-as-long-as-names-of-hosts-get-${at}`,
    );
    const claims = await Promise.all(agents.map((agentId) => side!.store.claim(agentId)));
    const rows = side!.store.newBatch();
    for (const agentId of agents)
      rows.add('command', asReceived({ ...makeActivity(20), seq: 1 }), { agentId, host: 'h' });
    await side!.store.append([rows], claims);
    const taken = await sides[1]!.store.claim(agents[1_000]!);
    assert.deepEqual(await side!.store.lost(claims), new Set([claims[1_000]]));
    assert.deepEqual(await side!.store.lost([taken]), new Set());
    await assert.rejects(side!.store.append([rows], claims), { code: 'claim_lost' });
    const [row] = await readRows<{ all: string; parts: string }>(
      side!.store,
      "SELECT count() AS all, uniqExact(_part) AS parts FROM activities WHERE startsWith(agent_id, 'one-of-many-')",
    );
    assert.deepEqual(row, { all: '2000', parts: '1' });
  });
});
