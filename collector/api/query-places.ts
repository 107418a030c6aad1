// SPDX-License-Identifier: Apache-2.0

/** So many queries of people at a time; the next waits a little, and is then turned away. */
import { CollectorError } from '../model/error.ts';

const WAIT_MS_MAX = 5_000;
const WAITING_MAX = 64;

export class QueryPlaces {
  #free: number;
  readonly #waitMsMax: number;
  readonly #waiting: ((granted: boolean) => void)[] = [];

  constructor(places: number, waitMsMax = WAIT_MS_MAX) {
    this.#free = places;
    this.#waitMsMax = waitMsMax;
  }

  /**
   * Take a place; give it back by calling the result, once.
   *
   * Errors   CollectorError `query_busy`
   */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else if (this.#waiting.length >= WAITING_MAX || !(await this.#wait())) {
      throw new CollectorError('query_busy', 'all places for queries are taken; try again');
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next(true);
    };
  }

  #wait(): Promise<boolean> {
    return new Promise((resolve) => {
      const granted = (yes: boolean) => {
        clearTimeout(timer);
        resolve(yes);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1);
        resolve(false);
      }, this.#waitMsMax);
      this.#waiting.push(granted);
    });
  }
}
