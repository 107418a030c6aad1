// SPDX-License-Identifier: Apache-2.0

/**
 * One direction of a connection: pieces with offsets in, bytes in order and gaps out. Every offset comes out once, as a
 * byte or as part of a gap.
 *
 * Where two pieces disagree about a place, the bytes that come out are those that Linux gives to the program: a piece
 * inside one that waits is dropped, one that covers others replaces them, and of two that overlap the one that begins
 * first has the place. (Source: tcp_data_queue_ofo() of the kernel. It judges segments and this judges pieces of at most
 * 8 KiB of them, so of a large segment with three-fold conflicts the answer may differ; `conflict` tells in any case.)
 * Bytes that came have the place before a hole that was announced for it.
 */

import { WaitingList } from './waiting-list.ts';

export interface StreamSink {
  /** The next bytes; a view, only for the duration of the call. */
  bytes(bytes: Uint8Array, atNs: number): void;
  /** The next `missingBytes` will not come. */
  gap(missingBytes: number, reason: string, atNs: number): void;
  /** Two pieces said different things of the same `bytes` bytes: nobody honest sends that. */
  conflict(bytes: number, atNs: number): void;
}

/** Waits for what comes before it. */
interface Piece {
  readonly offset: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly atNs: number;
  /** Since when there is something in its place: a piece that it replaced may have waited before. */
  readonly sinceNs: number;
}

/** A hole that the source announced. */
interface Hole {
  readonly offset: number;
  readonly end: number;
  readonly reason: string;
  readonly sinceNs: number;
}

/**
 * 6 MiB: the most that a receiver lets a network reorder (net.ipv4.tcp_rmem, the default maximum). What waits beyond it
 * waits for something that was dropped between the kernel and here, and not for a retransmission.
 */
export const REORDER_BYTES_MAX = 6 * 1024 * 1024;

/** 5 s: a segment that is lost four times in a row comes after 3 s (200 ms, then twice as long each time). */
export const REORDER_NS = 5e9;

/** 1 s: two threads that move bytes of one unix socket at once, and one is held up between its call and what tells of it. */
export const UNIX_REORDER_NS = 1e9;

/** What one waiting piece costs beside its bytes: the objects that hold it. Keeps a stream of single bytes under the bound. */
const PIECE_BYTES = 256;

/** A hole that nothing announced: the ring was full. */
const UNANNOUNCED = 'ring_full';

export class Stream {
  readonly #sink: StreamSink;
  /** How long a piece may be overtaken by what comes behind it. 0: never, and a jump ahead is a gap at once. */
  readonly #reorderNs: number;
  /** None lies inside another, so they are in order of their ends as well. All of it is beyond `nextOffset`. */
  readonly #pieces = new WaitingList<Piece>();
  readonly #holes = new WaitingList<Hole>();
  #waitingBytes = 0;
  /** The offset of the next byte or gap to come out. */
  nextOffset = 0;
  /** Bytes that came, and that the connection ended before: TCP never had what stands between, so no program read them. */
  beyondEndBytes = 0;

  constructor(sink: StreamSink, reorderNs: number) {
    this.#sink = sink;
    this.#reorderNs = reorderNs;
  }

  get heldBytes(): number {
    return this.#waitingBytes + PIECE_BYTES * (this.#pieces.length + this.#holes.length);
  }

  /** Errors: none; a piece that was there before, wholly or in part, gives what is new of it. */
  push(offset: number, bytes: Uint8Array, atNs: number): void {
    const end = offset + bytes.length;
    // Empty, or seen before: a segment that was sent again.
    if (end <= this.nextOffset || bytes.length === 0) return;
    if (offset > this.nextOffset && this.#reorderNs > 0) {
      this.#keep({ offset, end, bytes: new Uint8Array(bytes), atNs, sinceNs: atNs });
      // What was given up lets out the pieces behind it, and the piece in hand may be the largest of them.
      while (this.heldBytes > REORDER_BYTES_MAX) this.#giveUpFirstHole(atNs);
      return;
    }
    if (offset > this.nextOffset) this.#gapTo(offset, UNANNOUNCED, atNs);
    const fresh = offset === this.nextOffset ? bytes : bytes.subarray(this.nextOffset - offset);
    if (this.#pieces.length === 0 && this.#holes.length === 0) {
      this.nextOffset = end;
      this.#sink.bytes(fresh, atNs);
      return;
    }
    this.#emit({ offset: this.nextOffset, end, bytes: fresh, atNs, sinceNs: atNs });
    this.#release();
  }

  /** `missingBytes` from `offset` on will not come, and the source says why. */
  missing(offset: number, missingBytes: number, reason: string, atNs: number): void {
    const end = offset + missingBytes;
    if (end <= this.nextOffset || missingBytes <= 0) return;
    if (this.#reorderNs === 0) {
      this.#gapTo(offset, UNANNOUNCED, atNs);
      this.#gapTo(end, reason, atNs);
      return;
    }
    this.#holes.put(this.#holes.behind(offset), 0, { offset, end, reason, sinceNs: atNs });
    this.#release();
    while (this.heldBytes > REORDER_BYTES_MAX) this.#giveUpFirstHole(atNs);
  }

  /** What is missing before `offset` will not come: nothing waits for it. */
  settle(offset: number, atNs: number): void {
    while (this.nextOffset < offset) this.#giveUpFirstHole(atNs, UNANNOUNCED, offset);
  }

