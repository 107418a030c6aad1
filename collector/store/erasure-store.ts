// SPDX-License-Identifier: Apache-2.0

/**
 * What erasure and retention need of the database. Everything may be asked again after a failure: what is done already is not
 * done twice.
 *
 * Errors   CollectorError `store_unavailable`, `engine_failed` or `store_rejected`
 */
import type { ErasurePredicate, SeqRange, Tombstone } from '../model/erasure.ts';

export interface AgentCount extends SeqRange {
  readonly agentId: string;
  readonly activities: number;
}

/** What of an agent was received on one day. */
export interface DayOfAgent extends AgentCount {
  /** YYYY-MM-DD, by the collector's clock in UTC. */
  readonly day: string;
}

/** Leaves of rows, in the order of agent id and seq. */
export interface LeavesDigest {
  readonly activities: number;
  readonly digest: Buffer;
}

export interface MutationProgress {
  readonly isDone: boolean;
  readonly partsLeft: number;
  /** Why the last attempt at a part failed; '' when none did. It is made again. */
  readonly failure: string;
}

export interface ErasureStore {
  /** Rows that hold payload and match, by agent. */
  matching(predicate: ErasurePredicate): Promise<readonly AgentCount[]>;
  /** Over the rows that match and lie in these ranges. */
  digestOfMatching(predicate: ErasurePredicate, agents: ReadonlyMap<string, SeqRange>): Promise<LeavesDigest>;

  /** How many rows of a tombstone still have their payload. */
  remaining(tombstone: Tombstone): Promise<number>;
  /** Begin to erase the rows of a tombstone; does not wait for it. */
  beginErase(tombstone: Tombstone): Promise<void>;
  /** Of the erasure that was begun last for a tombstone; undefined when there is none. */
  progress(tombstone: Tombstone): Promise<MutationProgress | undefined>;
  /** Over the rows that carry the number of this tombstone. */
  digestOfErased(tombstone: Tombstone): Promise<LeavesDigest>;

  /** Files of parts that are not in use any more and still on disk. They hold what the rows were. */
  oldParts(): Promise<readonly string[]>;

  /** Tombstones of this collector that are not completed, oldest first. */
  pending(): Promise<readonly Tombstone[]>;

  /** Tombstones are left out: they are kept. */
  days(): Promise<readonly DayOfAgent[]>;
  /** Over the rows of a day that lie in these ranges, tombstones left out. */
  digestOfDay(day: string, agents: ReadonlyMap<string, SeqRange>): Promise<LeavesDigest>;
  /** Seqs of tombstones of a day, by agent. */
  tombstonesOfDay(day: string): Promise<readonly { readonly agentId: string; readonly seq: number }[]>;
  /** Remove the rows of a day that lie in these ranges, tombstones left out; resolves when they are gone. */
  dropDay(day: string, agents: ReadonlyMap<string, SeqRange>): Promise<void>;

  /** Keep what became of alerts for so many days; null: for ever. */
  keepDeliveries(days: number | null): Promise<void>;

  close(): Promise<void>;
}
