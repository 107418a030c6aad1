// SPDX-License-Identifier: Apache-2.0

/**
 * The Merkle tree over an agent's leaves, as RFC 6962 section 2.1 and RFC 9162 section 2.1 have it: SHA-256, 0x00 in front
 * of a leaf's data (done where the leaf is made, proto/leaf.ts), 0x01 in front of two children. Leaf 0 is activity 1.
 *
 * Sizes and positions are whole numbers up to 2^53 - 1. Hashes are 32 bytes; results are copies.
 */
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;
const NODE_MARK = 0x01;

/** The root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_MARK);

/** The hash of a node with these children. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  // Through a string of bytes: a third of what a digest costs that Node allocates itself.
  return Buffer.from(hash('sha256', pair, 'latin1'), 'latin1');
}

function checkSize(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what} is not a whole number: ${value}`);
}

function checkHash(value: Uint8Array): void {
  if (value.length !== HASH_BYTES) throw new RangeError(`a hash has ${HASH_BYTES} bytes, not ${value.length}`);
}

/** The largest power of two that is smaller than `size`; `size` is 2 or more. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/**
 * The right edge of a growing tree: the roots of its complete subtrees, the largest first, as many as `size` has ones in
 * binary. All that is needed to go on and to know the root; 32 bytes a level.
 */
export class MerkleFrontier {
  #size = 0;
  readonly #subtrees: Buffer[] = [];

  /** Where an earlier one stood. Errors: RangeError when that is no right edge of a tree of this size. */
  static at(size: number, subtrees: readonly Uint8Array[]): MerkleFrontier {
    checkSize(size, 'the size of the tree');
    let ones = 0;
    for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
    if (subtrees.length !== ones) throw new RangeError(`a tree of ${size} leaves has ${ones} subtrees`);
    for (const one of subtrees) checkHash(one);
    const frontier = new MerkleFrontier();
    frontier.#size = size;
    frontier.#subtrees.push(...subtrees.map((one) => Buffer.from(one)));
    return frontier;
  }

  get size(): number {
    return this.#size;
  }

  /** Copies, the largest subtree first. */
  get subtrees(): Buffer[] {
    return this.#subtrees.map((one) => Buffer.from(one));
  }

  append(leaf: Uint8Array): void {
    this.appendSubtree(0, leaf);
  }

  /**
   * The next 2^level leaves by the root of the complete subtree over them.
   *
   * Errors   RangeError where no subtree of that level begins
   */
  appendSubtree(level: number, hash: Uint8Array): void {
    checkHash(hash);
    const width = 2 ** level;
    if (this.#size % width !== 0 || !Number.isSafeInteger(this.#size + width))
      throw new RangeError(`no subtree of ${width} leaves begins at ${this.#size}`);
    let node: Buffer = Buffer.from(hash);
    for (let rest = this.#size / width; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHash(this.#subtrees.pop() as Buffer, node);
    }
    this.#subtrees.push(node);
    this.#size += width;
  }

  root(): Buffer {
    let root: Buffer | undefined;
    for (let i = this.#subtrees.length - 1; i >= 0; i--) {
      const subtree = this.#subtrees[i] as Buffer;
      root = root === undefined ? Buffer.from(subtree) : nodeHash(subtree, root);
    }
    return root ?? Buffer.from(EMPTY_ROOT);
  }
}

/** The hash of a complete subtree: at `level` 0 the leaves, at level n those over 2^n of them, counted from the left. */
export type SubtreeHash = (level: number, index: number) => Uint8Array;

/** The hash of the tree over leaves [from, to), put together from complete subtrees. */
function rangeHash(from: number, to: number, subtree: SubtreeHash): Buffer {
  const count = to - from;
  if (Number.isInteger(Math.log2(count)) && from % count === 0) {
    return Buffer.from(subtree(Math.log2(count), from / count));
  }
  const split = splitOf(count);
  return nodeHash(rangeHash(from, from + split, subtree), rangeHash(from + split, to, subtree));
}

/** The root of the tree over the first `size` leaves. */
export function rootOf(size: number, subtree: SubtreeHash): Buffer {
  checkSize(size, 'the size of the tree');
  return size === 0 ? Buffer.from(EMPTY_ROOT) : rangeHash(0, size, subtree);
}

/**
 * Proof that leaf `index` is in the tree over the first `size` leaves: hashes from the leaf up.
 *
 * Errors   RangeError when it is not in it
 * Source   RFC 9162, 2.1.3.1
 */
export function inclusionProof(index: number, size: number, subtree: SubtreeHash): Buffer[] {
  checkSize(index, 'the index of the leaf');
  checkSize(size, 'the size of the tree');
  if (index >= size) throw new RangeError(`leaf ${index} is not in a tree of ${size}`);
  const proof: Buffer[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      proof.push(rangeHash(middle, to, subtree));
      to = middle;
    } else {
      proof.push(rangeHash(from, middle, subtree));
      from = middle;
    }
  }
  return proof.reverse();
}

