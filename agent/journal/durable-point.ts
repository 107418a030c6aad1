// SPDX-License-Identifier: Apache-2.0

/** Up to which entry the journal is on stable storage, and those who wait for it to go on. */
import type { JournalError } from './journal-error.ts';

interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: JournalError) => void;
}

export class DurablePoint {
  #seq: number;
  #waiters: Waiter[] = [];
  readonly #readers = new Set<() => void>();

  constructor(seq: number) {
    this.#seq = seq;
  }

  get seq(): number {
    return this.#seq;
  }

  advance(seq: number): void {
    this.#seq = seq;
    const done = this.#waiters.filter((waiter) => waiter.seq <= seq);
    if (done.length > 0) this.#waiters = this.#waiters.filter((waiter) => waiter.seq > seq);
    for (const { resolve } of done) resolve();
    this.#wakeReaders();
  }

  /** Resolves when entry `seq` is durable; rejects when `end` comes before. */
  reached(seq: number): Promise<void> {
    if (seq <= this.#seq) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ seq, resolve, reject }));
  }

  /** Nothing more will be durable, because of `error`. */
  end(error: JournalError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(error);
    this.#wakeReaders();
  }

  /** Resolves when more than `seenSeq` is durable or nothing more will be, the signal aborts, or `timeoutMs` passed. */
  beyond(seenSeq: number, timeoutMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#seq > seenSeq) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#readers.delete(wake);
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs);
      this.#readers.add(wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
  }

  #wakeReaders(): void {
    for (const wake of [...this.#readers]) wake();
  }
}
