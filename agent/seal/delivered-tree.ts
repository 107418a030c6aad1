// SPDX-License-Identifier: Apache-2.0

/**
 * The Merkle tree over what was delivered: leaf n is the leaf of activity n + 1 as it went over the wire. It runs ahead with
 * what is sent, and keeps a point for each batch on its way; what the collector has stored is final, and a new stream begins
 * at the last point that is.
 */
import { HASH_BYTES, MerkleFrontier, nodeHash } from '../../proto/log/merkle.ts';

/** How far a tree goes: its complete subtrees at that size, the largest first. */
export interface TreePoint {
  readonly size: number;
  readonly subtrees: readonly Buffer[];
}

/** A batch as the journal gives it: entries `firstSeq` and on, each a varint length and an encoded activity. */
export interface LeafBatch {
  readonly firstSeq: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** As `appendLeaves` of agent/source/ebpf/addon.ts. */
export type AppendLeaves = (
  subtrees: Uint8Array,
  size: number,
  batch: Uint8Array,
  skip: number,
  count: number,
) => number;

export const EMPTY_TREE: TreePoint = { size: 0, subtrees: [] };

/** As many subtrees as a size below 2^53 can have, and the leaf that is added. */
const HASHES_MAX = 54;

export class DeliveredTree {
  readonly #append: AppendLeaves;
  readonly #stack = Buffer.alloc(HASHES_MAX * HASH_BYTES);
  #size = 0;
  #stored: TreePoint;
  /** The ends of batches that are on their way, the oldest first. */
  #sent: TreePoint[] = [];

  constructor(from: TreePoint, append: AppendLeaves = appendLeaves) {
    this.#append = append;
    this.#stored = from;
    this.#restore();
  }

  /** With all that was sent. */
  get size(): number {
    return this.#size;
  }

  /** Up to where all is stored by the collector, as far as ends of batches tell. */
  get stored(): TreePoint {
    return this.#stored;
  }

  get root(): Buffer {
    return rootAt(this.#point());
  }

  /**
   * Goes on over a batch; entries that it holds already are passed over, those above `toSeq` left out.
   *
   * Errors   RangeError when the batch begins beyond its end, or is none; it stays as it was
   */
  append({ firstSeq, count, bytes }: LeafBatch, toSeq = Number.POSITIVE_INFINITY): void {
    const skip = this.#size + 1 - firstSeq;
    if (skip < 0) throw new RangeError(`the tree has ${this.#size} leaves, and the batch begins at ${firstSeq}`);
    const taken = Math.min(count, toSeq + 1 - firstSeq) - skip;
    if (taken <= 0) return;
    this.#size = this.#append(this.#stack, this.#size, bytes, skip, taken);
    this.#sent.push(this.#point());
  }

  /** Everything up to `seq` is stored. */
  acknowledge(seq: number): void {
    while (this.#sent.length > 0 && this.#sent[0]!.size <= seq) this.#stored = this.#sent.shift()!;
  }

  /** A new stream: what was sent and not stored is sent again. The tree is where it is final. */
  rewind(): void {
    this.#sent = [];
    this.#restore();
  }

  #restore(): void {
    this.#size = this.#stored.size;
    this.#stack.fill(0);
    for (const [index, one] of this.#stored.subtrees.entries()) one.copy(this.#stack, index * HASH_BYTES);
  }

  #point(): TreePoint {
    const subtrees: Buffer[] = [];
    for (let at = 0; at < onesOf(this.#size); at += 1) {
      subtrees.push(Buffer.from(this.#stack.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)));
    }
    return { size: this.#size, subtrees };
  }
}

/** Errors: RangeError when that is no right edge of a tree of this size. */
export function rootAt({ size, subtrees }: TreePoint): Buffer {
  return MerkleFrontier.at(size, subtrees).root();
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

/** Where the addon is not loaded: the same, slower. */
export const appendLeaves: AppendLeaves = (subtrees, size, batch, skip, count) => {
  const leaves = leavesOf(batch, skip, count);
  const stack = Buffer.from(subtrees);
  let top = onesOf(size) * HASH_BYTES;
  for (const leaf of leaves) {
    stack.set(leaf, top);
    for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
      top -= HASH_BYTES;
      const right = stack.subarray(top + HASH_BYTES, top + 2 * HASH_BYTES);
      nodeHash(stack.subarray(top, top + HASH_BYTES), right).copy(stack, top);
    }
    top += HASH_BYTES;
    size += 1;
  }
  subtrees.set(stack);
  return size;
};

function leavesOf(batch: Uint8Array, skip: number, count: number): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  let at = 0;
  for (let entry = 0; entry < skip + count; entry += 1) {
    let length = 0;
    let scale = 1;
    for (let byte = 128; byte > 127; scale *= 128) {
      if (at >= batch.length || scale > 2 ** 28) throw new RangeError('the batch does not hold so many entries');
      byte = batch[at++]!;
      length += (byte & 127) * scale;
    }
    if (length < HASH_BYTES || length > batch.length - at) {
      throw new RangeError('the batch does not hold so many entries');
    }
    at += length;
    if (entry >= skip) leaves.push(batch.subarray(at - HASH_BYTES, at));
  }
  return leaves;
}
