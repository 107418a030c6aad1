// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { EventHandler, KernelEventSource, SourceClock } from '../kernel-event-source.ts';
import { eventToLine, type RecordingHeader } from './recording.ts';

/** A source whose events are also written to a file, which only its owner may read: they are not redacted. */
export class RecordedSource implements KernelEventSource {
  readonly #source: KernelEventSource;
  readonly #note: string;
  readonly #file: string;
  #descriptor: number | undefined;

  constructor(source: KernelEventSource, file: string, note: string) {
    this.#source = source;
    this.#file = file;
    this.#note = note;
  }

  get clock(): SourceClock {
    return this.#source.clock;
  }

  /** Errors: those of the source and of the file system. */
  async start(handler: EventHandler): Promise<void> {
    // A file that is there keeps the rights that it has, which may be anybody's.
    rmSync(this.#file, { force: true });
    this.#descriptor = openSync(this.#file, 'wx', 0o600);
    const epochUnixNs = String(this.clock.toUnixNs(0));
    this.#write([JSON.stringify({ recording: 1, epochUnixNs, note: this.#note } satisfies RecordingHeader)]);
    await this.#source.start((events) => {
      // Before the handler, which may fail on them: that is what recordings are for.
      this.#write(events.map(eventToLine));
      return handler(events);
    });
  }

  async stop(): Promise<void> {
    await this.#source.stop();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #write(lines: readonly string[]): void {
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, lines.map((line) => `${line}\n`).join(''));
  }
}
