// SPDX-License-Identifier: Apache-2.0

/**
 * Frames of one direction of SPDY/3.1, as bytes arrive.
 *
 * Shape    data: stream u32 (highest bit 0) · flags u8 · length u24 · bytes
 *          control: 0x8003 u16 · type u16 · flags u8 · length u24 · content
 * Bounds   CONTROL_BYTES_MAX of a control frame
 * Gaps     inside of data they are a hole; elsewhere the frames behind them, and what headers refer to, cannot be found again
 * Source   SPDY Protocol, draft 3.1, section 2.2
 */
import type { ByteCounts } from '../decoder.ts';

/** Headers are the longest; one above this is none of Kubernetes'. */
const CONTROL_BYTES_MAX = 64 * 1024;
const HEADER_BYTES = 8;
const VERSION = 0x8003;
/** The head of a GOAWAY. Programs that end while they write it have said no less than those that wrote all of it. */
const GOAWAY = Buffer.of(0x80, 0x03, 0x00, 0x07, 0x00, 0x00, 0x00, 0x08);

export interface FrameHandler {
  /** So many bytes were understood. Called before the frame that they complete. */
  consumed(bytes: number): void;
  control(type: number, flags: number, content: Buffer, at: number): void;
  /** A part of a data frame, possibly without a byte. Returns how many of its bytes were not kept. */
  data(stream: number, bytes: Buffer, isFinished: boolean, at: number): number;
  hole(stream: number, missingBytes: number): void;
  /** Nothing more of this direction will be understood. */
  broken(): void;
  trouble(reason: string, bytes: number): void;
}

export class FrameReader {
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  readonly #handler: FrameHandler;
  #held: Buffer = Buffer.alloc(0);
  /** Of the data frame at hand. */
  #data: { readonly stream: number; readonly isLast: boolean; leftBytes: number } | undefined;
  #brokenHeldBytes = 0;
  /** Why nothing is understood any more. */
  #brokenBy: string | undefined;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  /** Bytes that had come, and were understood no more by what came behind them. */
  get brokenHeldBytes(): number {
    return this.#brokenHeldBytes;
  }

  push(bytes: Buffer, at: number): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#brokenBy !== undefined) {
        this.#notUnderstood(this.#brokenBy, rest.length);
        return;
      }
      rest = this.#data === undefined ? this.#control(rest, at) : this.#content(rest, at);
    }
  }

  gap(missingBytes: number): void {
    if (this.#brokenBy !== undefined) {
      this.#handler.trouble('gap-while-lost', missingBytes);
    } else if (this.#data !== undefined && missingBytes < this.#data.leftBytes) {
      this.#data.leftBytes -= missingBytes;
      this.#handler.hole(this.#data.stream, missingBytes);
      this.#handler.trouble('gap-in-data', missingBytes);
    } else {
      this.#handler.trouble('gap-in-frames', missingBytes);
      this.#break('after-gap');
    }
  }

  /** Frames were missed, nobody knows how many. */
  lose(): void {
    if (this.#brokenBy === undefined) this.#break('after-gap');
  }

  end(): void {
    const held = this.#held.length;
    if (held > 0 && GOAWAY.subarray(0, held).equals(this.#held.subarray(0, GOAWAY.length))) this.#take(held);
    else if (held > 0) this.#notUnderstood('frame-incomplete', held);
    this.#held = Buffer.alloc(0);
    this.#data = undefined;
  }

  /** A header, and the content of a control frame with it. */
  #control(bytes: Buffer, at: number): Buffer {
    const before = this.#held.length;
    const wanted = before < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + this.#held.readUIntBE(5, 3);
    const taken = Math.min(bytes.length, wanted - before);
    this.#held = Buffer.concat([this.#held, bytes.subarray(0, taken)]);
    const rest = bytes.subarray(taken);
    if (this.#held.length < HEADER_BYTES) return rest;
    const head = this.#held;
    const length = head.readUIntBE(5, 3);
    if (head[0]! < 0x80) {
      this.#take(HEADER_BYTES);
      this.#data = { stream: head.readUInt32BE(0), isLast: (head[4]! & 1) !== 0, leftBytes: length };
      if (length === 0) this.#content(Buffer.alloc(0), at);
    } else if (head.readUInt16BE(0) !== VERSION || length > CONTROL_BYTES_MAX) {
      this.#break('malformed-frame');
    } else if (head.length === HEADER_BYTES + length) {
      this.#take(head.length);
      this.#handler.control(head.readUInt16BE(2), head[4]!, head.subarray(HEADER_BYTES), at);
    }
    return rest;
  }

  #take(bytes: number): void {
    this.#held = Buffer.alloc(0);
    this.counts.decoded += bytes;
    this.#handler.consumed(bytes);
  }

  #content(bytes: Buffer, at: number): Buffer {
    const data = this.#data!;
    const part = bytes.subarray(0, data.leftBytes);
    data.leftBytes -= part.length;
    const isEnd = data.leftBytes === 0;
    if (isEnd) this.#data = undefined;
    this.#handler.consumed(part.length);
    const cut = this.#handler.data(data.stream, part, isEnd && data.isLast, at);
    this.counts.decoded += part.length - cut;
    this.counts.cut += cut;
    return bytes.subarray(part.length);
  }

  #break(reason: string): void {
    this.#brokenBy = reason;
    this.#data = undefined;
    const held = this.#held.length;
    this.#held = Buffer.alloc(0);
    if (held > 0) this.#notUnderstood(reason, held);
    this.#brokenHeldBytes += held;
    this.#handler.broken();
  }

  #notUnderstood(reason: string, bytes: number): void {
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }
}
