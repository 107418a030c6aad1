// SPDX-License-Identifier: Apache-2.0

/** What an audit finds: problems by kind and range of numbers, neighbours of a kind as one. */

export const PROBLEM_KINDS = [
  'altered',
  'removed',
  'inserted',
  'swapped',
  'replayed',
  'cut_tail',
  'rewritten',
  'payload_edited',
  'digest_missing',
  'partition_dropped',
  'forked',
  'rolled_back',
  'key_changed',
  'wrong_root',
  'bad_signature',
  'checkpoint_missing',
  'not_sealed_yet',
  'erased',
] as const;

export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/** Said so that it is known; nothing is wrong with the record for it. */
const INFORMATION: ReadonlySet<ProblemKind> = new Set(['not_sealed_yet', 'erased']);

export interface Problem {
  readonly kind: ProblemKind;
  readonly agent_id: string;
  /** The numbers of the activities concerned, both included; 0 when it is of none. */
  readonly first_seq: number;
  readonly last_seq: number;
  readonly message: string;
}

export function isFault({ kind }: Problem): boolean {
  return !INFORMATION.has(kind);
}

/** More are counted, and not kept: a record that was replaced as a whole needs no million lines. */
const PROBLEMS_MAX = 10_000;

export class ProblemList {
  readonly problems: Problem[] = [];
  /** Not kept, for want of room. */
  leftOut = 0;

  get ok(): boolean {
    return this.leftOut === 0 && !this.problems.some(isFault);
  }

  /** Joined with the last one when it goes on where that ends, with the same to say. */
  add(kind: ProblemKind, agentId: string, firstSeq: number, lastSeq: number, message: string): void {
    const last = this.problems.at(-1);
    const joins =
      last?.kind === kind &&
      last.agent_id === agentId &&
      last.message === message &&
      last.last_seq + 1 === firstSeq &&
      firstSeq > 0;
    if (joins) {
      this.problems[this.problems.length - 1] = { ...last, last_seq: lastSeq };
      return;
    }
    if (this.problems.length >= PROBLEMS_MAX) this.leftOut++;
    else this.problems.push({ kind, agent_id: agentId, first_seq: firstSeq, last_seq: lastSeq, message });
  }
}
