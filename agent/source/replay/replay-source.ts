// SPDX-License-Identifier: Apache-2.0

/** Events from a recording, as fast as they are taken, at the times that they happened. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { KernelEvent } from '../../model/kernel-event.ts';
import type { EventHandler, KernelEventSource, SourceClock } from '../kernel-event-source.ts';
import { lineToEvent, lineToHeader, type RecordingHeader } from './recording.ts';

/** Events of one batch: about what a busy ring gives at once. */
const BATCH_EVENTS = 256;

/** The recording's own time: it is what it was when the last event happened. */
class ReplayClock implements SourceClock {
  readonly #epochUnixNs: bigint;
  nowNs = 0;

  constructor(header: RecordingHeader) {
    this.#epochUnixNs = BigInt(header.epochUnixNs);
  }

  toUnixNs(atNs: number): bigint {
    return BigInt(atNs) + this.#epochUnixNs;
  }

  fromUnixNs(unixNs: bigint): number {
    return Number(unixNs - this.#epochUnixNs);
  }

  now(): number {
    return this.nowNs;
  }
}

export class ReplaySource implements KernelEventSource {
  readonly clock: ReplayClock;
  readonly note: string;
  readonly #lines: AsyncIterator<string>;
  #line = 1;
  #stops = false;
  /** Resolves when the last event was taken; rejects as `start` would when the recording is damaged before its end. */
  ended: Promise<void> = Promise.resolve();

  private constructor(header: RecordingHeader, lines: AsyncIterator<string>) {
    this.clock = new ReplayClock(header);
    this.note = header.note;
    this.#lines = lines;
  }

  /** Errors: those of the file system, and an Error when the file is no recording. */
  static async open(file: string | URL): Promise<ReplaySource> {
    const lines = createInterface({ input: createReadStream(file) })[Symbol.asyncIterator]();
    const first = await lines.next();
    return new ReplaySource(lineToHeader(first.done === true ? '' : first.value), lines);
  }

  async start(handler: EventHandler): Promise<void> {
    this.ended = this.#run(handler);
    // Whoever awaits `ended` hears of it; nobody has to.
    this.ended.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stops = true;
    await this.#lines.return?.();
    await this.ended.catch(() => {});
  }

  async #run(handler: EventHandler): Promise<void> {
    let batch: KernelEvent[] = [];
    const hand = async () => {
      const full = batch;
      batch = [];
      if (full.length > 0) await handler(full);
    };
    for (;;) {
      const next = await this.#lines.next();
      if (next.done === true || this.#stops) break;
      this.#line++;
      let event: KernelEvent;
      try {
        event = lineToEvent(next.value);
      } catch (cause) {
        const after = await this.#lines.next();
        if (after.done !== true) throw new Error(`line ${this.#line} of the recording is no event`, { cause });
        // The recording program was killed while it wrote.
        batch.push(this.#torn());
        break;
      }
      this.clock.nowNs = Math.max(this.clock.nowNs, event.atNs);
      batch.push(event);
      if (batch.length >= BATCH_EVENTS) await hand();
    }
    await hand();
  }

  #torn(): KernelEvent {
    const atNs = this.clock.nowNs;
    return { type: 'missed', atNs, sinceNs: atNs, where: 'recording', reason: 'recording_torn', events: 1, bytes: 0 };
  }
}