/**
 * Proof that the tree of `oldSize` leaves is the beginning of the tree of `size`. Empty for equal sizes and for 0.
 *
 * Errors   RangeError when the old one is larger
 * Source   RFC 9162, 2.1.4.1
 */
export function consistencyProof(oldSize: number, size: number, subtree: SubtreeHash): Buffer[] {
  checkSize(oldSize, 'the old size');
  checkSize(size, 'the size of the tree');
  if (oldSize > size) throw new RangeError(`a tree of ${size} leaves is not what became of one of ${oldSize}`);
  if (oldSize === 0 || oldSize === size) return [];
  const proof: Buffer[] = [];
  let [from, to, isWhole] = [0, size, true];
  while (oldSize !== to) {
    const middle = from + splitOf(to - from);
    if (oldSize <= middle) {
      proof.push(rangeHash(middle, to, subtree));
      to = middle;
    } else {
      proof.push(rangeHash(from, middle, subtree));
      from = middle;
      isWhole = false;
    }
  }
  if (!isWhole) proof.push(rangeHash(from, to, subtree));
  return proof.reverse();
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/**
 * Does `proof` show that `leaf` is at `index` in the tree of `size` leaves with this root? Never throws.
 *
 * Source   RFC 9162, 2.1.3.2
 */
export function provesInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  if ([leaf, root, ...proof].some((one) => one.length !== HASH_BYTES)) return false;
  let [at, last] = [index, size - 1];
  let node: Buffer = Buffer.from(leaf);
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      node = nodeHash(sibling, node);
      // Up past levels at which this node is the last and has no sibling.
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      node = nodeHash(node, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && same(node, root);
}

/**
 * Does `proof` show that the tree of `oldSize` leaves with `oldRoot` is the beginning of that of `size` with `root`? Never
 * throws. Of the empty tree everything is a continuation, as long as its root is that of the empty tree.
 *
 * Source   RFC 9162, 2.1.4.2
 */
export function provesConsistency(
  oldSize: number,
  size: number,
  proof: readonly Uint8Array[],
  oldRoot: Uint8Array,
  root: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(size) || oldSize < 0 || oldSize > size) return false;
  if ([oldRoot, root, ...proof].some((one) => one.length !== HASH_BYTES)) return false;
  if (oldSize === size) return proof.length === 0 && same(oldRoot, root);
  if (oldSize === 0) return proof.length === 0 && same(oldRoot, EMPTY_ROOT);
  let [at, last] = [oldSize - 1, size - 1];
  while (at % 2 === 1) [at, last] = [(at - 1) / 2, Math.floor(last / 2)];
  // An old tree that is one complete subtree of the new one is its own first hash.
  const [first, ...rest] = at === 0 ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let [oldNode, node]: [Buffer, Buffer] = [Buffer.from(first), Buffer.from(first)];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      oldNode = nodeHash(sibling, oldNode);
      node = nodeHash(sibling, node);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      node = nodeHash(node, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && same(oldNode, oldRoot) && same(node, root);
}
