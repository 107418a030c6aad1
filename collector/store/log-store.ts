// SPDX-License-Identifier: Apache-2.0

/**
 * What the sealing of the record needs of the database: leaves in order, checkpoints, keys, tiles. Rows are only ever added;
 * the same row twice does no harm, so an insert of unknown outcome is simply made again.
 *
 * Errors   CollectorError `store_unavailable`, `engine_failed` or `store_rejected`
 */

export type CheckpointVerdict = 'cosigned' | 'forked' | 'rolled_back' | 'key_changed' | 'bad_signature' | 'wrong_root';

export interface CheckpointRow {
  readonly agentId: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly timeMs: number;
  readonly verdict: CheckpointVerdict;
  /** The whole signed note. */
  readonly note: string;
  /** The largest first; empty unless it is cosigned. */
  readonly subtrees: readonly Uint8Array[];
  readonly reason: string;
}

export interface LogKeyRow {
  readonly agentId: string;
  /** `<name>+<key id>+<base64>`; empty for "none". */
  readonly verifier: string;
  readonly origin: 'first_seen' | 'accepted' | 'own' | 'witness';
  readonly timeMs: number;
}

export interface TileRow {
  readonly agentId: string;
  readonly level: number;
  readonly index: number;
  /** 32 bytes each, in a row. */
  readonly hashes: Uint8Array;
  readonly timeMs: number;
}

/** A stored activity's place in its log; a row that has no leaf has one of zeros. */
export interface StoredLeaf {
  readonly seq: number;
  readonly leaf: Buffer;
}

export interface LogStore {
  appendCheckpoints(rows: readonly CheckpointRow[]): Promise<void>;
  appendKeys(rows: readonly LogKeyRow[]): Promise<void>;
  appendTiles(rows: readonly TileRow[]): Promise<void>;

  /** The cosigned checkpoint of the largest size up to `sizeMax`; of several the latest. */
  cosigned(agentId: string, sizeMax?: number): Promise<CheckpointRow | undefined>;

  /** The oldest first. */
  keys(agentId: string): Promise<readonly LogKeyRow[]>;
  /** Keys of all collectors that have written here. */
  collectorKeys(): Promise<readonly LogKeyRow[]>;

  /** Leaves of seq `from` to `to`, in order, at most `limit`; a seq that is stored twice comes twice. */
  leaves(agentId: string, from: number, to: number, limit: number): Promise<readonly StoredLeaf[]>;

  /** A tile's hashes; undefined when it is not there. */
  tile(agentId: string, level: number, index: number): Promise<Buffer | undefined>;
  /** One beyond the highest index of a level; 0 when there is none. */
  tilesEnd(agentId: string, level: number): Promise<number>;

  close(): Promise<void>;
}
