// SPDX-License-Identifier: Apache-2.0

/**
 * Writes whole tiles of level 1 and above, behind the checkpoints that are cosigned, so that proofs need not read every row.
 * The leaves themselves are the rows. One log after the other, from where the table ends: nothing is kept in between.
 */
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { describeError } from '../model/error.ts';
import type { LogStore } from '../store/log-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type LogReader, rootOfHashes } from './log-reader.ts';

/** For so many logs it is remembered how far they are; of others the table is asked again. */
const KNOWN_MAX = 20_000;
const HASHES_A_READ = 64;

export interface TileWriterOptions {
  readonly store: LogStore;
  readonly reader: LogReader;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
}

export class TileWriter {
  readonly #options: TileWriterOptions;
  /** Sizes up to which tiles are to be written, by log. */
  readonly #waiting = new Map<string, number>();
  /** How many whole tiles of level 1 are known to be there, by log. */
  readonly #known = new Map<string, number>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: TileWriterOptions) {
    this.#options = options;
  }

  /** The log has a cosigned checkpoint of this size. */
  offer(agentId: string, size: number): void {
    const whole = Math.floor(size / TILE_WIDTH ** 2);
    if (this.#stopped || whole === 0 || this.#known.get(agentId) === whole) return;
    this.#waiting.set(agentId, size);
    this.#running ??= this.#run();
  }

  /** Begin no further one; resolves when the one that is being written is there. What is left out is written another time. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.idle();
  }

  /** Resolves when nothing is to be done. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    for (const [agentId, size] of this.#waiting) {
      this.#waiting.delete(agentId);
      try {
        await this.#write(agentId, size);
      } catch (error) {
        this.#options.metrics.tileErrors.add();
        this.#options.log.warn({ agent: agentId, detail: describeError(error) }, 'tiles are written another time');
      }
    }
    this.#running = undefined;
  }

  async #write(agentId: string, size: number): Promise<void> {
    const { store, metrics } = this.#options;
    for (let level = 1; TILE_WIDTH ** (level + 1) <= size; level++) {
      const end = Math.floor(size / TILE_WIDTH ** (level + 1));
      for (let index = await store.tilesEnd(agentId, level); index < end; index++) {
        if (this.#stopped) return;
        const hashes = await this.#hashes(agentId, level, index);
        if (hashes === undefined) metrics.tilesSkipped.add();
        else await store.appendTiles([{ agentId, level, index, hashes, timeMs: Date.now() }]);
      }
    }
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(agentId, Math.floor(size / TILE_WIDTH ** 2));
  }

  /** Undefined when rows of it are missing: then there are no proofs through it either. */
  async #hashes(agentId: string, level: number, index: number): Promise<Buffer | undefined> {
    const { reader, store } = this.#options;
    const hashes: Buffer[] = [];
    while (hashes.length < TILE_WIDTH) {
      const at = index * TILE_WIDTH + hashes.length;
      if (level > 1) {
        const below = await store.tile(agentId, level - 1, at);
        if (below?.length !== TILE_WIDTH * HASH_BYTES) return undefined;
        hashes.push(rootOfHashes(below));
        continue;
      }
      const leaves = await reader.leaves(agentId, at * TILE_WIDTH, (at + HASHES_A_READ) * TILE_WIDTH);
      if (leaves === undefined) return undefined;
      const bytes = TILE_WIDTH * HASH_BYTES;
      for (let from = 0; from < leaves.length; from += bytes)
        hashes.push(rootOfHashes(leaves.subarray(from, from + bytes)));
    }
    return Buffer.concat(hashes);
  }
}
