// SPDX-License-Identifier: Apache-2.0

/** The terminal of an exec with -t, in stretches: what was typed and shown, and how large it was. */
import type { TerminalEvent, TerminalStretch } from '../decoder.ts';
import { TypedLine } from '../typed-line.ts';

const STRETCH_BYTES_MAX = 64 * 1024;
const STRETCH_NS = 1_000_000_000;
/** Each event costs its object. */
const STRETCH_EVENTS_MAX = 4096;
/** `{"Width":80,"Height":24}`, one or several in a message. */
const SIZE_BYTES_MAX = 4096;
const SIDE_MAX = 65_535;

export class Terminal {
  readonly #name: string;
  readonly #give: (stretch: TerminalStretch) => void;
  #columns = 0;
  #rows = 0;
  #startColumns = 0;
  #startRows = 0;
  #events: TerminalEvent[] = [];
  #bytes = 0;
  #sizes = '';
  readonly #line = new TypedLine();

  constructor(name: string, give: (stretch: TerminalStretch) => void) {
    this.#name = name;
    this.#give = give;
  }

  get heldBytes(): number {
    return this.#bytes + this.#sizes.length;
  }

  passed(kind: 'typed' | 'shown', bytes: Uint8Array, at: number): void {
    for (let from = 0; from < bytes.length; ) {
      this.#makeRoom(at);
      const part = bytes.subarray(from, from + STRETCH_BYTES_MAX - this.#bytes);
      this.#events.push({ kind, bytes: Buffer.from(part), at });
      this.#bytes += part.length;
      if (kind === 'typed') this.#line.typed(part);
      from += part.length;
    }
  }

  /** Text of the resize channel, which may come in pieces. */
  sized(bytes: Uint8Array, at: number): void {
    this.#sizes += Buffer.from(bytes).toString('latin1');
    for (let end = this.#sizes.indexOf('}'); end >= 0; end = this.#sizes.indexOf('}')) {
      const text = this.#sizes.slice(0, end + 1);
      this.#sizes = this.#sizes.slice(end + 1);
      const columns = sideIn(text, 'Width');
      const rows = sideIn(text, 'Height');
      if (columns === undefined || rows === undefined) continue;
      this.#makeRoom(at);
      this.#columns = columns;
      this.#rows = rows;
      this.#events.push({ kind: 'resized', columns, rows, at });
    }
    if (this.#sizes.length > SIZE_BYTES_MAX) this.#sizes = '';
  }

  end(): void {
    this.#sizes = '';
    this.#giveOut();
  }

  #makeRoom(at: number): void {
    const first = this.#events[0];
    if (first === undefined) return;
    const isFull = this.#bytes >= STRETCH_BYTES_MAX || this.#events.length >= STRETCH_EVENTS_MAX;
    const isOld = at - first.at >= STRETCH_NS && !this.#line.waits(first.at, at);
    if (isFull || isOld) this.#giveOut();
  }

  #giveOut(): void {
    if (this.#events.length > 0) {
      this.#give({
        terminal: this.#name,
        columns: this.#startColumns,
        rows: this.#startRows,
        events: this.#events,
        cutBytes: 0,
      });
    }
    this.#events = [];
    this.#bytes = 0;
    this.#startColumns = this.#columns;
    this.#startRows = this.#rows;
  }
}

function sideIn(text: string, name: string): number | undefined {
  const [, digits] = new RegExp(`"${name}"\\s*:\\s*(\\d{1,5})`).exec(text) ?? [];
  const side = Number(digits);
  return digits !== undefined && side <= SIDE_MAX ? side : undefined;
}
