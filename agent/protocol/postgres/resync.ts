// SPDX-License-Identifier: Apache-2.0

/**
 * Finds where a message begins in bytes whose place in the stream is not known.
 *
 * Every position whose five bytes could be a header is a candidate; it proves itself when the message that it announces is
 * whole and fits (`fitsMessage`), when a short one is followed by another that fits, or when three CopyData follow each
 * other. The candidate whose proof ends first wins, the earlier one of two. That order is a property of the bytes alone, so
 * it does not matter in which pieces they come.
 *
 * Keeps    the last WINDOW_BYTES at most; a candidate that needs more to prove itself is given up
 * Cost     each byte is looked at once, each candidate once
 */
import { i32At } from '../bytes/byte-reader.ts';
import type { Side } from '../decoder.ts';
import { fitsMessage } from './message-shape.ts';
import { Backend, Frontend, isHeader } from './messages.ts';

/** 64 KiB: rows and statements of usual size fit; longer messages are passed over while looking. */
const WINDOW_BYTES = 64 * 1024;
/** Bytes taken at a time: what is behind an accepted message is copied, so it must be little. */
const SLICE_BYTES = 1024;
/** Bytes that leave the window at once when it is full. */
const DROPPED_BYTES = 16 * 1024;
/** Proofs may reach this far: then no candidate leaves the window before its proof is in, whatever the pieces. */
const PROOF_BYTES_MAX = WINDOW_BYTES - DROPPED_BYTES - 2 * SLICE_BYTES;
const HEADER_BYTES = 5;

export interface Piece {
  readonly bytes: Buffer;
  readonly at: number;
}

interface Candidate {
  start: number;
  /** Where what it waits for ends. */
  end: number;
  /** CopyData messages seen in a row, this one included. */
  chain: number;
}

export class Resync {
  readonly #from: Side;
  #window: Buffer = Buffer.allocUnsafeSlow(0);
  #length = 0;
  /** Labels: from `start` on, bytes in the window carry `at`. */
  #labels: { start: number; at: number }[] = [];
  /** By `end`, then by `start`. */
  #candidates: Candidate[] = [];
  /** Positions below were looked at. */
  #looked = 0;
  /** The byte before the window's first: a value of one byte in a row has its length, 1, before it. */
  #before = -1;
  /** Bytes that were given up since `begin`. */
  skippedBytes = 0;

  constructor(from: Side) {
    this.#from = from;
  }

  get heldBytes(): number {
    return this.#length;
  }

  /** Start looking; nothing of the stream is known. */
  begin(): void {
    this.#length = 0;
    this.#labels = [];
    this.#candidates = [];
    this.#looked = 0;
    this.#before = -1;
    this.skippedBytes = 0;
  }

  /** How many bytes of a chunk to hand to `feed` next. */
  static sliceBytes(available: number): number {
    return Math.min(available, SLICE_BYTES);
  }

