// SPDX-License-Identifier: Apache-2.0

/**
 * Gathers what happens at a terminal into stretches, whatever carries it.
 *
 * Whether typed text may be kept is told by what is shown next (`agent/activity/terminal-stretch.ts`): what is not answered
 * yet when a stretch is over goes into the next one, as long as there is little of it.
 *
 * Bounds   STRETCH_BYTES and STRETCH_EVENTS of a stretch, however large a message is
 */
import type { TerminalEvent, TerminalStretch } from './decoder.ts';
import { TypedLine } from './typed-line.ts';

export const STRETCH_BYTES = 64 * 1024;
/** Each event costs its object. */
const STRETCH_EVENTS = 4096;
const STRETCH_NS = 1e9;

export class Terminal {
  readonly #name: string;
  readonly #give: (stretch: TerminalStretch) => void;
  #columns: number;
  #rows: number;
  #startColumns: number;
  #startRows: number;
  #events: TerminalEvent[] = [];
  #bytes = 0;
  readonly #line = new TypedLine();

  /** `size`: when it is known before anything was typed or shown. */
  constructor(
    name: string,
    give: (stretch: TerminalStretch) => void,
    size: { readonly columns: number; readonly rows: number } = { columns: 0, rows: 0 },
  ) {
    this.#name = name;
    this.#columns = this.#startColumns = size.columns;
    this.#rows = this.#startRows = size.rows;
    this.#give = give;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  /** Keeps copies only. */
  add(kind: 'typed' | 'shown', bytes: Uint8Array, at: number): void {
    this.#before(at);
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + STRETCH_BYTES - this.#bytes);
      this.#events.push({ kind, bytes: new Uint8Array(part), at });
      this.#bytes += part.length;
      from += part.length;
      if (kind === 'typed') this.#line.typed(part);
      if (this.#bytes >= STRETCH_BYTES) this.flush();
    }
    this.#boundEvents();
  }

  resize(columns: number, rows: number, at: number): void {
    this.#before(at);
    this.#events.push({ kind: 'resized', columns, rows, at });
    this.#columns = columns;
    this.#rows = rows;
    this.#boundEvents();
  }

  flush(): void {
    if (this.#events.length > 0) {
      this.#give({
        terminal: this.#name,
        columns: this.#startColumns,
        rows: this.#startRows,
        events: this.#events,
        cutBytes: 0,
      });
    }
    this.#startColumns = this.#columns;
    this.#startRows = this.#rows;
    this.#events = [];
    this.#bytes = 0;
  }

  #boundEvents(): void {
    if (this.#events.length >= STRETCH_EVENTS) this.flush();
  }

  #before(at: number): void {
    const first = this.#events[0];
    if (first === undefined || at - first.at < STRETCH_NS || this.#line.waits(first.at, at)) return;
    const unanswered = this.#unanswered();
    if (unanswered === 0) return;
    const later = this.#events.splice(unanswered);
    this.flush();
    this.#events = later;
    for (const event of later) if (event.kind === 'typed') this.#bytes += event.bytes.length;
  }

  /** Index of the first of the events at the end that are typed. */
  #unanswered(): number {
    let from = this.#events.length;
    while (from > 0 && this.#events[from - 1]?.kind === 'typed') from--;
    return from;
  }
}
