// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  MerkleFrontier,
  nodeHash,
  provesConsistency,
  provesInclusion,
  rootOf,
  type SubtreeHash,
} from './merkle.ts';
import { subtreeFromTiles, TILE_WIDTH, tilePath, tilesOf } from './tile.ts';

const leafOf = (data: Uint8Array | string): Buffer => createHash('sha256').update(Buffer.of(0)).update(data).digest();
const leaves = Array.from({ length: 700 }, (_, i) => leafOf(`activity ${i}`));

/** The definition, word by word (RFC 9162, 2.1.1). */
function definedRoot(of: readonly Buffer[]): Buffer {
  const [first] = of;
  if (first === undefined) return createHash('sha256').digest();
  if (of.length === 1) return first;
  let split = 1;
  while (split * 2 < of.length) split *= 2;
  return createHash('sha256')
    .update(Buffer.of(1))
    .update(definedRoot(of.slice(0, split)))
    .update(definedRoot(of.slice(split)))
    .digest();
}

const subtree: SubtreeHash = (level, index) => {
  const count = 2 ** level;
  const part = leaves.slice(index * count, (index + 1) * count);
  assert.equal(part.length, count, 'only complete subtrees are asked for');
  return definedRoot(part);
};

const frontierOf = (size: number): MerkleFrontier => {
  const frontier = new MerkleFrontier();
  for (const leaf of leaves.slice(0, size)) frontier.append(leaf);
  return frontier;
};

const sizes = fc.integer({ min: 0, max: leaves.length });

describe('the Merkle tree', () => {
  it('has the roots that certificate transparency has always had for these eight entries', () => {
    const entries = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ];
    const frontier = new MerkleFrontier();
    for (const entry of entries) frontier.append(leafOf(Buffer.from(entry, 'hex')));
    assert.equal(frontier.root().toString('hex'), '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
    assert.equal(EMPTY_ROOT.toString('hex'), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('grows to the root of the definition, also when it goes on from where another stood', () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const [size, from] = [Math.max(a, b), Math.min(a, b)];
        const before = frontierOf(from);
        const frontier = MerkleFrontier.at(before.size, before.subtrees);
        for (const leaf of leaves.slice(from, size)) frontier.append(leaf);
        assert.deepEqual(frontier.root(), definedRoot(leaves.slice(0, size)));
        assert.deepEqual(rootOf(size, subtree), frontier.root());
        assert.deepEqual(before.root(), definedRoot(leaves.slice(0, from)), 'and leaves the other as it was');
      }),
      { numRuns: 40 },
    );
  });

  it('cannot begin where no tree stands', () => {
    assert.throws(() => MerkleFrontier.at(3, [EMPTY_ROOT]), RangeError);
    assert.throws(() => MerkleFrontier.at(1, [Buffer.alloc(31)]), RangeError);
    assert.throws(() => MerkleFrontier.at(-1, []), RangeError);
    assert.throws(() => new MerkleFrontier().append(Buffer.alloc(33)), RangeError);
  });
});

/** Everything that one may do to a proof and still call it one. */
function* altered(proof: readonly Buffer[]): Generator<Buffer[]> {
  yield [...proof, Buffer.alloc(32)];
  if (proof.length > 0) yield proof.slice(0, -1);
  if (proof.length > 0) yield proof.slice(1);
  for (const [i, node] of proof.entries()) {
    const flipped = Buffer.from(node);
    flipped[i % 32] = (flipped[i % 32] as number) ^ 1;
    yield proof.with(i, flipped);
    if (i > 0 && !node.equals(proof[0] as Buffer)) yield proof.with(0, node).with(i, proof[0] as Buffer);
  }
}