  /** Gives up on holes that have been open for long. */
  expire(nowNs: number): void {
    while (nowNs - this.#oldestNs() > this.#reorderNs) this.#giveUpFirstHole(nowNs);
  }

  /** What waits comes out now, with the holes before it as gaps. */
  giveUp(reason: string, atNs: number): void {
    while (this.#pieces.length > 0 || this.#holes.length > 0) this.#giveUpFirstHole(atNs, reason);
  }

  /**
   * Nothing more comes. What waits comes out, with the holes before it as gaps, then a gap up to `endOffset`.
   *
   * `endOffset` is by the socket's own counters, where they are known: what lies beyond it is none of the connection's.
   */
  finish(endOffset: number | undefined, tailReason: string, atNs: number): void {
    if (endOffset !== undefined) this.#cutAt(endOffset);
    this.giveUp(UNANNOUNCED, atNs);
    if (endOffset !== undefined) this.#gapTo(endOffset, tailReason, atNs);
  }

  /** Lets `piece` out, which begins at `nextOffset`. What waits has to give way to it: is it the same? */
  #emit(piece: Piece): void {
    for (const other of this.#pieces) {
      if (other.offset >= piece.end) break;
      this.#compare(piece, other);
    }
    this.nextOffset = piece.end;
    this.#sink.bytes(piece.bytes, piece.atNs);
  }

  #compare(one: Piece, other: Piece): void {
    const from = Math.max(one.offset, other.offset);
    const to = Math.min(one.end, other.end);
    if (to <= from) return;
    const same =
      Buffer.compare(
        one.bytes.subarray(from - one.offset, to - one.offset),
        other.bytes.subarray(from - other.offset, to - other.offset),
      ) === 0;
    if (!same) this.#sink.conflict(to - from, other.atNs);
  }

  #keep(piece: Piece): void {
    const pieces = this.#pieces;
    const at = pieces.behind(piece.offset);
    const before = pieces.at(at - 1);
    if (before !== undefined && before.end >= piece.end) {
      this.#compare(before, piece);
      return;
    }
    const from = before !== undefined && before.offset === piece.offset ? at - 1 : at;
    let to = from;
    let { sinceNs } = piece;
    for (let other = pieces.at(to); other !== undefined && other.end <= piece.end; other = pieces.at(++to)) {
      this.#compare(piece, other);
      this.#waitingBytes -= other.bytes.length;
      sinceNs = Math.min(sinceNs, other.sinceNs);
    }
    pieces.put(from, to - from, { ...piece, sinceNs });
    this.#waitingBytes += piece.bytes.length;
  }

  #oldestNs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { sinceNs } of this.#pieces) if (sinceNs < oldest) oldest = sinceNs;
    for (const { sinceNs } of this.#holes) if (sinceNs < oldest) oldest = sinceNs;
    return oldest;
  }

  #giveUpFirstHole(atNs: number, reason = UNANNOUNCED, untilOffset = Infinity): void {
    const offset = Math.min(this.#pieces.at(0)?.offset ?? Infinity, this.#holes.at(0)?.offset ?? Infinity, untilOffset);
    this.#gapTo(offset, reason, atNs);
    this.#release();
  }

  #gapTo(offset: number, reason: string, atNs: number): void {
    const missing = offset - this.nextOffset;
    if (missing <= 0) return;
    this.nextOffset = offset;
    this.#sink.gap(missing, reason, atNs);
  }

  /** Lets out what has come to stand at the head. */
  #release(): void {
    for (;;) {
      const piece = this.#pieces.at(0);
      const hole = this.#holes.at(0);
      if (piece !== undefined && piece.offset <= this.nextOffset) {
        this.#pieces.shift();
        this.#waitingBytes -= piece.bytes.length;
        if (piece.end <= this.nextOffset) continue;
        const fresh = piece.bytes.subarray(this.nextOffset - piece.offset);
        this.#emit({ ...piece, offset: this.nextOffset, bytes: fresh });
      } else if (hole !== undefined && hole.offset <= this.nextOffset) {
        // The next piece may lie inside the hole, and has the place: the hole is looked at again behind it.
        const until = Math.min(hole.end, piece?.offset ?? Infinity);
        if (until === hole.end) this.#holes.shift();
        this.#gapTo(until, hole.reason, hole.sinceNs);
      } else {
        return;
      }
    }
  }

  #cutAt(endOffset: number): void {
    const holes = [...this.#holes].filter(({ offset }) => offset < endOffset);
    this.#holes.replaceAll(holes.map((hole) => ({ ...hole, end: Math.min(hole.end, endOffset) })));
    let countedTo = endOffset;
    const kept: Piece[] = [];
    for (const piece of this.#pieces) {
      if (piece.end > countedTo) {
        this.beyondEndBytes += piece.end - Math.max(countedTo, piece.offset);
        countedTo = piece.end;
      }
      const bytes = piece.bytes.subarray(0, Math.max(0, endOffset - piece.offset));
      this.#waitingBytes -= piece.bytes.length - bytes.length;
      if (bytes.length > 0) kept.push({ ...piece, bytes, end: piece.offset + bytes.length });
    }
    this.#pieces.replaceAll(kept);
  }
}
