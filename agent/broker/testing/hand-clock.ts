// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '../clock.ts';

/** A clock that stands still until it is moved. */
export interface HandClock extends Clock {
  advance(ms: number): void;
  /** Moves the wall clock alone, as an operator or NTP does. */
  jump(ms: number): void;
}

export function createHandClock(startMs: number = Date.now()): HandClock {
  let [wall, monotonic] = [startMs, 1_000];
  return {
    wallMs: () => wall,
    monotonicMs: () => monotonic,
    advance(ms) {
      wall += ms;
      monotonic += ms;
    },
    jump(ms) {
      wall += ms;
    },
  };
}
