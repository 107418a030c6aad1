// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rootOf } from '../../proto/log/merkle.ts';
import { subtreeFromTiles, type Tile, tilePath, tilesOf } from '../../proto/log/tile.ts';
import { TestLog } from '../../witness/testing/test-log.ts';
import { TileBuilder } from './tile-builder.ts';

const SIZE_MAX = 66_000;
const log = new TestLog('sworn/a').grow(SIZE_MAX);

/** Files as an export makes them, in so many steps. */
function filesIn(steps: readonly number[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const put = (tile: Tile, hashes: Uint8Array): void => void files.set(tilePath(tile), Buffer.from(hashes));
  let size = 0;
  for (const step of steps) {
    const builder = new TileBuilder(size, (tile) => files.get(tilePath(tile)) ?? Buffer.alloc(0), put);
    for (const leaf of log.leaves.slice(size, step)) builder.append(leaf);
    size = step;
    for (const [tile, hashes] of builder.unfinished()) put(tile, hashes);
    assert.deepEqual(builder.root(), rootOf(size, log.subtree));
  }
  return files;
}

describe('building tiles', () => {
  it('gives the tiles of the tree, however many steps it takes', () => {
    const few = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(few, (sizes) => {
        const steps = sizes.sort((a, b) => a - b);
        const size = steps.at(-1) as number;
        const files = filesIn(steps);
        for (const tile of tilesOf(size)) assert.ok(files.has(tilePath(tile)), tilePath(tile));
        const read = subtreeFromTiles((level, index) => {
          const tile = [...tilesOf(size)].find((one) => one.level === level && one.index === index) as Tile;
          return files.get(tilePath(tile)) as Buffer;
        });
        assert.deepEqual(rootOf(size, read), rootOf(size, log.subtree));
      }),
      { numRuns: 30 },
    );
  });

  it('finishes a tile of the second level', () => {
    for (const steps of [[65_536], [65_535, 65_536, 65_537], [256, 65_280, SIZE_MAX]]) {
      const files = filesIn(steps);
      assert.ok(files.has('tile/1/000'));
      assert.equal(files.get('tile/2/000.p/1')?.length, 32);
    }
  });

  it('does not go on from an edge that is not of its size', () => {
    for (const wrong of [0, 31, 32, 320, 8192])
      assert.throws(
        () =>
          new TileBuilder(
            300,
            () => Buffer.alloc(wrong),
            () => {},
          ),
        RangeError,
      );
  });
});
