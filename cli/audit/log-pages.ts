// SPDX-License-Identifier: Apache-2.0

/** Pages of rows, in order, each with its leaves; the next one is asked for while one is worked on. */
import type { Addon, DoubledRow, RowLeafWriter } from '../../agent/source/ebpf/addon.ts';
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { PageRoom } from './page-room.ts';
import type { RecordSource } from './record-source.ts';
import { rowPlan } from './row-plan.ts';

/** 10 to 30 MB of rows, and a hundredth of a second of questions for each. */
export const PAGE_ROWS = 32_768;

/** By number, from the first one that was asked for on: bits of rowState, and the leaves that come out and that stand there. */
export interface LogPage {
  readonly firstSeq: number;
  readonly count: number;
  readonly states: Buffer;
  readonly computed: Buffer;
  readonly stored: Buffer;
  /** Further rows of a number that there is one of. */
  readonly doubled: readonly DoubledRow[];
}

interface AskedPage {
  readonly firstSeq: number;
  readonly count: number;
  readonly room: PageRoom;
  readonly bytes: Promise<Buffer>;
}

export class LogPages {
  readonly rowsMax: number;
  readonly #source: RecordSource;
  readonly #agentId: string;
  readonly #highestSeq: number;
  readonly #writer: RowLeafWriter;
  #ahead: AskedPage | undefined;
  /** The last one: checkpoints lie closer together than pages are long. */
  #page: LogPage | undefined;
  /** Those that nothing is read into. One of a page that was asked for ahead and not wanted is not among them again. */
  readonly #rooms: PageRoom[] = [];

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

  /** Numbers from `firstSeq` on: `count` of them, or fewer where a page ends. */
  async read(firstSeq: number, count: number): Promise<LogPage> {
    let page = this.#page;
    if (page === undefined || firstSeq < page.firstSeq || firstSeq >= page.firstSeq + page.count) {
      page = await this.#load(firstSeq, count);
      this.#page = page;
    }
    const from = firstSeq - page.firstSeq;
    const to = Math.min(from + count, page.count);
    const endSeq = page.firstSeq + to;
    return {
      firstSeq,
      count: to - from,
      states: page.states.subarray(from, to),
      computed: page.computed.subarray(from * HASH_BYTES, to * HASH_BYTES),
      stored: page.stored.subarray(from * HASH_BYTES, to * HASH_BYTES),
      doubled: page.doubled.filter(({ seq }) => seq >= firstSeq && seq < endSeq),
    };
  }

  /** Who goes on where the last page ended gets a whole one, however few are wanted: more will be. Others what they want. */
  async #load(firstSeq: number, wanted: number): Promise<LogPage> {
    const goesOn = this.#page !== undefined && firstSeq === this.#page.firstSeq + this.#page.count;
    const isAhead = this.#ahead?.firstSeq === firstSeq;
    const asked = isAhead ? this.#ahead! : this.#ask(firstSeq, goesOn ? this.rowsMax : wanted);
    const bytes = await asked.bytes;
    const { count, room } = asked;
    this.#ahead = undefined;
    const nextFirst = firstSeq + count;
    if (count === this.rowsMax && nextFirst <= this.#highestSeq) {
      this.#ahead = this.#ask(nextFirst, this.rowsMax);
      this.#ahead.bytes.catch(() => {});
    }
    const computed = Buffer.alloc(count * HASH_BYTES);
    const stored = Buffer.alloc(count * HASH_BYTES);
    const states = Buffer.alloc(count);
    const { doubled } = this.#writer.read(bytes, firstSeq, computed, stored, states);
    this.#rooms.push(room);
    return { firstSeq, count, computed, stored, states, doubled };
  }

  #ask(firstSeq: number, count: number): AskedPage {
    const room = this.#rooms.pop() ?? new PageRoom();
    return { firstSeq, count, room, bytes: this.#source.page(this.#agentId, firstSeq, count, room) };
  }
}
