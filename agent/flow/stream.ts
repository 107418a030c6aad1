// SPDX-License-Identifier: Apache-2.0

/**
 * One direction of a connection: pieces with offsets in, bytes in order and gaps out. Every offset comes out once, as a
 * byte or as part of a gap.
 */

export interface StreamSink {
  /** The next bytes; a view, only for the duration of the call. */
  bytes(bytes: Uint8Array, atNs: number): void;
  /** The next `missingBytes` will not come. */
  gap(missingBytes: number, reason: string, atNs: number): void;
}

interface Waiting {
  offset: number;
  readonly end: number;
  /** undefined: a hole that was announced. */
  readonly bytes: Uint8Array | undefined;
  readonly reason: string;
  readonly atNs: number;
}

/** Network reordering is rarely more than a window; what waits longer or grows larger waits for something dropped. */
const REORDER_BYTES_MAX = 1024 * 1024;
const REORDER_NS = 1e9;

/** A hole that nothing announced: the ring was full. */
const UNANNOUNCED = 'ring_full';

export class Stream {
  readonly #sink: StreamSink;
  /** Whether pieces can come out of order at all; if not, a jump ahead is a gap at once. */
  readonly #reorders: boolean;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The offset of the next byte or gap to come out. */
  nextOffset = 0;

  constructor(sink: StreamSink, reorders: boolean) {
    this.#sink = sink;
    this.#reorders = reorders;
  }

  get heldBytes(): number {
    return this.#waitingBytes;
  }

  push(offset: number, bytes: Uint8Array, atNs: number): void {
    if (offset === this.nextOffset && this.#waiting.length === 0) {
      this.nextOffset += bytes.length;
      this.#sink.bytes(bytes, atNs);
      return;
    }
    const end = offset + bytes.length;
    // Seen before: a segment that was sent again.
    if (end <= this.nextOffset) return;
    if (offset < this.nextOffset) {
      this.push(this.nextOffset, bytes.subarray(this.nextOffset - offset), atNs);
      return;
    }
    if (offset > this.nextOffset && !this.#reorders) {
      this.#gapTo(offset, UNANNOUNCED, atNs);
      this.push(offset, bytes, atNs);
      return;
    }
    this.#wait({ offset, end, bytes: Uint8Array.from(bytes), reason: '', atNs });
    this.#waitingBytes += bytes.length;
    this.#release();
    if (this.#waitingBytes > REORDER_BYTES_MAX) this.#giveUpFirstHole(atNs);
  }

  /** `missingBytes` from `offset` on will not come, and the source says why. */
  missing(offset: number, missingBytes: number, reason: string, atNs: number): void {
    const end = offset + missingBytes;
    if (end <= this.nextOffset) return;
    if (!this.#reorders) this.#gapTo(Math.max(offset, this.nextOffset), UNANNOUNCED, atNs);
    this.#wait({ offset: Math.max(offset, this.nextOffset), end, bytes: undefined, reason, atNs });
    this.#release();
  }

  /** Gives up on holes that have been open for long. */
  expire(nowNs: number): void {
    while (this.#waiting.length > 0 && nowNs - (this.#waiting[0] as Waiting).atNs > REORDER_NS) {
      this.#giveUpFirstHole(nowNs);
    }
  }

  /** Nothing more comes: what waits comes out, holes as gaps, and a gap to `endOffset` when that lies beyond. */
  finish(endOffset: number, tailReason: string, atNs: number): void {
    while (this.#waiting.length > 0) this.#giveUpFirstHole(atNs);
    this.#gapTo(endOffset, tailReason, atNs);
  }

  #wait(piece: Waiting): void {
    const at = this.#waiting.findIndex((other) => other.offset > piece.offset);
    if (at < 0) this.#waiting.push(piece);
    else this.#waiting.splice(at, 0, piece);
  }

  #giveUpFirstHole(atNs: number): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    this.#gapTo(first.offset, UNANNOUNCED, atNs);
    this.#release();
  }

  #gapTo(offset: number, reason: string, atNs: number): void {
    const missing = offset - this.nextOffset;
    if (missing <= 0) return;
    this.nextOffset = offset;
    this.#sink.gap(missing, reason, atNs);
  }

  /** Lets out what has come to stand at the head. Where pieces overlap, the first that came is kept. */
  #release(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined || first.offset > this.nextOffset) return;
      this.#waiting.shift();
      if (first.bytes !== undefined) this.#waitingBytes -= first.bytes.length;
      if (first.end <= this.nextOffset) continue;
      if (first.bytes === undefined) {
        this.#gapTo(first.end, first.reason, first.atNs);
        continue;
      }
      const fresh = first.bytes.subarray(this.nextOffset - first.offset);
      this.nextOffset = first.end;
      this.#sink.bytes(fresh, first.atNs);
    }
  }
}
