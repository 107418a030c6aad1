// SPDX-License-Identifier: Apache-2.0

/** Pages of rows, in order, each with its leaves; the next one is asked for while one is worked on. */
import { type Addon, type DoubledRow, type RowLeafWriter, rowState } from '../../agent/source/ebpf/addon.ts';
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { PageRoom } from './page-room.ts';
import type { RecordSource, RowPage } from './record-source.ts';
import { rowPlan } from './row-plan.ts';

/** 20 to 60 MB of rows, two of them at a time; of the engine's work a quarter less than with half as many. */
export const PAGE_ROWS = 65_536;

const { same, foreign } = rowState;
/** Of a row that has its leaf, and nothing beside it. */
const WHOLE = same | foreign;

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
  readonly rows: Promise<RowPage>;
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
    let rows = await asked.rows;
    const { count, room } = asked;
    this.#ahead = undefined;
    const nextFirst = firstSeq + count;
    if (count === this.rowsMax && nextFirst <= this.#highestSeq) {
      this.#ahead = this.#ask(nextFirst, this.rowsMax);
      this.#ahead.rows.catch(() => {});
    }
    let page = this.#leavesOf(rows, firstSeq, count);
    if (rows.asked !== undefined && page.isOdd) {
      rows = await this.#source.page(this.#agentId, firstSeq, count, room, true);
      page = this.#leavesOf(rows, firstSeq, count);
    }
    this.#rooms.push(room);
    return page;
  }

  #leavesOf({ bytes, asked }: RowPage, firstSeq: number, count: number): LogPage & { readonly isOdd: boolean } {
    const computed = Buffer.alloc(count * HASH_BYTES);
    const stored = Buffer.alloc(count * HASH_BYTES);
    const states = Buffer.alloc(count);
    const { doubled } = this.#writer.read(bytes, firstSeq, computed, stored, states, asked);
    const isOdd = doubled.length > 0 || states.some((state) => (state & WHOLE) !== same && state !== 0);
    return { firstSeq, count, computed, stored, states, doubled, isOdd };
  }

  #ask(firstSeq: number, count: number): AskedPage {
    const room = this.#rooms.pop() ?? new PageRoom();
    return { firstSeq, count, room, rows: this.#source.page(this.#agentId, firstSeq, count, room) };
  }
}
