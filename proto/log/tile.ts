// SPDX-License-Identifier: Apache-2.0

/**
 * Tiles: the hashes of a tree in files of 256, so that whoever has the files needs nobody to make proofs.
 *
 * Source   C2SP tlog-tiles: tile (level, index) has the hashes of 256 subtrees of 256^level leaves each, from the left
 */
import { HASH_BYTES, nodeHash, type SubtreeHash } from './merkle.ts';

/** Hashes of a whole tile. */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

export interface Tile {
  readonly level: number;
  readonly index: number;
  /** How many hashes it has: 256, or fewer at the right edge. */
  readonly width: number;
}

/** 1234067 is x001/x234/067. */
function indexPath(index: number): string {
  const groups: string[] = [];
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
  }
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
}

/** Below the folder of the log: `tile/<level>/<index>`, and `.p/<width>` behind it at the right edge. */
export function tilePath({ level, index, width }: Tile): string {
  return `tile/${level}/${indexPath(index)}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

/** All tiles of a tree of `size` leaves, the lowest level first. */
export function* tilesOf(size: number): Generator<Tile> {
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < count; index++) {
      yield { level, index, width: Math.min(TILE_WIDTH, count - index * TILE_WIDTH) };
    }
  }
}

/** Subtree hashes out of tiles: `read` gives a tile's hashes in a row. Errors: RangeError for a tile that is too short. */
export function subtreeFromTiles(read: (level: number, index: number) => Uint8Array): SubtreeHash {
  function hashOf(level: number, index: number): Uint8Array {
    const above = level % TILE_HEIGHT;
    if (above > 0) return nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1));
    const tile = read(level / TILE_HEIGHT, Math.floor(index / TILE_WIDTH));
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    if (tile.length < at + HASH_BYTES) throw new RangeError(`tile ${level / TILE_HEIGHT} ends before hash ${index}`);
    return tile.subarray(at, at + HASH_BYTES);
  }
  return hashOf;
}
