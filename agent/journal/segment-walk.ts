// SPDX-License-Identifier: Apache-2.0

/**
 * Goes through the entries of one segment in order, proves each (checksum, position, chain) and finds its way on after
 * damage. What is damaged comes out as a step of its own with the positions that it cost; nothing is passed over.
 *
 * Steps come from `next()` without waiting as long as the bytes are in memory; when it gives undefined, `load()` gives the
 * step. So most entries cost no promise.
 */
import { hash } from 'node:crypto';
import type { DiskFile } from './disk.ts';
import type { ReadPoint, Segment } from './segment.ts';
import { CHAIN_BYTES, FRAME_HEAD_BYTES, findMark, LEAF_FROM_END, MARK_BYTES, readFrame } from './segment-format.ts';

export type WalkStep =
  /** `bytes` from `start` to `end` are the encoded activity; a view that the next load overwrites. */
  | {
      readonly kind: 'entry';
      readonly seq: number;
      readonly bytes: Buffer;
      readonly start: number;
      readonly end: number;
    }
  /** Entries up to here are what was once written; `chainHolds` says whether their leaves are. */
  | { readonly kind: 'mark'; readonly fromSeq: number; readonly lastSeq: number; readonly chainHolds: boolean }
  /** These entries are gone, what follows is readable. `toSeq < fromSeq` when only bytes between entries were damaged. */
  | { readonly kind: 'lost'; readonly fromSeq: number; readonly toSeq: number }
  /** Nothing can be read from `offset` to the end. */
  | { readonly kind: 'unreadable'; readonly fromSeq: number; readonly offset: number }
  | { readonly kind: 'end' };

const WINDOW_BYTES = 1024 * 1024;

export class SegmentWalk {
  readonly #file: DiskFile;
  readonly #segment: Segment;
  /** Bytes of the file from `#windowOffset` on. */
  #window: Buffer = Buffer.alloc(0);
  #windowOffset = 0;
  #storage: Buffer = Buffer.alloc(0);
  /** Where the next frame begins. */
  #offset: number;
  #lastSeq: number;
  /** chain · leaf of the next entry. */
  readonly #chainAndLeaf = Buffer.alloc(2 * CHAIN_BYTES);
  #firstSinceMark: number;
  /** Entries were lost since the last mark: the chain says nothing until the next one. */
  #lostSinceMark = false;

