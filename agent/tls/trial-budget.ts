// SPDX-License-Identifier: Apache-2.0

/**
 * What all connections of a session may spend together on secrets that name no connection. Each of them may be of each
 * connection that waits, so that the work is their product: bounds of each connection do not bound it.
 */

/** Some 0.3 s of CPU time at once. */
const TRIALS_MAX = 16_384;
/** And then a sixth of one CPU. */
const TRIALS_PER_SECOND = 8192;
/** What a secret that was found brings in: a host with many connections may try more, four times that for each. */
const TRIALS_EARNED = 8;
/** In portions, so that connections do not look through all secrets for one trial each. */
const REFILL_NS = 1e8;

export class TrialBudget {
  #left = TRIALS_MAX;
  #refilledNs = 0;

  /** Takes them if there is one at all: what is too much is taken from what comes. False when none is left for now. */
  spend(trials: number, nowNs: number): boolean {
    const passedNs = nowNs - this.#refilledNs;
    if (passedNs >= REFILL_NS) {
      this.#left = Math.min(TRIALS_MAX, this.#left + (passedNs / 1e9) * TRIALS_PER_SECOND);
      this.#refilledNs = nowNs;
    }
    if (this.#left < 1) return false;
    this.#left -= trials;
    return true;
  }

  /** One of them has opened a record. */
  earn(): void {
    this.#left = Math.min(TRIALS_MAX, this.#left + TRIALS_EARNED);
  }
}
