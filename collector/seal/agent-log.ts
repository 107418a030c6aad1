// SPDX-License-Identifier: Apache-2.0

/**
 * The collector's own tree over what it stored of one agent, for as long as the agent's stream lasts. Some kilobytes: the
 * right edge of the tree, the last cosigned checkpoint, and roots that the tree still has to come by.
 */
import { HASH_BYTES, type MerkleFrontier } from '../../proto/log/merkle.ts';
import type { NoteVerifier } from '../../proto/log/note.ts';
import type { CheckpointRow } from '../store/log-store.ts';

/** A root that somebody has signed or named for a size. */
export interface Mark {
  readonly size: number;
  readonly root: Buffer;
  /** The signed note that says so; empty when it is only the agent's word. */
  readonly note: string;
}

export interface TreePoint {
  readonly size: number;
  readonly root: Buffer;
  readonly subtrees: readonly Buffer[];
}

export interface AgentLogState {
  readonly agentId: string;
  readonly host: string;
  readonly verifier: NoteVerifier;
  /** Undefined: rows are missing that nothing stands for, and no root can be known. */
  readonly tree: MerkleFrontier | undefined;
  readonly cosigned: CheckpointRow | undefined;
  /** Roots beyond the tree's end, which it must have when it gets there. */
  readonly marks: readonly Mark[];
  /** The agent came with an older tree than was cosigned. */
  readonly cameFromBehind: boolean;
}

export class AgentLog {
  readonly agentId: string;
  readonly host: string;
  readonly verifier: NoteVerifier;
  readonly cameFromBehind: boolean;
  cosigned: CheckpointRow | undefined;
  readonly #tree: MerkleFrontier | undefined;
  readonly #marks: Mark[];
  #awaited: { size: number; resolve: (point: TreePoint | undefined) => void } | undefined;
  #closed = false;

  constructor({ agentId, host, verifier, tree, cosigned, marks, cameFromBehind }: AgentLogState) {
    this.agentId = agentId;
    this.host = host;
    this.verifier = verifier;
    this.cosigned = cosigned;
    this.cameFromBehind = cameFromBehind;
    this.#tree = tree;
    this.#marks = [...marks].sort((a, b) => a.size - b.size);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get isAnchored(): boolean {
    return this.#tree !== undefined;
  }

  /** Where it stands; undefined when that cannot be known. */
  get point(): TreePoint | undefined {
    return this.#point();
  }

  get size(): number {
    return this.#tree?.size ?? 0;
  }

  /** Take up what was stored: leaves of `firstSeq` and on. Resolves with the mark that they contradict, if they do. */
  append(firstSeq: number, leaves: Buffer): Mark | undefined {
    const tree = this.#tree;
    if (tree === undefined) return undefined;
    // A tree that was taken over from the agent goes beyond rows that are still to come.
    for (let at = Math.max(tree.size + 1 - firstSeq, 0) * HASH_BYTES; at < leaves.length; at += HASH_BYTES) {
      tree.append(leaves.subarray(at, at + HASH_BYTES));
      while (this.#marks[0]?.size === tree.size) {
        const mark = this.#marks.shift()!;
        if (!mark.root.equals(tree.root())) return mark;
      }
      if (this.#awaited?.size === tree.size) this.#settle(this.#point());
    }
    return undefined;
  }

  /** The tree when it has this size, now or later; undefined when it has gone by, or never will. One is waited for at most. */
  at(size: number): Promise<TreePoint | undefined> {
    const tree = this.#tree;
    if (this.#closed || tree === undefined || size < tree.size) return Promise.resolve(undefined);
    if (size === tree.size) return Promise.resolve(this.#point());
    this.#settle(undefined);
    return new Promise((resolve) => {
      this.#awaited = { size, resolve };
    });
  }

  /** Nothing comes any more. */
  close(): void {
    this.#closed = true;
    this.#settle(undefined);
  }

  #settle(point: TreePoint | undefined): void {
    this.#awaited?.resolve(point);
    this.#awaited = undefined;
  }

  #point(): TreePoint | undefined {
    const tree = this.#tree;
    return tree && { size: tree.size, root: tree.root(), subtrees: tree.subtrees };
  }
}