  constructor(file: DiskFile, segment: Segment, from: ReadPoint) {
    this.#file = file;
    this.#segment = segment;
    this.#offset = from.offset;
    this.#lastSeq = from.lastSeq;
    this.#firstSinceMark = from.lastSeq + 1;
    from.chain.copy(this.#chainAndLeaf, 0);
  }

  get offset(): number {
    return this.#offset;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Chain after `lastSeq`. A view. */
  get chain(): Buffer {
    return this.#chainAndLeaf.subarray(0, CHAIN_BYTES);
  }

  /** False after a loss, until the next mark says what the chain is. */
  get chainIsKnown(): boolean {
    return !this.#lostSinceMark;
  }

  /** The next step, or undefined when it takes a `load`. */
  next(): WalkStep | undefined {
    const at = this.#offset - this.#windowOffset;
    const frame = this.#frameAt(at);
    if (frame.kind === 'entry') return this.#entry(frame, at);
    if (frame.kind === 'mark') return this.#mark(frame);
    return undefined;
  }

  /** Reads on, up to the file's byte `end`, and gives the next step. */
  async load(end: number): Promise<WalkStep> {
    if (this.#offset >= end) return { kind: 'end' };
    let wanted = WINDOW_BYTES;
    for (;;) {
      const isShort = await this.#fill(this.#offset, Math.min(wanted, end - this.#offset));
      const frame = this.#frameAt(0);
      if (frame.kind === 'entry' || frame.kind === 'mark') return this.next()!;
      if (frame.kind === 'damaged' || isShort || this.#offset + frame.atLeastBytes > end)
        return this.#resync(frame, end);
      wanted = frame.atLeastBytes;
    }
  }

  #frameAt(at: number) {
    const { header, checksumSeed } = this.#segment;
    return readFrame(this.#window, at, this.#windowOffset, header.segmentId, checksumSeed);
  }

  #entry(frame: { seq: number; bodyStart: number; end: number }, at: number): WalkStep | undefined {
    if (frame.seq > this.#lastSeq + 1) return this.#lose(frame.seq - 1);
    // Numbers never go back: not an entry that was written here. Cut the window so that `load` sees the same.
    if (frame.seq <= this.#lastSeq) return this.#skipFrame(frame.end - at);
    this.#lastSeq = frame.seq;
    this.#offset += frame.end - at;
    this.#window.copy(this.#chainAndLeaf, CHAIN_BYTES, frame.end - LEAF_FROM_END, frame.end);
    this.#chainAndLeaf.write(hash('sha256', this.#chainAndLeaf, 'latin1'), 0, 'latin1');
    return { kind: 'entry', seq: frame.seq, bytes: this.#window, start: frame.bodyStart, end: frame.end };
  }

  #mark(frame: { lastSeq: number; chainStart: number; end: number }): WalkStep {
    if (frame.lastSeq > this.#lastSeq) return this.#lose(frame.lastSeq);
    const chain = this.#window.subarray(frame.chainStart, frame.chainStart + CHAIN_BYTES);
    const chainHolds = this.#lostSinceMark || chain.equals(this.chain);
    const fromSeq = this.#firstSinceMark;
    chain.copy(this.#chainAndLeaf, 0);
    this.#lostSinceMark = false;
    this.#firstSinceMark = this.#lastSeq + 1;
    this.#offset = this.#windowOffset + frame.end;
    this.#segment.addPoint(this.#offset, this.#lastSeq, chain);
    return { kind: 'mark', fromSeq, lastSeq: this.#lastSeq, chainHolds };
  }

  /** Entries up to `toSeq` are not there; the frame at hand comes next. */
  #lose(toSeq: number): WalkStep {
    const fromSeq = this.#lastSeq + 1;
    this.#lastSeq = toSeq;
    this.#lostSinceMark = true;
    return { kind: 'lost', fromSeq, toSeq };
  }

  #skipFrame(byteCount: number): WalkStep {
    this.#offset += byteCount;
    return this.#lose(this.#lastSeq);
  }

  /** The frame at hand is damaged. Its length may still be right, or be that of a mark; else the next mark tells the way. */
  async #resync(frame: { kind: string; end?: number | undefined }, end: number): Promise<WalkStep> {
    const byteCounts = frame.end === undefined ? [MARK_BYTES] : [frame.end, MARK_BYTES];
    for (const byteCount of byteCounts) {
      const lost = await this.#lostBefore(this.#offset + byteCount, end);
      if (lost === undefined) continue;
      this.#offset += byteCount;
      return this.#lose(this.#lastSeq + lost);
    }
    const markOffset = await this.#findMark(end);
    if (markOffset === undefined) return this.#unreadable(end);
    const mark = this.#frameAt(markOffset - this.#windowOffset);
    this.#offset = markOffset;
    return this.#lose(mark.kind === 'mark' ? mark.lastSeq : this.#lastSeq);
  }

  /** How many entries a good frame at `offset` says are before it: one, or none. undefined when none proves that. */
  async #lostBefore(offset: number, end: number): Promise<0 | 1 | undefined> {
    if (offset >= end) return undefined;
    let wanted = FRAME_HEAD_BYTES;
    for (;;) {
      const isShort = await this.#fill(offset, Math.min(wanted, end - offset));
      const frame = this.#frameAt(0);
      if (frame.kind === 'entry' || frame.kind === 'mark') {
        const lost = (frame.kind === 'entry' ? frame.seq - 1 : frame.lastSeq) - this.#lastSeq;
        return lost === 0 || lost === 1 ? lost : undefined;
      }
      if (frame.kind === 'damaged' || isShort || offset + frame.atLeastBytes > end) return undefined;
      wanted = frame.atLeastBytes;
    }
  }

  async #findMark(end: number): Promise<number | undefined> {
    const { header, checksumSeed } = this.#segment;
    // Windows overlap by a mark, so that none is missed at a border.
    for (let from = this.#offset; from < end; from += WINDOW_BYTES - MARK_BYTES) {
      await this.#fill(from, Math.min(WINDOW_BYTES, end - from));
      for (let at = 0; ; at += 1) {
        at = findMark(this.#window, at, this.#windowOffset, header.segmentId, checksumSeed);
        if (at === -1) break;
        const mark = this.#frameAt(at);
        if (mark.kind === 'mark' && mark.lastSeq >= this.#lastSeq) return this.#windowOffset + at;
      }
    }
    return undefined;
  }

  #unreadable(end: number): WalkStep {
    const step: WalkStep = { kind: 'unreadable', fromSeq: this.#lastSeq + 1, offset: this.#offset };
    this.#lostSinceMark = true;
    this.#offset = end;
    return step;
  }

  /** Entries up to `lastSeq` are taken as passed: for a caller who knows better where an unreadable part ends. */
  passTo(lastSeq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
  }

  /** True when the file ends before what was asked for: somebody cut it. */
  async #fill(offset: number, byteCount: number): Promise<boolean> {
    if (this.#storage.length < byteCount) this.#storage = Buffer.allocUnsafeSlow(Math.max(byteCount, WINDOW_BYTES));
    const filled = await this.#file.read(this.#storage.subarray(0, byteCount), offset);
    this.#window = this.#storage.subarray(0, filled);
    this.#windowOffset = offset;
    return filled < byteCount;
  }
}
