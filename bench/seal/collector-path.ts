// SPDX-License-Identifier: Apache-2.0

/** What sealing costs a collector: the same batches into it from an agent with checkpoints and from one without a key. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { sworn } from '../../proto/record.ts';
import { RealCollector } from './real-collector.ts';
import { SealedLog } from './sealed-log.ts';

const BATCH = 2000;
const AGENT_ID = 'bench-agent';
/** As an agent that is never idle makes them. */
const CHECKPOINT_ACTIVITIES = 100_000;
/** Whole tiles are read back and written behind the last checkpoint: until nothing is done any more. */
const SETTLED_MS = 500;
const SETTLED_CPU_US = 50_000;

export interface CollectorRun {
  readonly perSecond: number;
  /** CPU time, microseconds an activity, with what is done behind the last receipt. */
  readonly collectorUs: number;
  readonly engineUs: number;
}

export interface MadeLog {
  readonly activities: number;
  readonly keyLine: string;
  readonly deliveries: readonly { readonly bytes: Buffer; readonly isCheckpoint: boolean }[];
}

/** Checkpoints each `checkpointActivities`, and of the end. */
export function makeLog(activities: number, checkpointActivities = CHECKPOINT_ACTIVITIES): MadeLog {
  const log = new SealedLog(AGENT_ID, `host-of-${AGENT_ID}`);
  const deliveries: { bytes: Buffer; isCheckpoint: boolean }[] = [];
  for (let made = 0; made < activities; ) {
    const count = Math.min(BATCH, activities - made);
    deliveries.push({ bytes: log.batch(count), isCheckpoint: false });
    made += count;
    if (made % checkpointActivities === 0 || made === activities)
      deliveries.push({ bytes: log.checkpoint(), isCheckpoint: true });
  }
  return { activities, keyLine: log.keyLine, deliveries };
}

/** Resolves when all is stored and, when it is `sealed`, cosigned. */
export async function deliver(collector: RealCollector, log: MadeLog, sealed: boolean): Promise<void> {
  const agent = collector.connect();
  const { keyLine, deliveries, activities } = log;
  const seal: sworn.v1.Hello.$Properties = sealed ? { sealKey: keyLine, firstSeq: 1, lastSeq: activities } : {};
  await agent.hello(seal);
  let awaited = 0;
  for (const { bytes, isCheckpoint } of deliveries) {
    if (isCheckpoint && !sealed) continue;
    if (isCheckpoint) awaited += 1;
    if (!agent.send(bytes)) await agent.drained();
  }
  await agent.stored(activities);
  for (; awaited > 0; awaited -= 1) if ((await agent.cosigned()) === undefined) throw new Error('it was not cosigned');
  agent.close();
}

export async function throughCollector(log: MadeLog, sealed: boolean): Promise<CollectorRun> {
  const collector = await RealCollector.start();
  try {
    await settled(collector);
    const before = collector.cpu;
    const beforeMs = performance.now();
    await deliver(collector, log, sealed);
    const seconds = (performance.now() - beforeMs) / 1000;
    const after = await settled(collector);
    return {
      perSecond: log.activities / seconds,
      collectorUs: (after.collectorUs - before.collectorUs) / log.activities,
      engineUs: (after.engineUs - before.engineUs) / log.activities,
    };
  } finally {
    await collector.stop();
  }
}

/** Resolves when collector and engine do next to nothing, with their CPU until then. */
export async function settled(collector: RealCollector): Promise<RealCollector['cpu']> {
  for (let before = collector.cpu; ; ) {
    await sleep(SETTLED_MS);
    const now = collector.cpu;
    if (now.collectorUs + now.engineUs - before.collectorUs - before.engineUs < SETTLED_CPU_US) return now;
    before = now;
  }
}
