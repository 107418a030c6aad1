// SPDX-License-Identifier: Apache-2.0

/**
 * Takes a payload as it comes, keeps its head up to a bound, counts and hashes the rest.
 *
 * Writers that make text byte by byte write straight into `buffer` at `at`, after `reserve`, and then call `settle`.
 * The hash is begun only when the bound is crossed, so a payload within it costs no hashing.
 *
 * Keeps    the head in a buffer that grows as it is used; beyond the bound, bytes pass through one scratch buffer that all
 *          writers share, so `flush` must be called before another writer may run (the decoder does, after each push)
 */
import { createHash, type Hash } from 'node:crypto';
import type { Payload } from '../decoder.ts';

/** The most that may be reserved at once. */
export const RESERVE_MAX = 128 * 1024;
const FIRST_BYTES = 1024;
/** A buffer that grew beyond this is given back between payloads. */
const IDLE_BYTES_MAX = 16 * 1024;
/** Pieces from this size on are hashed where they are, not copied first. */
const DIRECT_HASH_BYTES = 4096;

const EMPTY = new Uint8Array(0);
const NOTHING: Payload = { bytes: EMPTY, totalBytes: 0 };
const SCRATCH = Buffer.allocUnsafeSlow(2 * RESERVE_MAX);

export class PayloadWriter {
  readonly #bytesMax: number;
  buffer: Buffer = SCRATCH;
  at = 0;
  #kept: Buffer | undefined;
  #keptBytes = 0;
  #hash: Hash | undefined;
  /** Beyond the bound: bytes that were written and left `buffer`. */
  #passedBytes = 0;
  #missingBytes = 0;
  #isHole = false;
  #isKeeping = true;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.buffer = Buffer.allocUnsafeSlow(0);
  }

  /** Bytes written so far, as far as they were seen. */
  get writtenBytes(): number {
    return this.#passedBytes + this.at;
  }

  /** Written, and not kept: above the bound. */
  get droppedBytes(): number {
    return Math.max(0, this.writtenBytes - this.#bytesMax);
  }

  get heldBytes(): number {
    return this.#isKeeping ? this.at : this.#keptBytes;
  }

  get isCut(): boolean {
    return !this.#isKeeping || this.#isHole;
  }

  /** Make `count` bytes from `at` on writable; at most RESERVE_MAX. */
  reserve(count: number): void {
    if (this.at + count <= this.buffer.length) return;
    if (!this.#isKeeping) {
      this.flush();
      return;
    }
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * this.buffer.length, this.at + count));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }

  /** To be called after writing into `buffer`: notices that the bound was crossed. */
  settle(): void {
    if (this.#isKeeping && this.at > this.#bytesMax) this.#cross();
  }

  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    for (let from = start; from < end; ) {
      if (!this.#isKeeping && end - from >= DIRECT_HASH_BYTES) {
        this.flush();
        this.#hash?.update(bytes.subarray(from, end));
        this.#passedBytes += end - from;
        return;
      }
      const to = Math.min(end, from + RESERVE_MAX);
      this.reserve(to - from);
      this.buffer.set(bytes.subarray(from, to), this.at);
      this.at += to - from;
      this.settle();
      from = to;
    }
  }

  appendText(text: string): void {
    if (text.length <= 1024) {
      this.reserve(3 * text.length);
      this.at += this.buffer.write(text, this.at);
      this.settle();
    } else {
      this.append(Buffer.from(text));
    }
  }

  /** `missingBytes` of the payload were never seen: its hash cannot be known any more. */
  addHole(missingBytes: number): void {
    this.#isHole = true;
    this.#missingBytes += missingBytes;
    this.#hash = undefined;
  }

  /** Take back what was written behind `mark` (a former `writtenBytes`), as far as it can be. */
  rewind(mark: number): void {
    if (this.#isKeeping && mark <= this.at) this.at = mark;
  }

  /** Hash what is in the shared scratch buffer. */
  flush(): void {
    if (this.#isKeeping || this.at === 0) return;
    this.#hash?.update(this.buffer.subarray(0, this.at));
    this.#passedBytes += this.at;
    this.at = 0;
  }

  /** The payload; the writer is empty again. */
  take(): Payload {
    if (this.at === 0 && this.#isKeeping && !this.#isHole) return NOTHING;
    this.flush();
    const keptBytes = this.heldBytes;
    const bytes = new Uint8Array(keptBytes);
    bytes.set((this.#kept ?? this.buffer).subarray(0, keptBytes));
    const totalBytes = this.writtenBytes + this.#missingBytes;
    const sha256 = this.#hash?.digest();
    this.#reset();
    return sha256 === undefined || bytes.length === totalBytes ? { bytes, totalBytes } : { bytes, totalBytes, sha256 };
  }

  #reset(): void {
    if (this.#kept !== undefined) this.buffer = this.#kept;
    if (this.buffer.length > IDLE_BYTES_MAX) this.buffer = Buffer.allocUnsafeSlow(0);
    this.#kept = undefined;
    this.#keptBytes = 0;
    this.#hash = undefined;
    this.#passedBytes = 0;
    this.#missingBytes = 0;
    this.#isHole = false;
    this.#isKeeping = true;
    this.at = 0;
  }

  #cross(): void {
    this.#hash = this.#isHole ? undefined : createHash('sha256').update(this.buffer.subarray(0, this.at));
    this.#passedBytes = this.at;
    this.#kept = this.buffer;
    this.#keptBytes = this.#bytesMax;
    this.#isKeeping = false;
    this.buffer = SCRATCH;
    this.at = 0;
  }
}
