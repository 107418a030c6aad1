// SPDX-License-Identifier: Apache-2.0

/**
 * Looks at large files in a thread of its own, so that events do not wait for them: a hundred megabytes take some 350 ms.
 * The thread starts with the first such file and stays, because a warm one looks twice as fast as a new one.
 */

import { Worker } from 'node:worker_threads';
import type { Inspection } from './inspect-image.ts';
import type { LookAnswer, LookRequest } from './look-worker.ts';

/** Smaller files are looked at within 20 ms, in pieces, sooner than another thread could answer. */
export const LARGE_BYTES = 8 * 1024 * 1024;

const PROGRAM = new URL('./look-worker.ts', import.meta.url);
/** A look needs some megabytes. A file that makes it need more ends the thread, not the agent. */
const HEAP_MIB_MAX = 128;

/** A file that is open, and stays so until the answer is there: an OpenFile. */
export type LargeFile = Pick<LookRequest, 'descriptor' | 'sizeBytes' | 'path'>;

interface Waiting {
  resolve(found: Inspection | string): void;
  reject(error: Error): void;
}

export class LargeFiles {
  #worker: Worker | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** Errors: those of reading the file; `ERR_LOOK_ENDED` when the thread has ended over it. The next look starts another. */
  async inspect(file: LargeFile, path: string): Promise<Inspection> {
    return (await this.#ask('inspection', file, path)) as Inspection;
  }

  /** Hex, of all that the file holds. Errors: as `inspect`. */
  async sha256(file: LargeFile): Promise<string> {
    return (await this.#ask('sha256', file, file.path)) as string;
  }

  /** Starts the thread ahead of the first file. */
  warmUp(): void {
    this.#worker ??= this.#start();
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(what: LookRequest['what'], file: LargeFile, path: string): Promise<Inspection | string> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker ??= this.#start();
      // While somebody waits for it, the process stays.
      this.#worker.ref();
      const { descriptor, sizeBytes } = file;
      this.#worker.postMessage({ id, what, descriptor, sizeBytes, path } satisfies LookRequest);
    });
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX }, stdin: false });
    worker.unref();
    let reason: unknown = 'it was ended';
    worker.on('message', (answer: LookAnswer) => this.#answered(answer));
    worker.on('error', (error) => {
      reason = error;
    });
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      const ended = new Error(`the look at a file has ended: ${String(reason)}`);
      for (const { reject } of this.#waiting.values()) reject(Object.assign(ended, { code: 'ERR_LOOK_ENDED' }));
      this.#waiting.clear();
    });
    return worker;
  }

  #answered(answer: LookAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ('found' in answer) waiting?.resolve(answer.found);
    else {
      const { message, code } = answer.failure;
      waiting?.reject(Object.assign(new Error(message), { code }));
    }
  }
}
