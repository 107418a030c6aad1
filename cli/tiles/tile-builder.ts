// SPDX-License-Identifier: Apache-2.0

/**
 * Leaves in, tiles out. Each hash of a tile above the lowest is made of a whole tile below it, so a root that is right proves
 * every tile that was made on the way to it. Pure; holds the right edge of the tree, 8 KiB a level.
 *
 * Source   C2SP tlog-tiles
 */
import { HASH_BYTES, MerkleFrontier, rootOf } from '../../proto/log/merkle.ts';
import { subtreeFromTiles, TILE_WIDTH, type Tile } from '../../proto/log/tile.ts';

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** A tile that is whole: its hashes are a view that is good until the next leaf. */
export type OnTile = (tile: Tile, hashes: Uint8Array) => void;

export class TileBuilder {
  #size: number;
  /** The last, unfinished tile of each level. */
  readonly #edge: Buffer[] = [];
  readonly #onTile: OnTile;

  /**
   * size     how many leaves are in tiles already
   * edge     gives the hashes of the unfinished tiles of that size
   * Errors   RangeError when one of them has not as many hashes as the size says
   */
  constructor(size: number, edge: (tile: Tile) => Uint8Array, onTile: OnTile) {
    this.#size = size;
    this.#onTile = onTile;
    for (const tile of edgeTiles(size)) {
      const hashes = tile.width === 0 ? new Uint8Array() : edge(tile);
      if (hashes.length !== tile.width * HASH_BYTES) {
        throw new RangeError(`tile ${tile.level}/${tile.index} has ${hashes.length} bytes, not ${tile.width} hashes`);
      }
      this.#edgeOf(tile.level).set(hashes);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** The next leaf. */
  append(leaf: Uint8Array): void {
    let hash = leaf;
    let place = this.#size;
    for (let level = 0; ; level++) {
      const edge = this.#edgeOf(level);
      edge.set(hash, (place % TILE_WIDTH) * HASH_BYTES);
      if (place % TILE_WIDTH !== TILE_WIDTH - 1) break;
      const index = Math.floor(place / TILE_WIDTH);
      this.#onTile({ level, index, width: TILE_WIDTH }, edge);
      hash = rootOfWhole(edge);
      place = index;
    }
    this.#size++;
  }

  /** The tiles that are not whole, and their hashes. */
  *unfinished(): Generator<[Tile, Uint8Array]> {
    for (const tile of edgeTiles(this.#size)) {
      if (tile.width > 0) yield [tile, this.#edgeOf(tile.level).subarray(0, tile.width * HASH_BYTES)];
    }
  }

  root(): Buffer {
    // What the root is put together from stands in unfinished tiles only.
    return rootOf(
      this.#size,
      subtreeFromTiles((level) => this.#edgeOf(level)),
    );
  }

  #edgeOf(level: number): Buffer {
    while (this.#edge.length <= level) this.#edge.push(Buffer.alloc(TILE_BYTES));
    return this.#edge[level] as Buffer;
  }
}

/** The right edge of a tree: one tile a level, with 0 to 255 hashes. */
export function* edgeTiles(size: number): Generator<Tile> {
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    yield { level, index: Math.floor(count / TILE_WIDTH), width: count % TILE_WIDTH };
  }
}

function rootOfWhole(hashes: Buffer): Buffer {
  const tree = new MerkleFrontier();
  for (let at = 0; at < TILE_BYTES; at += HASH_BYTES) tree.append(hashes.subarray(at, at + HASH_BYTES));
  return tree.root();
}
