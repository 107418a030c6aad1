// SPDX-License-Identifier: Apache-2.0

/** Pages of rows, in order, each with its leaves; the next one is asked for while one is worked on. */
import type { Addon, DoubledRow, RowLeafWriter } from '../../agent/source/ebpf/addon.ts';
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import type { RecordSource } from './record-source.ts';
import { rowPlan } from './row-plan.ts';

/** 10 to 30 MB of rows, and a hundredth of a second of questions for each. */
export const PAGE_ROWS = 32_768;

/** By number, from the first one that was asked for on: bits of rowState, and the leaves that come out and that stand there. */
export interface LogPage {
  readonly states: Buffer;
  readonly computed: Buffer;
  readonly stored: Buffer;
  /** Further rows of a number that there is one of. */
  readonly doubled: readonly DoubledRow[];
}

export class LogPages {
  readonly rowsMax: number;
  readonly #source: RecordSource;
  readonly #agentId: string;
  readonly #highestSeq: number;
  readonly #writer: RowLeafWriter;
  #ahead: { readonly firstSeq: number; readonly bytes: Promise<Buffer> } | undefined;

  constructor(
    source: RecordSource,
    addon: Pick<Addon, 'RowLeafWriter'>,
    { agentId, highestSeq }: { readonly agentId: string; readonly highestSeq: number },
    rowsMax = PAGE_ROWS,
  ) {
    this.rowsMax = rowsMax;
    this.#source = source;
    this.#agentId = agentId;
    this.#highestSeq = highestSeq;
    const { plan, texts } = rowPlan();
    this.#writer = new addon.RowLeafWriter(plan, texts);
  }

  /** `count` is at most `rowsMax`. It may hold more than that; doubled rows are of what was asked for. */
  async read(firstSeq: number, count: number): Promise<LogPage> {
    const isAhead = this.#ahead?.firstSeq === firstSeq;
    // What was asked for ahead may hold more than is wanted now.
    const room = isAhead ? this.rowsMax : count;
    const bytes = await (isAhead ? this.#ahead!.bytes : this.#source.page(this.#agentId, firstSeq, count));
    this.#ahead = undefined;
    const nextFirst = firstSeq + count;
    if (count === this.rowsMax && nextFirst <= this.#highestSeq) {
      this.#ahead = { firstSeq: nextFirst, bytes: this.#source.page(this.#agentId, nextFirst, this.rowsMax) };
      this.#ahead.bytes.catch(() => {});
    }
    const computed = Buffer.alloc(room * HASH_BYTES);
    const stored = Buffer.alloc(room * HASH_BYTES);
    const states = Buffer.alloc(room);
    const { doubled } = this.#writer.read(bytes, firstSeq, computed, stored, states);
    return { computed, stored, states, doubled: doubled.filter(({ seq }) => seq < firstSeq + count) };
  }
}
