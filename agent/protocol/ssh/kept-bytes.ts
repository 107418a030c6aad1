// SPDX-License-Identifier: Apache-2.0

/** What is kept of a stream of a channel: its head, up to a bound and to what all channels together may still keep. */
import { createHash, type Hash } from 'node:crypto';
import type { Payload } from '../decoder.ts';

/** Bytes that all channels of a connection may still keep. */
export interface Budget {
  leftBytes: number;
}

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

export class KeptBytes {
  readonly #bytesMax: number;
  readonly #budget: Budget;
  #pieces: Uint8Array[] = [];
  #keptBytes = 0;
  #totalBytes = 0;
  #hash: Hash | undefined;
  #isHole = false;

  constructor(bytesMax: number, budget: Budget) {
    this.#bytesMax = bytesMax;
    this.#budget = budget;
  }

  get heldBytes(): number {
    return this.#keptBytes;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get isCut(): boolean {
    return this.#isHole || this.#totalBytes > this.#keptBytes;
  }

  /** Returns how many of the bytes are not kept. */
  append(bytes: Uint8Array): number {
    const isOpen = this.#totalBytes === this.#keptBytes && !this.#isHole;
    const room = isOpen ? Math.min(this.#bytesMax - this.#keptBytes, this.#budget.leftBytes) : 0;
    const count = Math.max(0, Math.min(room, bytes.length));
    if (count > 0) {
      this.#pieces.push(new Uint8Array(bytes.subarray(0, count)));
      this.#keptBytes += count;
      this.#budget.leftBytes -= count;
      this.#join();
    }
    if (count < bytes.length && !this.#isHole) {
      this.#hash ??= this.#hashOfKept();
      this.#hash.update(bytes.subarray(count));
    }
    this.#totalBytes += bytes.length;
    return bytes.length - count;
  }

  /** Something of it was never seen: what comes behind is not joined to what came before. */
  addHole(): void {
    this.#isHole = true;
    this.#hash = undefined;
  }

  /** It is empty again. */
  take(): Payload {
    // Most channels say nothing on one of their streams.
    if (this.#totalBytes === 0 && !this.#isHole) return NOTHING;
    const bytes = new Uint8Array(this.#keptBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    const sha256 = this.#hash?.digest();
    const totalBytes = this.#totalBytes;
    this.#budget.leftBytes += this.#keptBytes;
    this.#pieces = [];
    this.#keptBytes = 0;
    this.#totalBytes = 0;
    this.#hash = undefined;
    this.#isHole = false;
    return sha256 === undefined ? { bytes, totalBytes } : { bytes, totalBytes, sha256 };
  }

  #hashOfKept(): Hash {
    const hash = createHash('sha256');
    for (const piece of this.#pieces) hash.update(piece);
    return hash;
  }

  /** Many small pieces cost more than they weigh: the last ones are joined as they grow. */
  #join(): void {
    for (;;) {
      const last = this.#pieces.at(-1);
      const before = this.#pieces.at(-2);
      if (last === undefined || before === undefined || before.length > 2 * last.length) return;
      const joined = new Uint8Array(before.length + last.length);
      joined.set(before);
      joined.set(last, before.length);
      this.#pieces.splice(-2, 2, joined);
    }
  }
}
