// SPDX-License-Identifier: Apache-2.0

/** What the collector writes into its own log of an erasure. */
import { sworn } from '../../proto/record.ts';
import type { OwnActivity } from '../ingest/own-record.ts';
import { fromBigInt } from '../model/activity.ts';
import { rangeText, type SeqRange, type Tombstone } from '../model/erasure.ts';

const { Action } = sworn.v1.Erasure;

export interface Announcement {
  readonly action: Tombstone['action'];
  readonly identity: string;
  readonly predicate: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly activities: number;
  readonly agents: ReadonlyMap<string, SeqRange>;
  readonly digest: Buffer;
}

function ownErasure(erasure: sworn.v1.Erasure.$Properties, nowMs: number): OwnActivity {
  const timeNs = fromBigInt(BigInt(nowMs) * 1_000_000n);
  const activity = new sworn.v1.Activity({
    timeNs,
    endTimeNs: timeNs,
    identityState: sworn.v1.IdentityState.IDENTITY_STATE_NONE,
    erasure,
  });
  return { kind: 'erasure', activity, host: '' };
}

/** Written before anything goes. */
export function tombstoneRow({ action, agents, ...said }: Announcement, nowMs: number): OwnActivity {
  return ownErasure(
    {
      ...said,
      action: action === 'payload_erased' ? Action.ACTION_PAYLOAD_ERASED : Action.ACTION_ROWS_DROPPED,
      agents: Object.fromEntries([...agents].map(([agentId, range]) => [agentId, rangeText(range)])),
    },
    nowMs,
  );
}

/** Written when all of it has gone, from the disk too. */
export function completionRow(tombstoneSeq: number, nowMs: number): OwnActivity {
  return ownErasure({ action: Action.ACTION_COMPLETED, tombstoneSeq }, nowMs);
}
