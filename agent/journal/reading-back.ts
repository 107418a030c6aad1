// SPDX-License-Identifier: Apache-2.0

/** For tests: what a journal holds, decoded, and proved entry by entry as a collector would. */
import assert from 'node:assert/strict';
import { leafOf } from '../../proto/leaf.ts';
import { sworn } from '../../proto/record.ts';
import type { JournalBatch } from './batch-reader.ts';
import type { Journal, ReadOptions } from './journal.ts';

export type Decoded = ReturnType<typeof sworn.v1.Activity.decode>;

/** The activities of a batch, each with the right number and a leaf that is that of its content. */
export function decodeBatch(
  batch: Pick<JournalBatch, 'firstSeq' | 'count' | 'bytes' | 'host'>,
  agentId: string,
): Decoded[] {
  const activities: Decoded[] = [];
  for (let at = 0; at < batch.bytes.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = batch.bytes[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    const activity = sworn.v1.Activity.decode(Buffer.from(batch.bytes.subarray(at, at + length)));
    at += length;
    assert.equal(Number(activity.seq), batch.firstSeq + activities.length);
    assert.deepEqual(Buffer.from(activity.leaf), leafOf(activity, agentId, batch.host), `leaf of ${activity.seq}`);
    activities.push(activity);
  }
  assert.equal(activities.length, batch.count);
  return activities;
}

/** Every entry from `fromSeq` to the last durable one. */
export async function readBack(
  journal: Journal,
  fromSeq = 1,
  options: Partial<Pick<ReadOptions, 'bytesMax' | 'entryBytesMax'>> = {},
): Promise<Decoded[]> {
  const until = journal.durableSeq;
  const activities: Decoded[] = [];
  if (fromSeq > until) return activities;
  const stop = new AbortController();
  for await (const batch of journal.readBatches(fromSeq, {
    bytesMax: 4096,
    lingerMs: 0,
    signal: stop.signal,
    ...options,
  })) {
    assert.equal(batch.firstSeq, fromSeq + activities.length);
    activities.push(...decodeBatch(batch, journal.agentId));
    if (fromSeq + activities.length > until) break;
  }
  return activities;
}