  /** Take a slice; when a message was found, the bytes from it on, else undefined. */
  feed(slice: Uint8Array, at: number): Piece[] | undefined {
    this.#makeRoom(slice.length);
    if (this.#labels.at(-1)?.at !== at) this.#labels.push({ start: this.#length, at });
    this.#window.set(slice, this.#length);
    this.#length += slice.length;
    this.#findCandidates();
    const start = this.#prove();
    return start < 0 ? undefined : this.#piecesFrom(start);
  }

  /** Give up: the stream ends, or loses more. Returns how many bytes were skipped. */
  giveUp(): number {
    const bytes = this.skippedBytes + this.#length;
    this.begin();
    this.#window = Buffer.allocUnsafeSlow(0);
    return bytes;
  }

  #makeRoom(count: number): void {
    if (this.#length + count > WINDOW_BYTES) this.#drop(this.#length + count - WINDOW_BYTES);
    if (this.#length + count <= this.#window.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, Math.max(4 * SLICE_BYTES, 2 * (this.#length + count))));
    this.#window.copy(grown, 0, 0, this.#length);
    this.#window = grown;
  }

  #drop(atLeast: number): void {
    const count = Math.min(this.#length, Math.max(atLeast, DROPPED_BYTES));
    this.#before = this.#window[count - 1] as number;
    this.#window.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#looked = Math.max(0, this.#looked - count);
    this.skippedBytes += count;
    this.#candidates = this.#candidates.filter((one) => one.start >= count);
    for (const one of this.#candidates) {
      one.start -= count;
      one.end -= count;
    }
    while (this.#labels.length > 1 && (this.#labels[1] as { start: number }).start <= count) this.#labels.shift();
    for (const label of this.#labels) label.start = Math.max(0, label.start - count);
  }

  #findCandidates(): void {
    const window = this.#window;
    const last = this.#length - HEADER_BYTES;
    let position = this.#looked;
    for (; position <= last; position++) {
      // No message that can be proved within the window is longer than two bytes say.
      if (window[position + 1] !== 0 || window[position + 2] !== 0) continue;
      const length = i32At(window, position + 1);
      if (length + 1 > PROOF_BYTES_MAX || !isHeader(this.#from, window[position] as number, length)) continue;
      this.#insert({ start: position, end: position + 1 + length, chain: 1 });
    }
    this.#looked = position;
  }

  #insert(candidate: Candidate): void {
    const { start, end } = candidate;
    let low = 0;
    let high = this.#candidates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#candidates[middle] as Candidate;
      if (other.end < end || (other.end === end && other.start < start)) low = middle + 1;
      else high = middle;
    }
    this.#candidates.splice(low, 0, candidate);
  }

  /** The start of the candidate that is proved first, or -1. */
  #prove(): number {
    for (;;) {
      const candidate = this.#candidates[0];
      if (candidate === undefined || candidate.end > this.#length) return -1;
      this.#candidates.shift();
      const verdict = this.#verdict(candidate);
      if (verdict === 'yes') return candidate.start;
      if (verdict === 'more') this.#insert(candidate);
    }
  }

  /** Bytes up to `candidate.end` are there. 'more': it waits for another message, and `end` was moved. */
  #verdict(candidate: Candidate): 'yes' | 'no' | 'more' {
    const window = this.#window;
    // Walk to the last message of the chain, whose end is the candidate's end or whose header is.
    let start = candidate.start;
    for (let i = 1; i < candidate.chain; i++) start += 1 + i32At(window, start + 1);
    const tag = window[start] as number;
    const length = i32At(window, start + 1);
    if (candidate.chain > 1 && candidate.end === start + HEADER_BYTES && length !== 4) {
      // The header behind the last message is there; is it one?
      if (!isHeader(this.#from, tag, length)) return 'no';
      return this.#extend(candidate, start + 1 + length);
    }
    if (tag === Frontend.copyData || (candidate.chain > 1 && tag === Backend.copyDone)) {
      if (!isHeader(this.#from, tag, length)) return 'no';
      return candidate.chain >= 3 ? 'yes' : this.#chain(candidate, start + 1 + length);
    }
    if (!isHeader(this.#from, tag, length)) return 'no';
    const fits = fitsMessage(this.#from, tag, window, start + HEADER_BYTES, start + 1 + length);
    if (fits !== 'weak') return fits;
    if (candidate.chain >= 3) return 'yes';
    // ReadyForQuery is mostly the last message for a while. In a row, its tag would be a value that follows a length of 1.
    const before = start === 0 ? this.#before : (window[start - 1] as number);
    if (tag === Backend.readyForQuery && this.#from === 'server' && before <= 0) return 'yes';
    return this.#chain(candidate, start + 1 + length);
  }

  /** Wait for the header of the message behind. */
  #chain(candidate: Candidate, next: number): 'no' | 'more' {
    candidate.chain++;
    return this.#extend(candidate, next + HEADER_BYTES);
  }

  #extend(candidate: Candidate, end: number): 'no' | 'more' {
    candidate.end = end;
    return end - candidate.start > PROOF_BYTES_MAX ? 'no' : 'more';
  }

  #piecesFrom(start: number): Piece[] {
    this.skippedBytes += start;
    const pieces: Piece[] = [];
    for (let i = 0; i < this.#labels.length; i++) {
      const { start: from, at } = this.#labels[i] as { start: number; at: number };
      const to = this.#labels[i + 1]?.start ?? this.#length;
      if (to > start) pieces.push({ bytes: Buffer.from(this.#window.subarray(Math.max(from, start), to)), at });
    }
    this.#length = 0;
    this.#labels = [];
    this.#candidates = [];
    this.#looked = 0;
    this.#window = Buffer.allocUnsafeSlow(0);
    return pieces;
  }
}
