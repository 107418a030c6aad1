// SPDX-License-Identifier: Apache-2.0

/** A store with sealed activities, and an eraser over it that writes its own log as the collector does. */
import { leafOf } from '../../proto/leaf.ts';
import type { OwnActivity } from '../ingest/own-record.ts';
import { type Activity, fromBigInt, kindOf } from '../model/activity.ts';
import { dayOf } from '../retention/day-plan.ts';
import { Eraser, type EraserOptions } from '../retention/eraser.ts';
import { ClickHouseErasureStore } from '../store/clickhouse/clickhouse-erasure-store.ts';
import type { EventStore } from '../store/event-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { startEmbeddedStore, type TestStore } from './test-store.ts';

export const OWN_ID = 'test-collector';
const SALT_BYTES = 16;

/** With a leaf of its own: as an agent seals it. */
export function sealed(activity: Activity, agentId: string, host = 'h'): Activity {
  const salt = activity.salt?.length === SALT_BYTES ? activity.salt : Buffer.alloc(SALT_BYTES, 7);
  activity.salt = salt;
  activity.leaf = leafOf(activity, agentId, host);
  return activity;
}

export async function append(store: EventStore, agentId: string, activities: readonly Activity[]): Promise<void> {
  const batch = store.newBatch();
  for (const one of activities) batch.add(kindOf(one)!, sealed(one, agentId), { agentId, host: 'h' });
  await store.append([batch]);
}

export function recordInto(store: EventStore) {
  return async (own: readonly OwnActivity[]): Promise<readonly number[]> => {
    const highest = await store.highestSeq(OWN_ID);
    const seqs = own.map((_, at) => highest + at + 1);
    for (const [at, { activity }] of own.entries()) activity.seq = fromBigInt(BigInt(seqs[at]!));
    await append(
      store,
      OWN_ID,
      own.map(({ activity }) => activity),
    );
    return seqs;
  };
}

export interface ErasureStage extends TestStore {
  readonly erasures: ClickHouseErasureStore;
  eraser(changes?: Partial<EraserOptions>): Eraser;
}

export async function startErasureStage(): Promise<ErasureStage> {
  const running = await startEmbeddedStore();
  const erasures = new ClickHouseErasureStore(running.address!, { kind: 'single' }, OWN_ID);
  const erasers: Eraser[] = [];
  return {
    ...running,
    erasures,
    eraser(changes = {}) {
      const eraser = new Eraser({
        store: erasures,
        record: recordInto(running.store),
        drop: (tombstone) => erasures.dropDay(dayOf(tombstone), tombstone.agents),
        metrics: createCollectorMetrics(),
        log: createLog((process.env['SWORN_TEST_LOG'] ?? 'silent') as 'silent'),
        pollMs: 20,
        ...changes,
      });
      erasers.push(eraser);
      return eraser;
    },
    async stop() {
      // One that is not stopped waits for its old files for ever, and keeps the process.
      await Promise.all(erasers.map((eraser) => eraser.stop()));
      await erasures.close();
      await running.stop();
    },
  };
}