describe('a proof of inclusion', () => {
  it('proves its leaf at its place in its tree, and nothing else', () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const size = Math.min(Math.max(a, b) + 1, leaves.length);
        const index = Math.min(a, b, size - 1);
        const proof = inclusionProof(index, size, subtree);
        const root = definedRoot(leaves.slice(0, size));
        const leaf = leaves[index] as Buffer;
        assert.ok(provesInclusion(leaf, index, size, proof, root));
        assert.ok(!provesInclusion(leafOf('another'), index, size, proof, root));
        assert.ok(!provesInclusion(leaf, index, size, proof, leafOf('another')));
        for (const wrong of [index - 1, index + 1].filter((i) => i >= 0)) {
          assert.ok(!provesInclusion(leaf, wrong, size, proof, root), `not at ${wrong}`);
        }
        for (const wrong of altered(proof)) assert.ok(!provesInclusion(leaf, index, size, wrong, root));
      }),
      { numRuns: 60 },
    );
  });

  it('is not given for what is not there, and nothing makes the check throw', () => {
    assert.throws(() => inclusionProof(3, 3, subtree), RangeError);
    assert.throws(() => inclusionProof(-1, 3, subtree), RangeError);
    for (const [index, size] of [
      [0, 0],
      [5, 5],
      [-1, 4],
      [0.5, 4],
      [Number.NaN, 4],
      [0, 2 ** 60],
    ] as const) {
      assert.ok(!provesInclusion(EMPTY_ROOT, index, size, [], EMPTY_ROOT));
    }
    assert.ok(!provesInclusion(Buffer.alloc(0), 0, 1, [], Buffer.alloc(0)));
  });
});

describe('a proof of consistency', () => {
  it('proves that one tree is the beginning of the other, and nothing else', () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const [oldSize, size] = [Math.min(a, b), Math.max(a, b)];
        const proof = consistencyProof(oldSize, size, subtree);
        const oldRoot = definedRoot(leaves.slice(0, oldSize));
        const root = definedRoot(leaves.slice(0, size));
        assert.ok(provesConsistency(oldSize, size, proof, oldRoot, root));
        assert.ok(!provesConsistency(oldSize, size, proof, leafOf('another'), root));
        if (oldSize > 0) assert.ok(!provesConsistency(oldSize, size, proof, oldRoot, leafOf('another')));
        for (const wrong of altered(proof)) assert.ok(!provesConsistency(oldSize, size, wrong, oldRoot, root));
        if (oldSize !== size) assert.ok(!provesConsistency(size, oldSize, proof, root, oldRoot));
      }),
      { numRuns: 60 },
    );
  });

  it('does not hold for a tree in which something changed', () => {
    const forged = [...leaves.slice(0, 100)].with(42, leafOf('changed'));
    const proof = consistencyProof(50, 100, subtree);
    assert.ok(!provesConsistency(50, 100, proof, definedRoot(leaves.slice(0, 50)), definedRoot(forged)));
    assert.ok(!provesConsistency(50, 100, proof, definedRoot(forged.slice(0, 50)), definedRoot(leaves.slice(0, 100))));
  });
});

describe('tiles', () => {
  it('are named as other tools look for them', () => {
    assert.equal(tilePath({ level: 0, index: 0, width: 256 }), 'tile/0/000');
    assert.equal(tilePath({ level: 3, index: 1234067, width: 256 }), 'tile/3/x001/x234/067');
    assert.equal(tilePath({ level: 1, index: 1000, width: 112 }), 'tile/1/x001/000.p/112');
  });

  it('give every hash of the tree back', () => {
    const size = leaves.length;
    const files = new Map<string, Buffer>();
    for (const { level, index, width } of tilesOf(size)) {
      const hashes = Array.from({ length: width }, (_, i) => subtree(level * 8, index * TILE_WIDTH + i));
      files.set(`${level} ${index}`, Buffer.concat(hashes));
    }
    assert.deepEqual([...files.keys()], ['0 0', '0 1', '0 2', '1 0']);
    const fromTiles = subtreeFromTiles((level, index) => files.get(`${level} ${index}`) ?? Buffer.alloc(0));
    for (const at of [1, 2, 255, 256, 257, 511, 512, 700]) {
      assert.deepEqual(rootOf(at, fromTiles), definedRoot(leaves.slice(0, at)));
    }
    assert.deepEqual(inclusionProof(300, size, fromTiles), inclusionProof(300, size, subtree));
    assert.throws(() => fromTiles(0, size), RangeError);
  });

  it('join two hashes as a node', () => {
    const [a, b] = leaves as [Buffer, Buffer];
    assert.deepEqual(nodeHash(a, b), definedRoot([a, b]));
  });
});
