// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work beyond this waits for the next turn of the event loop. Single pieces of work take up to 10 ms. */
const SLICE_MS = 4;

/** Lets other work have its turn when enough was done. */
export class Slices {
  #sinceMs = performance.now();

  async breathe(): Promise<void> {
    if (performance.now() - this.#sinceMs < SLICE_MS) return;
    await nextTurn();
    this.#sinceMs = performance.now();
  }

  /** Drives a search to its end. */
  async run<Found>(search: Generator<undefined, Found>): Promise<Found> {
    let step = search.next();
    while (!step.done) {
      await this.breathe();
      step = search.next();
    }
    return step.value;
  }
}
