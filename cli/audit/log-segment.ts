// SPDX-License-Identifier: Apache-2.0

/** The leaves between two points of a log, as far as rows give them, and whether they make the next root. */
import { HASH_BYTES, MerkleFrontier, nodeHash } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';

export type GrowTree = (size: number, subtrees: Uint8Array, leaves: Uint8Array) => Buffer;

export function rootOfEdge(size: number, edge: Buffer): Buffer {
  const subtrees = Array.from({ length: edge.length / HASH_BYTES }, (_, at) =>
    edge.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
  return MerkleFrontier.at(size, subtrees).root();
}

/** Beyond it the leaves are put into the tree, and no other leaf can be tried in the place of one. */
const KEPT_LEAVES_MAX = 4_000_000;

export class LogSegment {
  /** Where the tree stands in front of it; undefined: what it is made of is not known. */
  edge: Buffer | undefined;
  size: number;
  /** The first number in it. */
  readonly firstSeq: number;
  /** Ranges of numbers without a leaf. */
  readonly holes: [first: number, last: number][] = [];
  /** Hashes over blocks of 256 leaves whose leaves are not known. */
  readonly blocks = new Map<number, Buffer>();
  rows = 0;
  /** Something about its rows was told already. */
  isTold = false;
  #chunks: Buffer[] = [];
  #kept = 0;
  readonly #growTree: GrowTree;

  constructor(size: number, edge: Buffer | undefined, growTree: GrowTree) {
    this.size = size;
    this.firstSeq = size + 1;
    this.edge = edge;
    this.#growTree = growTree;
  }

  /** Numbers from here on have no leaf yet. */
  get nextSeq(): number {
    return this.size + this.#kept + 1;
  }

  /** Leaves of the next numbers; they are not copied. */
  append(leaves: Buffer): void {
    if (leaves.length === 0) return;
    if (this.#kept > KEPT_LEAVES_MAX) this.#flush();
    this.#chunks.push(leaves);
    this.#kept += leaves.length / HASH_BYTES;
  }

  /** No row has these next numbers. */
  skip(count: number): void {
    if (count <= 0) return;
    const first = this.nextSeq;
    const before = this.holes.at(-1);
    if (before !== undefined && before[1] + 1 === first) before[1] = first + count - 1;
    else this.holes.push([first, first + count - 1]);
    if (count > KEPT_LEAVES_MAX) {
      this.#flush();
      this.edge = undefined;
      this.size += count;
    } else {
      this.append(Buffer.alloc(count * HASH_BYTES));
    }
  }

  #flush(): void {
    const leaves = this.leaves();
    if (this.edge !== undefined)
      this.edge = this.holes.length > 0 ? undefined : this.#growTree(this.size, this.edge, leaves);
    this.size += this.#kept;
    this.#chunks = [];
    this.#kept = 0;
  }

  /** All that are kept, from `size` on, in one piece. */
  leaves(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  /** Put a leaf in the place of another, or of none. False when it is too late for it. */
  replace(seq: number, leaf: Uint8Array): boolean {
    if (seq <= this.size || seq >= this.nextSeq) return false;
    this.leaves().set(leaf, (seq - 1 - this.size) * HASH_BYTES);
    return true;
  }

  leafAt(seq: number): Buffer | undefined {
    if (seq <= this.size || seq >= this.nextSeq) return undefined;
    const at = (seq - 1 - this.size) * HASH_BYTES;
    return this.leaves().subarray(at, at + HASH_BYTES);
  }

  /** The right edge behind all its leaves; undefined when it cannot be known. */
  end(): Buffer | undefined {
    if (this.edge === undefined || this.holes.length > 0) return undefined;
    let [edge, size] = [this.edge, this.size];
    const start = size;
    const first = Math.floor(size / TILE_WIDTH);
    if (this.blocks.has(first)) {
      // Its hash is over leaves in front of the segment too. Those of the edge that are older stay.
      size = first * TILE_WIDTH;
      edge = edge.subarray(0, onesOf(first) * HASH_BYTES);
    }
    const end = this.nextSeq - 1;
    for (const [block, hash] of [...this.blocks].sort(([a], [b]) => a - b)) {
      const from = block * TILE_WIDTH;
      if (size < from) edge = this.#growTree(size, edge, this.#slice(size - start, from - start));
      edge = withBlock(edge, block, hash);
      size = from + TILE_WIDTH;
    }
    return size < end ? this.#growTree(size, edge, this.#slice(size - start, end - start)) : edge;
  }

  #slice(from: number, to: number): Buffer {
    return this.leaves().subarray(from * HASH_BYTES, to * HASH_BYTES);
  }
}

/** An edge behind `block` whole blocks, with one more. */
function withBlock(edge: Buffer, block: number, hash: Buffer): Buffer {
  let node = hash;
  let count = edge.length;
  for (let rest = block; rest % 2 === 1; rest = (rest - 1) / 2) {
    node = nodeHash(edge.subarray(count - HASH_BYTES, count), node);
    count -= HASH_BYTES;
  }
  return Buffer.concat([edge.subarray(0, count), node]);
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
