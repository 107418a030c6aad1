// SPDX-License-Identifier: Apache-2.0

/** Neighbouring leaves of a tree as the fewest complete subtrees: what stands for them where they are not shown. */
import { nodeHash } from '../../proto/log/merkle.ts';

export interface Subtree {
  readonly level: number;
  /** Index of its first leaf. */
  readonly start: number;
  readonly hash: Buffer;
}

export class SubtreeRun {
  #end: number;
  #subtrees: Subtree[] = [];

  constructor(start = 0) {
    this.#end = start;
  }

  /** Index of the next leaf. */
  get end(): number {
    return this.#end;
  }

  /** The next 2^level leaves. `end` has to be a multiple of that. */
  push(level: number, hash: Buffer): void {
    let node: Subtree = { level, start: this.#end, hash };
    this.#end += 2 ** level;
    for (;;) {
      const left = this.#subtrees.at(-1);
      if (left?.level !== node.level || left.start % 2 ** (node.level + 1) !== 0) break;
      this.#subtrees.pop();
      node = { level: node.level + 1, start: left.start, hash: nodeHash(left.hash, node.hash) };
    }
    this.#subtrees.push(node);
  }

  /** All of it in order; it goes on behind `skip` more leaves. */
  take(skip = 0): Subtree[] {
    const taken = this.#subtrees;
    this.#subtrees = [];
    this.#end += skip;
    return taken;
  }
}
