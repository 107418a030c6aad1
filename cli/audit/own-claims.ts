// SPDX-License-Identifier: Apache-2.0

/**
 * Which tombstones and declared holes count. Whoever may write into ClickHouse could say with one row why others are gone: so
 * it has to stand in the log of a collector, and under a checkpoint of it, which that writes within seconds.
 */
import { parseNote } from '../../proto/log/note.ts';
import { checkpointOf } from './checkpoint-points.ts';
import type { KeyRing } from './key-ring.ts';
import type { RecordSource } from './record-source.ts';

/** A collector seals its own rows every ten seconds; this is ample, and what is a guess of clocks. */
const UNSEALED_MS_MAX = 120_000;

export interface OwnClaim {
  readonly agentId: string;
  readonly seq: number;
  /** By the collector's clock. */
  readonly receivedMs: number;
}

/** Of a record without any collector's key all count: nothing in it is sealed. */
export async function believable<Claim extends OwnClaim>(
  source: RecordSource,
  keys: KeyRing,
  claims: readonly Claim[],
  nowMs: number,
): Promise<readonly Claim[]> {
  if (!keys.hasCollectors) return claims;
  const sizes = new Map<string, number>();
  for (const agentId of new Set(claims.map((claim) => claim.agentId))) {
    if (keys.isCollector(agentId)) sizes.set(agentId, await sealedSize(source, keys, agentId));
  }
  return claims.filter(({ agentId, seq, receivedMs }) => {
    const size = sizes.get(agentId);
    if (size === undefined) return false;
    return seq <= size || Math.abs(nowMs - receivedMs) <= UNSEALED_MS_MAX;
  });
}

/** The largest size of a checkpoint that holds: one that a witness was not there for is behind it, not against it. */
async function sealedSize(source: RecordSource, keys: KeyRing, agentId: string): Promise<number> {
  let sealed = 0;
  for await (const { verdict, note, size } of source.checkpoints(agentId)) {
    if (verdict !== 'cosigned' || size <= sealed) continue;
    const checkpoint = checkpointOf(note, agentId);
    if (typeof checkpoint === 'string' || keys.judge(parseNote(note), agentId).fault !== undefined) continue;
    sealed = checkpoint.size;
  }
  return sealed;
}
