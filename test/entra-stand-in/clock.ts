// SPDX-License-Identifier: Apache-2.0

/** The stand-in's wall clock: real time plus an offset that a test moves. */
export interface MovableClock {
  nowMs(): number;
  advance(ms: number): void;
  reset(): void;
}

export function createMovableClock(base: () => number = Date.now): MovableClock {
  let offsetMs = 0;
  return {
    nowMs: () => base() + offsetMs,
    advance(ms) {
      offsetMs += ms;
    },
    reset() {
      offsetMs = 0;
    },
  };
}
