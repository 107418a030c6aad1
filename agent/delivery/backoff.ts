// SPDX-License-Identifier: Apache-2.0

/** How long to wait before the next attempt: twice as long each time up to a bound, and by chance, so that many agents that
 * lost their collector at the same moment do not come back at the same moment. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #chance: () => number;
  #failures = 0;

  /** `chance` gives numbers from 0 to 1. */
  constructor(firstMs: number, mostMs: number, chance: () => number = Math.random) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#chance = chance;
  }

  /** At least half of the time of its turn, so that it is never no wait at all. */
  next(): number {
    const wholeMs = Math.min(this.#mostMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return wholeMs * (0.5 + 0.5 * this.#chance());
  }

  reset(): void {
    this.#failures = 0;
  }
}
