// SPDX-License-Identifier: Apache-2.0

/** Days that pass in this process alone: rows are then of several days of receipt. Timers and other processes stay in today. */

const RealDate = Date;
const DAY_MS = 86_400_000;
let awayMs = 0;

class MovedDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(MovedDate.now());
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + awayMs;
  }
}

/** From now on it is as many days ago; 0: today. Between lives of a collector, never during one. */
export function liveDaysAgo(days: number): void {
  awayMs = -days * DAY_MS;
  globalThis.Date = days === 0 ? RealDate : (MovedDate as DateConstructor);
}

/** YYYY-MM-DD */
export function dayAgo(days: number): string {
  return new RealDate(RealDate.now() - days * DAY_MS).toISOString().slice(0, 10);
}
