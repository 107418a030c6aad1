// SPDX-License-Identifier: Apache-2.0

/**
 * Writes rows of checkpoints, of all agents together: thousands of agents seal every few seconds, and each insert is a part
 * on disk that must be merged. One insert at a time; what comes meanwhile goes into the next.
 */
import type { CheckpointRow, LogStore } from '../store/log-store.ts';

const INTERVAL_MS = 100;

interface Waiting {
  readonly row: CheckpointRow;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CheckpointWriter {
  readonly #store: LogStore;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Resolves when the row is stored. Errors: those of the store; whether the row is there is then unknown, and no matter. */
  write(row: CheckpointRow): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#store.appendCheckpoints(group.map(({ row }) => row));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
    this.#running = false;
  }
}
