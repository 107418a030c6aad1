// SPDX-License-Identifier: Apache-2.0

/** One line on a terminal that says how far something slow is. To standard error, and only when that is a terminal. */
import { printableLines } from './terminal-text.ts';

const INTERVAL_MS = 100;

export class ProgressLine {
  readonly #isShown = process.stderr.isTTY === true;
  #shownAt = -Infinity;

  /** `done` of `total`, of what `what` names. */
  show(what: string, done: number, total: number): void {
    if (!this.#isShown) return;
    const now = performance.now();
    if (now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    const share = total === 0 ? 100 : Math.floor((done / total) * 100);
    const text = `${printableLines(what)}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} (${share} %)`;
    process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Take the line away: what is printed next stands in its place. */
  clear(): void {
    if (this.#isShown && this.#shownAt > -Infinity) process.stderr.write('\r\u001b[K');
    this.#shownAt = -Infinity;
  }
}
