// SPDX-License-Identifier: Apache-2.0

/**
 * How many activities a second does a collector take, and what do they weigh on disk?
 *
 * A real collector with embedded ClickHouse in processes of its own; a sender that delivers batches made beforehand over
 * the real gRPC stream with mutual TLS, and waits for the last acknowledgement. All on the same cores. In turns with it the
 * floor: the same rows, in the store's own form already, inserted into a store without stream, decoding and rules.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Activity, type Kind, kindOf } from '../collector/model/activity.ts';
import { connect } from '../collector/store/clickhouse/client.ts';
import { WRITER_ROLE } from '../collector/store/clickhouse/engine/engine-config.ts';
import { EngineProcess } from '../collector/store/clickhouse/engine/engine-process.ts';
import { createLog } from '../collector/telemetry/log.ts';
import { makeActivity } from '../collector/testing/activity-maker.ts';
import { makeBatch } from '../collector/testing/batch-maker.ts';
import { TestAgent } from '../collector/testing/test-agent.ts';
import { startEmbeddedStore } from '../collector/testing/test-store.ts';
import type { AgentCertificate } from '../collector/trust/certificates.ts';
import { sworn } from '../proto/record.ts';
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { peakMib } from './machine.ts';
import { started } from './started.ts';
import { median, medianInterval, rounded } from './statistics.ts';

const ROUNDS = 7;
const ACTIVITIES = 400_000;
const BATCH = 2000;
/** As large as blocks become under load. */
const BLOCK = 50_000;

interface Round {
  readonly activities: number;
  readonly perSecond: number;
  readonly storeAlonePerSecond: number;
  readonly bytesPerRow: number;
  readonly collectorMib: number;
  readonly engineMib: number;
}

export const ingest: Bench = {
  question: 'How many activities a second does a collector take, and what do they weigh on disk?',
  run,
  table,
};

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  const activities = quick ? ACTIVITIES / 10 : ACTIVITIES;
  say(`making ${activities} activities`);
  const batches = Array.from({ length: activities / BATCH }, (_, i) => makeBatch(1 + i * BATCH, BATCH));
  const rounds: Round[] = [];
  for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
    const stored = i % 2 === 0 ? await throughCollector(batches, activities) : undefined;
    const storeAlonePerSecond = await intoStoreAlone(activities);
    const round = { activities, storeAlonePerSecond, ...(stored ?? (await throughCollector(batches, activities))) };
    rounds.push(round);
    say(
      `round ${i + 1}: ${Math.round(round.perSecond)} activities/s, store alone ${Math.round(round.storeAlonePerSecond)}/s`,
    );
  }
  const rates = rounds.map(({ perSecond }) => perSecond);
  const [low, high] = medianInterval(rates);
  return {
    summary: {
      activities_per_second: Math.round(median(rates)),
      interval: [Math.round(low), Math.round(high)],
      store_alone_per_second: Math.round(median(rounds.map((round) => round.storeAlonePerSecond))),
      of_store_alone: rounded(median(rounds.map((round) => round.perSecond / round.storeAlonePerSecond))),
      bytes_per_row: rounded(median(rounds.map((round) => round.bytesPerRow)), 1),
      collector_mb: Math.round(Math.max(...rounds.map((round) => round.collectorMib))),
      engine_mb: Math.round(Math.max(...rounds.map((round) => round.engineMib))),
    },
    raw: { batch: BATCH, block: BLOCK, rounds },
  };
}

async function throughCollector(
  batches: readonly Buffer[],
  activities: number,
): Promise<Pick<Round, 'perSecond' | 'bytesPerRow' | 'collectorMib' | 'engineMib'>> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
  try {
    const collector = await started([process.execPath, join(import.meta.dirname, 'ingest-collector.ts'), folder]);
    const agent = new TestAgent(collector.said['port'] as number, collector.said['certificate'] as AgentCertificate);
    await agent.hello();
    const before = performance.now();
    for (const batch of batches) if (!agent.send(batch)) await agent.drained();
    await agent.stored(activities);
    const seconds = (performance.now() - before) / 1000;
    const memory = { collectorMib: peakMib(collector.pid), engineMib: peakMib(childOf(collector.pid)) };
    agent.close();
    await collector.stop();
    return {
      perSecond: activities / seconds,
      bytesPerRow: await bytesPerRow(join(folder, 'store'), activities),
      ...memory,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
}

/** What the parts weigh that hold the rows, by ClickHouse's own books. Checks that the rows are all there. */
async function bytesPerRow(dataFolder: string, activities: number): Promise<number> {
  const engine = new EngineProcess({ dataFolder, memoryBytesMax: 2 ** 31, log: createLog('silent') });
  await engine.start();
  const { socketPath, incomingFolder } = engine;
  const client = connect({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, 1);
  try {
    const query = `SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts
      WHERE active AND database = 'sworn' AND table = 'activities'`;
    const [sum] = await (await client.query({ query, format: 'JSONEachRow' })).json<{ bytes: string; rows: string }>();
    if (Number(sum?.rows) !== activities) throw new Error(`${sum?.rows} rows are stored of ${activities}`);
    return Number(sum?.bytes) / activities;
  } finally {
    await client.close();
    await engine.stop();
  }
}

/** Rows a second. */
async function intoStoreAlone(activities: number): Promise<number> {
  const { store, stop } = await startEmbeddedStore();
  const sender = { agentId: 'bench-agent', host: 'host-of-bench-agent' };
  try {
    const blocks = Array.from({ length: Math.ceil(activities / BLOCK) }, (_, i) => {
      const block = store.newBatch();
      for (let seq = 1 + i * BLOCK; seq <= Math.min(activities, (i + 1) * BLOCK); seq++) {
        const activity = decoded(seq);
        block.add(kindOf(activity) as Kind, activity, sender);
      }
      return block;
    });
    const before = performance.now();
    for (const block of blocks) await store.append([block]);
    return activities / ((performance.now() - before) / 1000);
  } finally {
    await stop();
  }
}

/** As it comes out of a batch. */
function decoded(seq: number): Activity {
  return sworn.v1.Activity.decode(sworn.v1.Activity.encode(makeActivity(seq)).finish());
}

function table({ summary }: BenchResult): string {
  const { interval, ...figures } = summary as Record<string, number> & { interval: number[] };
  return [
    '',
    `${figures['activities_per_second']} activities/s stored and acknowledged  [${interval.join(', ')}]`,
    `${figures['store_alone_per_second']} rows/s into the store alone: the whole path reaches ${figures['of_store_alone']} of that`,
    `${figures['bytes_per_row']} bytes a row on disk; collector ${figures['collector_mb']} MB, engine ${figures['engine_mb']} MB at most`,
  ].join('\n');
}
