// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { loadAddon } from '../source/ebpf/addon.ts';
import { type AppendLeaves, appendLeaves, DeliveredTree, EMPTY_TREE, rootAt } from './delivered-tree.ts';

/** Entries as in a batch: lengths of one and of two bytes. */
function batchOf(leaves: readonly Buffer[], firstSeq = 1) {
  const parts = leaves.flatMap((leaf, index) => {
    const body = Buffer.concat([Buffer.alloc((firstSeq + index) % 2 === 0 ? 20 : 300), leaf]);
    const { length } = body;
    return [length < 128 ? Buffer.of(length) : Buffer.of((length & 127) | 128, length >> 7), body];
  });
  return { firstSeq, count: leaves.length, bytes: Buffer.concat(parts) };
}

const leavesOf = (count: number) => Array.from({ length: count }, () => randomBytes(32));

function rootOver(leaves: readonly Buffer[]): Buffer {
  const frontier = new MerkleFrontier();
  for (const leaf of leaves) frontier.append(leaf);
  return frontier.root();
}

const ways: readonly (readonly [string, AppendLeaves])[] = [
  ['in the addon', (...given) => loadAddon().appendLeaves(...given)],
  ['in JavaScript', appendLeaves],
];
for (const [name, append] of ways) {
  describe(`the tree, ${name}`, () => {
    test('has the root of RFC 6962 at each size, however the leaves are cut into batches', () => {
      const leaves = leavesOf(300);
      const tree = new DeliveredTree(EMPTY_TREE, append);
      for (let at = 0; at < leaves.length; ) {
        const next = Math.min(leaves.length, at + 1 + Math.floor(Math.random() * 7));
        tree.append(batchOf(leaves.slice(at, next), at + 1));
        at = next;
        assert.deepEqual(tree.root, rootOver(leaves.slice(0, at)));
      }
      assert.equal(tree.size, 300);
    });

    test('passes over what it holds, and takes no more than it is told to', () => {
      const leaves = leavesOf(20);
      const tree = new DeliveredTree(EMPTY_TREE, append);
      tree.append(batchOf(leaves.slice(0, 10)), 7);
      assert.equal(tree.size, 7);
      tree.append(batchOf(leaves.slice(2, 6), 3));
      assert.equal(tree.size, 7);
      tree.append(batchOf(leaves.slice(4), 5));
      assert.deepEqual(tree.root, rootOver(leaves));
    });

    test('does not go on over a hole, nor over bytes that are no batch, and stays as it was', () => {
      const leaves = leavesOf(5);
      const tree = new DeliveredTree(EMPTY_TREE, append);
      tree.append(batchOf(leaves));
      const root = tree.root;
      const whole = batchOf(leaves, 6);
      const wrong = [
        { ...whole, firstSeq: 7 },
        { ...whole, count: 6 },
        { ...whole, bytes: whole.bytes.subarray(0, -1) },
        { ...whole, bytes: Buffer.of(4, 1, 2, 3, 4) },
        { ...whole, bytes: Buffer.alloc(10, 255) },
      ];
      for (const batch of wrong) assert.throws(() => tree.append(batch), RangeError);
      assert.equal(tree.size, 5);
      assert.deepEqual(tree.root, root);
    });

    test('goes back to what is stored when a stream begins anew', () => {
      const leaves = leavesOf(40);
      const tree = new DeliveredTree(EMPTY_TREE, append);
      for (let at = 0; at < 40; at += 10) tree.append(batchOf(leaves.slice(at, at + 10), at + 1));
      // In the middle of a batch: its beginning is as good as not there.
      tree.acknowledge(25);
      assert.equal(tree.stored.size, 20);
      assert.deepEqual(rootAt(tree.stored), rootOver(leaves.slice(0, 20)));
      tree.rewind();
      assert.equal(tree.size, 20);
      tree.append(batchOf(leaves.slice(20), 21));
      assert.deepEqual(tree.root, rootOver(leaves));
    });
  });
}

test('a tree that goes on from a point is the one that came there', () => {
  const leaves = leavesOf(77);
  const first = new DeliveredTree(EMPTY_TREE);
  first.append(batchOf(leaves.slice(0, 53)));
  first.acknowledge(53);
  const second = new DeliveredTree(first.stored);
  second.append(batchOf(leaves.slice(53), 54));
  assert.deepEqual(second.root, rootOver(leaves));
});
