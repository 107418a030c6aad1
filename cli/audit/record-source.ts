// SPDX-License-Identifier: Apache-2.0

/**
 * Where an audit reads from. Everything that comes out of it is a claim: what it is worth is decided by leaves, roots and
 * signatures, never by where it came from.
 */

import type { PageRoom } from './page-room.ts';

export interface CheckpointClaim {
  readonly size: number;
  readonly root: Buffer;
  readonly timeMs: number;
  readonly verdict: string;
  readonly note: string;
  /** The largest first; empty where there are none. */
  readonly subtrees: readonly Buffer[];
  readonly reason: string;
}

export interface KeyClaim {
  readonly agentId: string;
  /** `<name>+<key id>+<base64>`; empty: from then on without a key. */
  readonly verifier: string;
  readonly origin: string;
  readonly timeMs: number;
}

/** A tombstone of a collector's own log, and whether what it announced is done. */
export interface TombstoneClaim {
  readonly agentId: string;
  readonly seq: number;
  readonly action: string;
  readonly reason: string;
  readonly requestedBy: string;
  /** By agent, the first and the last number concerned. */
  readonly agents: ReadonlyMap<string, readonly [first: number, last: number]>;
  readonly activities: number;
  readonly digest: Buffer;
  readonly receivedMs: number;
}

/** Rows of an agent that name the same tombstone. */
export interface ErasedClaim {
  readonly tombstoneSeq: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly rows: number;
}

/** A hole that a collector knows of: activities that were never delivered. */
export interface DeclaredHole {
  readonly agentId: string;
  /** Of the collector's row that declares it. */
  readonly seq: number;
  readonly message: string;
  readonly events: number;
  readonly receivedMs: number;
}

export interface AgentExtent {
  readonly agentId: string;
  /** 0 when there is no row. */
  readonly rows: number;
  readonly highestSeq: number;
}

/** Rows in ClickHouse's Native format, with the columns of row-plan.ts in their order. */
export interface RowPage {
  readonly bytes: Buffer;
  /** A byte for each column, 0 for those that are left out because no row has anything there; undefined when none is. */
  readonly asked: Uint8Array | undefined;
}

export interface RecordSource {
  /** All that have rows or checkpoints. */
  agents(): Promise<readonly AgentExtent[]>;
  keys(): Promise<readonly KeyClaim[]>;
  /** Ordered by size, then time. */
  checkpoints(agentId: string): AsyncIterable<CheckpointClaim>;
  tombstones(): Promise<readonly TombstoneClaim[]>;
  declaredHoles(): Promise<readonly DeclaredHole[]>;
  erased(agentId: string): Promise<readonly ErasedClaim[]>;
  /** Of the rows that name a tombstone, among those that it speaks of: how many, and SHA-256 over their leaves in order. */
  erasedLeaves(tombstone: TombstoneClaim): Promise<{ readonly activities: number; readonly digest: Buffer }>;
  /**
   * Rows with these numbers. With a `room` they may lie there, until it is given again. With `allColumns` none is left out.
   */
  page(agentId: string, firstSeq: number, count: number, room?: PageRoom, allColumns?: boolean): Promise<RowPage>;
  /** The lowest number from `from` on that there is a row of; undefined when there is none. */
  nextSeq(agentId: string, from: number): Promise<number | undefined>;
  /** A tile's hashes; undefined when it is not there. */
  tile(agentId: string, level: number, index: number): Promise<Buffer | undefined>;
  /** Days of receipt (UTC, YYYY-MM-DD) that there are rows of, of any agent. */
  daysWithRows(): Promise<ReadonlySet<string>>;
  /** Day of receipt of a row; undefined when it is not there. */
  dayOf(agentId: string, seq: number): Promise<string | undefined>;
  /**
   * Of the rows from `firstSeq` to `lastSeq` that were stored from `sinceMs` to `untilMs` (since 1970): when the first and the
   * last of them were. Undefined when there is none.
   */
  received(
    agentId: string,
    firstSeq: number,
    lastSeq: number,
    sinceMs: number,
    untilMs: number,
  ): Promise<readonly [firstMs: number, lastMs: number] | undefined>;
  /** Rows with such a stored leaf: where they stand. */
  withLeaf(leaf: Buffer): Promise<readonly { readonly agentId: string; readonly seq: number }[]>;
  /** The rows of a number, in the form of activity-of-row.ts. */
  rows(agentId: string, seq: number): Promise<readonly Readonly<Record<string, unknown>>[]>;
}
