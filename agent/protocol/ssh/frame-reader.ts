// SPDX-License-Identifier: Apache-2.0

/**
 * Frames of one side, as the layer below gives them out.
 *
 * Shape    length u32 · message; the first of a side is its version line
 * Bounds   one frame of `frameBytesMax`; a longer one is passed over, and one that no layer gives out ends reading
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts } from '../decoder.ts';

/** A packet that was compressed may be as large as one that was not. */
const FRAME_BYTES_LIMIT = 512 * 1024;

export interface FrameSink {
  /** A view, for the duration of the call. `wireBytes` are its own, with the length. */
  frame(message: Buffer, wireBytes: number, startAt: number, endAt: number): void;
  trouble(reason: string, bytes: number): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #counts: ByteCounts;
  readonly #frameBytesMax: number;
  #head = Buffer.alloc(4);
  #headBytes = 0;
  #body: Buffer | undefined;
  #bodyBytes = 0;
  #skipBytes = 0;
  #startAt = 0;
  #isLost = false;

  constructor(counts: ByteCounts, frameBytesMax: number, sink: FrameSink) {
    this.#counts = counts;
    this.#frameBytesMax = frameBytesMax;
    this.#sink = sink;
  }

  get heldBytes(): number {
    return this.#headBytes + this.#bodyBytes;
  }

  push(bytes: Uint8Array, at: number): void {
    const chunk = asBuffer(bytes);
    for (let i = 0; i < chunk.length; ) {
      if (this.#isLost) {
        this.#unknown('frame_damaged', chunk.length - i);
        return;
      }
      if (this.#skipBytes > 0) {
        const count = Math.min(this.#skipBytes, chunk.length - i);
        this.#skipBytes -= count;
        this.#unknown('frame_too_long', count);
        i += count;
      } else if (this.#body === undefined) {
        const whole = this.heldBytes === 0 ? this.#wholeAt(chunk, i) : 0;
        if (whole > 0) {
          this.#sink.frame(chunk.subarray(i + 4, i + whole), whole, at, at);
          i += whole;
          continue;
        }
        if (this.#headBytes === 0) this.#startAt = at;
        const count = Math.min(4 - this.#headBytes, chunk.length - i);
        chunk.copy(this.#head, this.#headBytes, i, i + count);
        this.#headBytes += count;
        i += count;
        if (this.#headBytes === 4) this.#begin();
      } else {
        i += this.#fill(this.#body, chunk.subarray(i), at);
      }
    }
  }

  /** Of a frame that is all there, as nearly all are, its bytes: it is read in place. Else 0. */
  #wholeAt(chunk: Buffer, from: number): number {
    if (chunk.length - from < 4) return 0;
    const length = chunk.readUInt32BE(from);
    const isFrame = length > 0 && length <= this.#frameBytesMax && length <= FRAME_BYTES_LIMIT;
    return isFrame && length <= chunk.length - from - 4 ? 4 + length : 0;
  }

  /** What was begun is lost; a frame begins behind the gap. */
  gap(): void {
    const held = this.heldBytes;
    this.#reset();
    this.#skipBytes = 0;
    this.#isLost = false;
    if (held > 0) this.#unknown('frame_incomplete', held);
  }

  end(): void {
    this.gap();
    this.#isLost = true;
  }

  #begin(): void {
    const length = this.#head.readUInt32BE(0);
    if (length === 0 || length > FRAME_BYTES_LIMIT) {
      this.#isLost = true;
      this.#reset();
      this.#unknown('frame_damaged', 4);
    } else if (length > this.#frameBytesMax) {
      this.#reset();
      this.#unknown('frame_too_long', 4);
      this.#skipBytes = length;
    } else {
      this.#body = Buffer.allocUnsafe(length);
    }
  }

  #fill(body: Buffer, rest: Buffer, at: number): number {
    const count = rest.copy(body, this.#bodyBytes);
    this.#bodyBytes += count;
    if (this.#bodyBytes < body.length) return count;
    const startAt = this.#startAt;
    this.#reset();
    this.#sink.frame(body, 4 + body.length, startAt, at);
    return count;
  }

  #reset(): void {
    this.#headBytes = 0;
    this.#bodyBytes = 0;
    this.#body = undefined;
  }

  #unknown(reason: string, bytes: number): void {
    this.#counts.notUnderstood += bytes;
    this.#sink.trouble(reason, bytes);
  }
}
