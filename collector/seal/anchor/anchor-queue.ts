// SPDX-License-Identifier: Apache-2.0

/**
 * Checkpoints on their way to one anchor: in order, tried again until they are kept. What waits is bounded: of a log the
 * newest says what the older ones say, so the oldest go first, counted.
 */
import { setTimeout } from 'node:timers/promises';
import { describeError } from '../../model/error.ts';
import type { CollectorMetrics } from '../../telemetry/collector-metrics.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Anchor } from '../witnessing.ts';
import { AnchorFile, AnchorFolder, type AnchorPlace } from './anchor-place.ts';

/** Half a kilobyte each: 5 MB. */
const WAITING_MAX = 10_000;
const BLOCK_MAX = 256;
const PAUSE_MS_FIRST = 1_000;
const PAUSE_MS_MAX = 60_000;

export interface AnchorQueueOptions {
  readonly place: AnchorPlace;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly pauseMsFirst?: number;
  readonly waitingMax?: number;
}

/** The anchors of the configuration. */
export function anchorsOf(
  { anchors }: { readonly anchors: readonly ({ readonly file: string } | { readonly folder: string })[] },
  parts: { readonly metrics: CollectorMetrics; readonly log: Log },
): AnchorQueue[] {
  return anchors.map((one) => {
    const place = 'file' in one ? new AnchorFile(one.file) : new AnchorFolder(one.folder);
    return new AnchorQueue({ place, ...parts });
  });
}

export class AnchorQueue implements Anchor {
  readonly #options: AnchorQueueOptions;
  #waiting: string[] = [];
  #running: Promise<void> | undefined;
  #pauseMs = 0;
  readonly #stopped = new AbortController();

  constructor(options: AnchorQueueOptions) {
    this.#options = options;
    for (const outcome of ['kept', 'failed']) options.metrics.anchorWrites.add(0, this.#labels({ outcome }));
    options.metrics.anchorsDropped.add(0, this.#labels());
    options.metrics.anchorQueue.set(0, this.#labels());
  }

  /** Resolves when it is kept, or when the anchor fails and it waits. Never throws. */
  async put(note: string): Promise<void> {
    const { metrics, waitingMax = WAITING_MAX } = this.#options;
    this.#waiting.push(note);
    const tooMany = this.#waiting.length - waitingMax;
    if (tooMany > 0) {
      this.#waiting.splice(0, tooMany);
      metrics.anchorsDropped.add(tooMany, this.#labels());
    }
    this.#tell();
    if (this.#pauseMs > 0) return;
    this.#running ??= this.#run();
    await this.#running;
  }

  /** One more attempt for what waits, and no pause before it. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    if (this.#waiting.length > 0) await this.#attempt();
    if (this.#waiting.length > 0) {
      const { log, metrics } = this.#options;
      metrics.anchorsDropped.add(this.#waiting.length, this.#labels());
      log.error({ ...this.#labels(), checkpoints: this.#waiting.length }, 'an anchor has not kept these checkpoints');
    }
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (await this.#attempt()) continue;
      void this.#later();
      break;
    }
    this.#running = undefined;
  }

  async #later(): Promise<void> {
    this.#pauseMs = Math.min(
      this.#pauseMs === 0 ? (this.#options.pauseMsFirst ?? PAUSE_MS_FIRST) : this.#pauseMs * 2,
      PAUSE_MS_MAX,
    );
    try {
      await setTimeout(this.#pauseMs, undefined, { signal: this.#stopped.signal });
    } catch {
      return;
    }
    this.#running ??= this.#run();
  }

  async #attempt(): Promise<boolean> {
    const { place, metrics, log } = this.#options;
    const block = this.#waiting.slice(0, BLOCK_MAX);
    try {
      await place.keep(block);
    } catch (error) {
      metrics.anchorWrites.add(1, this.#labels({ outcome: 'failed' }));
      const level = this.#pauseMs === 0 ? 'error' : 'debug';
      log[level]({ ...this.#labels(), detail: describeError(error) }, 'an anchor fails; checkpoints wait for it');
      return false;
    }
    // Some of them may have been dropped from the front meanwhile.
    const kept = new Set(block);
    this.#waiting = this.#waiting.filter((note) => !kept.has(note));
    metrics.anchorWrites.add(block.length, this.#labels({ outcome: 'kept' }));
    if (this.#pauseMs > 0) log.info(this.#labels(), 'the anchor keeps checkpoints again');
    this.#pauseMs = 0;
    this.#tell();
    return true;
  }

  #tell(): void {
    this.#options.metrics.anchorQueue.set(this.#waiting.length, this.#labels());
  }

  #labels(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { anchor: this.#options.place.name, ...more };
  }
}
