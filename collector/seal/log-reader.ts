// SPDX-License-Identifier: Apache-2.0

/**
 * Trees out of what is stored: where a log stands, its hashes for tiles, proofs for witnesses. Reads pages, a few logs at a
 * time, so that memory is bounded however many agents come at once and however long their logs are.
 */
import { consistencyProof, HASH_BYTES, MerkleFrontier } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import type { LogStore } from '../store/log-store.ts';

/** Some 10 ms of hashing, after which others have their turn. */
const PAGE_LEAVES = 16_384;
const AT_ONCE_MAX = 4;
const TILE_LEVELS = 8;

/** What a tree met on its way to a size. */
export type Extension =
  | { readonly kind: 'whole' }
  /** The leaf behind the tree's end is not stored; the first that is there behind it, or 0. */
  | { readonly kind: 'hole'; readonly goesOnAt: number }
  /** An activity is stored twice, with different leaves. */
  | { readonly kind: 'conflict'; readonly seq: number };

export class LogReader {
  readonly #store: LogStore;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Append what is stored to `tree` until it has `size` leaves. `onLeaf` is told of each new size. */
  async extend(
    tree: MerkleFrontier,
    agentId: string,
    size: number,
    onLeaf?: (size: number) => void,
  ): Promise<Extension> {
    if (tree.size >= size) return { kind: 'whole' };
    await this.#enter();
    try {
      let last: Buffer | undefined;
      while (tree.size < size) {
        const before = tree.size;
        const page = await this.#store.leaves(agentId, before + 1, size, PAGE_LEAVES);
        for (const { seq, leaf } of page) {
          if (seq <= tree.size) {
            // The same row twice, as two collectors may have stored it, is one activity.
            if (last !== undefined && seq === tree.size && !leaf.equals(last)) return { kind: 'conflict', seq };
            continue;
          }
          if (seq !== tree.size + 1) return { kind: 'hole', goesOnAt: seq };
          tree.append(leaf);
          last = leaf;
          onLeaf?.(seq);
        }
        if (tree.size === before) return { kind: 'hole', goesOnAt: 0 };
      }
      return { kind: 'whole' };
    } finally {
      this.#leave();
    }
  }

  /** The tree at a size, from the last cosigned checkpoint below it on; undefined when rows of it are missing. */
  async treeAt(agentId: string, size: number): Promise<MerkleFrontier | undefined> {
    const from = await this.#store.cosigned(agentId, size);
    const tree = from === undefined ? new MerkleFrontier() : MerkleFrontier.at(from.size, from.subtrees);
    const { kind } = await this.extend(tree, agentId, size);
    return kind === 'whole' ? tree : undefined;
  }

  /** Leaves [from, to), 0-based, out of rows, or out of tiles where retention has removed rows; undefined: not there. */
  async leaves(agentId: string, from: number, to: number): Promise<Buffer | undefined> {
    const leaves = Buffer.alloc((to - from) * HASH_BYTES);
    const isThere = new Uint8Array(to - from);
    for (const { seq, leaf } of await this.#store.leaves(agentId, from + 1, to, 2 * (to - from))) {
      leaves.set(leaf, (seq - 1 - from) * HASH_BYTES);
      isThere[seq - 1 - from] = 1;
    }
    for (let at = isThere.indexOf(0); at !== -1; at = isThere.indexOf(0)) {
      const index = Math.floor((from + at) / TILE_WIDTH);
      const tile = await this.#store.tile(agentId, 0, index);
      const end = Math.min(index * TILE_WIDTH + (tile?.length ?? 0) / HASH_BYTES, to);
      if (tile === undefined || end <= from + at) return undefined;
      for (let leaf = from + at; leaf < end; leaf++) {
        const inTile = (leaf - index * TILE_WIDTH) * HASH_BYTES;
        leaves.set(tile.subarray(inTile, inTile + HASH_BYTES), (leaf - from) * HASH_BYTES);
        isThere[leaf - from] = 1;
      }
    }
    return leaves;
  }

  /** The root of a complete subtree: over 2^level leaves, counted from the left. Undefined when rows are missing. */
  async subtree(agentId: string, level: number, index: number): Promise<Buffer | undefined> {
    if (level >= TILE_LEVELS) {
      const width = 2 ** (level % TILE_LEVELS);
      const [first, tileLevel] = [index * width, Math.floor(level / TILE_LEVELS)];
      const tile = await this.#store.tile(agentId, tileLevel, Math.floor(first / TILE_WIDTH));
      if (tile !== undefined) {
        const at = (first % TILE_WIDTH) * HASH_BYTES;
        return rootOfHashes(tile.subarray(at, at + width * HASH_BYTES));
      }
    }
    if (2 ** level <= PAGE_LEAVES) {
      const leaves = await this.leaves(agentId, index * 2 ** level, (index + 1) * 2 ** level);
      return leaves === undefined ? undefined : rootOfHashes(leaves);
    }
    const left = await this.subtree(agentId, level - 1, index * 2);
    const right = await this.subtree(agentId, level - 1, index * 2 + 1);
    return left === undefined || right === undefined ? undefined : rootOfHashes(Buffer.concat([left, right]));
  }

  /**
   * As `consistencyProof` of proto/log/merkle.ts, read from the store.
   *
   * Errors   RangeError when rows are missing that no tile stands for
   */
  async consistency(agentId: string, oldSize: number, size: number): Promise<Buffer[]> {
    const wanted = new Map<string, { level: number; index: number }>();
    const nothing = Buffer.alloc(HASH_BYTES);
    consistencyProof(oldSize, size, (level, index) => {
      wanted.set(`${level} ${index}`, { level, index });
      return nothing;
    });
    const found = new Map<string, Buffer>();
    for (const [name, { level, index }] of wanted) {
      const hash = await this.subtree(agentId, level, index);
      if (hash === undefined)
        throw new RangeError(`leaves of ${agentId} are missing; there is no proof from ${oldSize}`);
      found.set(name, hash);
    }
    return consistencyProof(oldSize, size, (level, index) => found.get(`${level} ${index}`)!);
  }

  async #enter(): Promise<void> {
    if (this.#running >= AT_ONCE_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    // The place passes on.
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

/** The root over hashes in a row. */
export function rootOfHashes(hashes: Buffer): Buffer {
  const tree = new MerkleFrontier();
  for (let at = 0; at < hashes.length; at += HASH_BYTES) tree.append(hashes.subarray(at, at + HASH_BYTES));
  return tree.root();
}
