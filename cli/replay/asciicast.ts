// SPDX-License-Identifier: Apache-2.0

/**
 * A terminal as an asciicast, version 2: a header, then one event a line, [seconds, code, text].
 *
 * Shape    codes o (shown), i (typed), r (resized, "80x24"); text is UTF-8, a character is never cut in two
 * Keeps    what is shown goes through the filter of terminals: whoever plays the file has it act on his own
 * Source   asciicast v2, docs.asciinema.org/manual/asciicast/v2
 */
import { printableJson } from '../print/terminal-text.ts';
import { TerminalFilter } from './terminal-filter.ts';
import type { TerminalMoment } from './terminal-moments.ts';

export interface CastHeader {
  readonly columns: number;
  readonly rows: number;
  readonly startNs: bigint;
  readonly title: string;
  readonly shell: string;
}

/** What is taken when the size was never told. */
const USUAL = { columns: 80, rows: 24 } as const;

export class Asciicast {
  readonly #startNs: bigint;
  readonly #filter = new TerminalFilter();
  readonly #typed = new TextDecoder();
  readonly header: string;

  constructor({ columns, rows, startNs, title, shell }: CastHeader) {
    this.#startNs = startNs;
    const about = {
      version: 2,
      width: columns || USUAL.columns,
      height: rows || USUAL.rows,
      timestamp: Number(startNs / 1_000_000_000n),
      title,
      env: { TERM: 'xterm-256color', SHELL: shell },
    };
    this.header = printableJson(JSON.stringify(about));
  }

  get leftOut(): number {
    return this.#filter.leftOut;
  }

  /** Undefined: nothing of it is for a player. */
  lineOf(moment: TerminalMoment): string | undefined {
    const seconds = Number(moment.atNs - this.#startNs) / 1e9;
    switch (moment.what) {
      case 'resized':
        return line(seconds, 'r', `${moment.columns}x${moment.rows}`);
      case 'shown':
        return line(seconds, 'o', this.#filter.take(moment.bytes));
      case 'typed':
        return line(seconds, 'i', this.#typed.decode(moment.bytes, { stream: true }));
      case 'hidden':
        return undefined;
    }
  }
}

function line(seconds: number, code: string, text: string): string | undefined {
  if (text === '') return undefined;
  return printableJson(JSON.stringify([Math.round(Math.max(0, seconds) * 1e6) / 1e6, code, text]));
}
