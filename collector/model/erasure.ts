// SPDX-License-Identifier: Apache-2.0

/** What an erasure is asked to take out, and what a tombstone says of it. */
import type { Kind } from './activity.ts';

/** All that is named must hold. Times are milliseconds since 1970. */
export interface ErasurePredicate {
  /** Id or name of who acted, or of the human for whom it was done. */
  readonly identity?: string;
  readonly session?: string;
  readonly agent?: string;
  readonly kinds?: readonly Kind[];
  /** By the clock of the host. */
  readonly sinceMs?: number;
  readonly beforeMs?: number;
  /** By the clock of the collector. */
  readonly receivedBeforeMs?: number;
  readonly exceptIdentities?: readonly string[];
}

/** The first and the last seq of an agent's rows that are concerned. */
export interface SeqRange {
  readonly first: number;
  readonly last: number;
}

export interface Tombstone {
  /** In the log of the collector that wrote it. */
  readonly seq: number;
  readonly action: 'payload_erased' | 'rows_dropped';
  readonly predicate: string;
  readonly agents: ReadonlyMap<string, SeqRange>;
  readonly activities: number;
  readonly digest: Buffer;
}

/** As it stands in the tombstone: JSON, keys in order. */
export function predicateText(predicate: ErasurePredicate): string {
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(predicate)
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  );
}

export function readRange(text: string): SeqRange {
  const [first = 0, last = 0] = text.split('-').map(Number);
  return { first, last };
}

export function rangeText({ first, last }: SeqRange): string {
  return `${first}-${last}`;
}
