// SPDX-License-Identifier: Apache-2.0

/**
 * What stands for rows that retention took away: single leaves in tiles of level 0, and hashes over 256 of them in tiles of
 * level 1. Neither is believed: with a wrong one the tree does not have the root that was signed.
 */
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { type GrowTree, type LogSegment, rootOfEdge } from './log-segment.ts';
import type { RecordSource } from './record-source.ts';

type Tiles = Pick<RecordSource, 'tile'>;

/** Fills the holes of a segment. What nothing stands for stays one. */
export async function fillHoles(source: Tiles, agentId: string, segment: LogSegment): Promise<void> {
  const hashes = new BlockHashes(source, agentId);
  const left: [first: number, last: number][] = [];
  for (const [first, last] of segment.holes.splice(0)) {
    for (let block = Math.floor((first - 1) / TILE_WIDTH); block * TILE_WIDTH < last; block++) {
      const [from, to] = [Math.max(first, block * TILE_WIDTH + 1), Math.min(last, (block + 1) * TILE_WIDTH)];
      if (!(await fillBlock(source, agentId, segment, hashes, block, from, to))) left.push([from, to]);
    }
  }
  segment.holes.push(...left);
}

async function fillBlock(
  source: Tiles,
  agentId: string,
  segment: LogSegment,
  hashes: BlockHashes,
  block: number,
  from: number,
  to: number,
): Promise<boolean> {
  // All of it that is in this segment is missing, and its end too: one hash says what is in it.
  const isMissing = from === Math.max(segment.firstSeq, block * TILE_WIDTH + 1) && to === (block + 1) * TILE_WIDTH;
  const hash = isMissing ? await hashes.of(block) : undefined;
  if (hash !== undefined) {
    segment.blocks.set(block, hash);
    return true;
  }
  const tile = await source.tile(agentId, 0, block);
  if (tile === undefined || tile.length < (to - block * TILE_WIDTH) * HASH_BYTES) return false;
  let isFilled = true;
  for (let seq = from; seq <= to; seq++) {
    const at = (seq - 1 - block * TILE_WIDTH) * HASH_BYTES;
    isFilled = segment.replace(seq, tile.subarray(at, at + HASH_BYTES)) && isFilled;
  }
  return isFilled;
}

/** From the first to the last number in blocks whose leaves are not those that tiles stand for; undefined where none is known. */
export async function differingBlocks(
  source: Tiles,
  agentId: string,
  segment: LogSegment,
  growTree: GrowTree,
): Promise<readonly [first: number, last: number] | undefined> {
  let [first, last] = [0, 0];
  const hashes = new BlockHashes(source, agentId);
  const start = Math.ceil(segment.size / TILE_WIDTH);
  for (let block = start; (block + 1) * TILE_WIDTH < segment.nextSeq; block++) {
    const hash = await hashes.of(block);
    if (hash === undefined || segment.blocks.has(block)) continue;
    const from = (block * TILE_WIDTH - segment.size) * HASH_BYTES;
    const leaves = segment.leaves().subarray(from, from + TILE_WIDTH * HASH_BYTES);
    const root = rootOfEdge(TILE_WIDTH, growTree(0, Buffer.alloc(0), leaves));
    if (root.equals(hash)) continue;
    if (first === 0) first = block * TILE_WIDTH + 1;
    last = (block + 1) * TILE_WIDTH;
  }
  return first === 0 ? undefined : [first, last];
}

/** Hashes over 256 leaves each: those of a tile of level 1 stand for 65,536. */
export class BlockHashes {
  readonly #source: Tiles;
  readonly #agentId: string;
  #index = -1;
  #tile: Buffer | undefined;

  constructor(source: Tiles, agentId: string) {
    this.#source = source;
    this.#agentId = agentId;
  }

  async of(block: number): Promise<Buffer | undefined> {
    const index = Math.floor(block / TILE_WIDTH);
    if (index !== this.#index) {
      this.#tile = await this.#source.tile(this.#agentId, 1, index);
      this.#index = index;
    }
    const at = (block % TILE_WIDTH) * HASH_BYTES;
    const hash = this.#tile?.subarray(at, at + HASH_BYTES);
    return hash?.length === HASH_BYTES ? hash : undefined;
  }
}
