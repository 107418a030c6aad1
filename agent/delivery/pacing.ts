// SPDX-License-Identifier: Apache-2.0

/**
 * Holds the work of catching up, after a time without a collector, to a share of one core: so much work, so much rest.
 * Live delivery is not held back, nor is anything once the journal is filling up: then losing is worse than being felt.
 */
export interface PacingOptions {
  /** Of one core, above 0 and up to 1. */
  readonly catchUpShare: number;
  /** A batch at least this full says that there is more behind it. */
  readonly fullBytes: number;
}

/** From half full on, the journal is emptied as fast as it goes. */
const URGENT_FULLNESS = 0.5;

/**
 * Reading, compressing and sending are timed; encryption, receipts and garbage are not seen from there. Measured against the
 * CPU time of the process, catching up with 400,000 sealed commands: 1.85 times what was timed, so that a little is left.
 */
const CPU_PER_TIMED = 1.9;

/** Rest in pieces, so that the share holds over any second. */
const REST_MS_MAX = 1000;

export class Pacing {
  readonly #options: PacingOptions;
  #restMs = 0;

  constructor(options: PacingOptions) {
    this.#options = options;
  }

  /** How long to rest after a batch whose work was timed as `workMs`; short rests are saved up until a timer can keep them. */
  restAfter(workMs: number, batchBytes: number, journalFullness: number): number {
    const { catchUpShare, fullBytes } = this.#options;
    if (batchBytes < fullBytes || journalFullness >= URGENT_FULLNESS) {
      this.#restMs = 0;
      return 0;
    }
    this.#restMs = Math.min(REST_MS_MAX, this.#restMs + workMs * (CPU_PER_TIMED / catchUpShare - 1));
    if (this.#restMs < 5) return 0;
    const restMs = this.#restMs;
    this.#restMs = 0;
    return restMs;
  }
}
