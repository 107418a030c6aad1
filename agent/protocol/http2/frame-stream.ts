// SPDX-License-Identifier: Apache-2.0

/**
 * One direction of a connection as frames. Content of DATA is passed on as it comes, all other frames whole. Where the place
 * in the stream is lost, frames are looked for again.
 */
import type { ByteCounts, Side } from '../decoder.ts';
import { LabelledBytes } from '../http/held-bytes.ts';
import { findFrames } from './frame-search.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, type FrameHeader, frameHeader, isPossible } from './frames.ts';

/** RFC 9113, section 3.4: what a client sends first. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Called in the order of the bytes. Views are good until the call returns. */
export interface FrameHandler {
  /** A frame that is not DATA, whole. Answers why it was not understood, if it was not. */
  frame(header: FrameHeader, payload: Buffer, startAt: number, endAt: number): void;
  /** A frame that is not DATA was not read: its bytes are counted already. */
  frameLost(header: FrameHeader): void;
  /** A frame of DATA begins; `bytes` of it are framing. */
  dataBegins(header: FrameHeader, bytes: number, at: number): void;
  dataFraming(bytes: number, at: number): void;
  data(content: Buffer, at: number): void;
  dataGap(missingBytes: number): void;
  dataEnds(at: number): void;
  /** Any number of frames may have gone by unseen. */
  losesPlace(): void;
  trouble(reason: string, bytes: number): void;
}

type State = 'preface' | 'frames' | 'data' | 'skip' | 'search';

interface Run {
  readonly bytes: Buffer;
  readonly at: number;
}

/** Searched at a time: what is found behind them is copied no more often than that. */
const SEARCH_STEP_BYTES = 4096;
/** A search reaches so far: three frames of the usual size. */
const REACH_BYTES_MAX = 3 * (16 * 1024 + FRAME_HEADER_BYTES);
/** No frame but DATA is longer in practice: 16 KiB is the usual bound of all. */
const FRAME_BYTES_MAX = 128 * 1024;

export class FrameStream {
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  readonly #side: Side;
  readonly #handler: FrameHandler;
  readonly #frameBytesMax: number;
  readonly #reachBytesMax: number;
  #state: State;
  #lostBy = 'joined-late';
  /** The beginning of a frame, or what is searched. */
  #held = new LabelledBytes();
  /** What is to be read, and what is to be read before that. */
  readonly #queue: Run[] = [];
  #anew: Run[] = [];
  /** Of a frame of DATA, or one that is skipped: payload that is to come, padding included. */
  #remaining = 0;
  #padding = 0;
  #padLengthAwaited = false;
  #skipReason = '';

  constructor(side: Side, pendingBytesMax: number, late: boolean, handler: FrameHandler) {
    this.#side = side;
    this.#handler = handler;
    this.#frameBytesMax = Math.min(FRAME_BYTES_MAX, Math.floor(pendingBytesMax / 2));
    this.#reachBytesMax = Math.min(REACH_BYTES_MAX, pendingBytesMax);
    this.#state = late ? 'search' : side === 'client' ? 'preface' : 'frames';
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  /** Frames are looked for: what was sent may still be read. */
  get isLost(): boolean {
    return this.#state === 'search';
  }

  push(bytes: Buffer, at: number): void {
    this.#queue.push({ bytes, at });
    this.#drain();
  }

  gap(missingBytes: number, at: number): void {
    if (this.#state === 'preface') this.#state = 'frames';
    if (this.#state === 'data') {
      this.#gapInData(missingBytes, at);
    } else if (this.#state === 'skip') {
      this.#handler.trouble('gap-in-frame', missingBytes);
      this.#gapInFrame(missingBytes);
    } else if (this.#state === 'search') {
      this.#handler.trouble('gap-while-lost', missingBytes);
      this.#drop(this.#lostBy);
      this.#lostBy = 'after-gap';
    } else if (this.#held.length >= FRAME_HEADER_BYTES) {
      const header = frameHeader(this.#held.view(), 0);
      this.#remaining = header.length + FRAME_HEADER_BYTES - this.#held.length;
      this.#handler.trouble('gap-in-frame', missingBytes);
      this.#drop('frame-incomplete');
      this.#handler.frameLost(header);
      this.#skipReason = 'frame-incomplete';
      this.#state = 'skip';
      this.#gapInFrame(missingBytes);
    } else {
      this.#handler.trouble('gap-between-frames', missingBytes);
      this.#drop('frame-incomplete');
      this.#lose('after-gap');
    }
  }

  end(): void {
    while (this.#state === 'search' && this.#search(true)) this.#drain();
    this.#drop(this.#state === 'search' ? this.#lostBy : 'frame-incomplete');
  }

  /** What was held for a search is read anew by the same loop: no depth of damage is a depth of calls. */
  #drain(): void {
    for (let run = this.#queue.shift(); run !== undefined; run = this.#queue.shift()) {
      for (let pos = 0; pos < run.bytes.length; ) {
        pos = this.#take(run.bytes, pos, run.at);
        if (this.#anew.length === 0) continue;
        this.#queue.unshift(...this.#anew, { bytes: run.bytes.subarray(pos), at: run.at });
        this.#anew = [];
        break;
      }
    }
  }

  /** Take some of `bytes` from `pos` on; answers how far. */
  #take(bytes: Buffer, pos: number, at: number): number {
    if (this.#state === 'preface') return this.#preface(bytes, pos, at);
    if (this.#state === 'frames') return this.#frames(bytes, pos, at);
    if (this.#state === 'data') return this.#data(bytes, pos, at);
    if (this.#state === 'skip') {
      const end = Math.min(bytes.length, pos + this.#remaining);
      this.#refuse(this.#skipReason, end - pos);
      this.#remaining -= end - pos;
      if (this.#remaining === 0) this.#state = 'frames';
      return end;
    }
    const end = Math.min(bytes.length, pos + SEARCH_STEP_BYTES);
    this.#held.append(bytes.subarray(pos, end), at);
    this.#search(false);
    return end;
  }

  #preface(bytes: Buffer, pos: number, at: number): number {
    const from = this.#held.length;
    const end = Math.min(bytes.length, pos + PREFACE.length - from);
    for (let i = pos; i < end; i++) {
      if (bytes[i] === PREFACE[from + i - pos]) continue;
      // Whoever handed over has taken the preface.
      this.#state = 'frames';
      this.#again();
      return pos;
    }
    this.#held.append(bytes.subarray(pos, end), at);
    if (this.#held.length === PREFACE.length) {
      this.#held.clear();
      this.counts.decoded += PREFACE.length;
      this.#state = 'frames';
    }
    return end;
  }

  #frames(bytes: Buffer, pos: number, at: number): number {
    if (this.#held.length === 0 && bytes.length - pos >= FRAME_HEADER_BYTES) {
      const header = frameHeader(bytes, pos);
      const end = pos + FRAME_HEADER_BYTES + header.length;
      const isWhole = end <= bytes.length && header.type !== FRAME.data && header.length <= this.#frameBytesMax;
      if (isWhole && isPossible(header, this.#side)) {
        this.#handler.frame(header, bytes.subarray(pos + FRAME_HEADER_BYTES, end), at, at);
        return end;
      }
      if (header.type === FRAME.data && isPossible(header, this.#side)) {
        this.#dataBegins(header, at, at);
        return pos + FRAME_HEADER_BYTES;
      }
    }
    const headerEnd = Math.min(bytes.length, pos + Math.max(0, FRAME_HEADER_BYTES - this.#held.length));
    if (this.#held.length < FRAME_HEADER_BYTES) {
      this.#held.append(bytes.subarray(pos, headerEnd), at);
      if (this.#held.length < FRAME_HEADER_BYTES) return headerEnd;
      return this.#frameBegins(headerEnd, at);
    }
    return this.#payload(bytes, pos, at);
  }

  /** Its header is held, whole. */
  #frameBegins(pos: number, at: number): number {
    const header = frameHeader(this.#held.view(), 0);
    if (!isPossible(header, this.#side)) {
      this.#lose('malformed-frame');
    } else if (header.type === FRAME.data) {
      const startAt = this.#held.runs(1)[0]?.at ?? at;
      this.#held.clear();
      this.#dataBegins(header, startAt, at);
    } else if (header.length > this.#frameBytesMax) {
      this.#drop('frame-too-long');
      this.#handler.frameLost(header);
      this.#skipReason = 'frame-too-long';
      this.#remaining = header.length;
      this.#state = 'skip';
    } else if (header.length === 0) {
      this.#wholeFrame(header, at);
    }
    return pos;
  }

  #dataBegins(header: FrameHeader, startAt: number, at: number): void {
    this.counts.decoded += FRAME_HEADER_BYTES;
    this.#remaining = header.length;
    this.#padding = 0;
    this.#padLengthAwaited = (header.flags & FLAG.padded) !== 0 && header.length > 0;
    this.#state = 'data';
    this.#handler.dataBegins(header, FRAME_HEADER_BYTES, startAt);
    this.#handler.dataFraming(0, at);
    this.#endData(at);
  }

  #payload(bytes: Buffer, pos: number, at: number): number {
    const header = frameHeader(this.#held.view(), 0);
    const end = Math.min(bytes.length, pos + FRAME_HEADER_BYTES + header.length - this.#held.length);
    this.#held.append(bytes.subarray(pos, end), at);
    if (this.#held.length === FRAME_HEADER_BYTES + header.length) this.#wholeFrame(header, at);
    return end;
  }

  #wholeFrame(header: FrameHeader, at: number): void {
    const startAt = this.#held.runs(1)[0]?.at ?? at;
    const payload = this.#held.view().subarray(FRAME_HEADER_BYTES);
    this.#held = new LabelledBytes();
    this.#handler.frame(header, payload, startAt, at);
  }

  #data(bytes: Buffer, pos: number, at: number): number {
    if (this.#padLengthAwaited) {
      this.#padLengthAwaited = false;
      this.#remaining--;
      this.#padding = bytes[pos]!;
      this.#framing(1, at);
      if (this.#padding > this.#remaining) {
        this.#handler.dataEnds(at);
        this.#skipReason = 'malformed-padding';
        this.#state = this.#remaining === 0 ? 'frames' : 'skip';
      } else {
        this.#endData(at);
      }
      return pos + 1;
    }
    const content = Math.min(bytes.length - pos, this.#remaining - this.#padding);
    if (content > 0) {
      this.#remaining -= content;
      this.#handler.data(bytes.subarray(pos, pos + content), at);
      this.#endData(at);
      return pos + content;
    }
    const padding = Math.min(bytes.length - pos, this.#remaining);
    this.#remaining -= padding;
    this.#padding -= padding;
    this.#framing(padding, at);
    this.#endData(at);
    return pos + padding;
  }

  #framing(bytes: number, at: number): void {
    this.counts.decoded += bytes;
    this.#handler.dataFraming(bytes, at);
  }

  #endData(at: number): void {
    if (this.#remaining > 0) return;
    this.#state = 'frames';
    this.#handler.dataEnds(at);
  }

  #gapInData(missingBytes: number, at: number): void {
    this.#handler.trouble('gap-in-data', missingBytes);
    const inFrame = Math.min(missingBytes, this.#remaining);
    // Where the length of the padding is missed, nobody knows what is padding: all of it counts as content.
    this.#padLengthAwaited = false;
    const inContent = Math.min(inFrame, this.#remaining - this.#padding);
    this.#padding -= inFrame - inContent;
    this.#remaining -= inFrame;
    this.#handler.dataGap(inContent);
    this.#endData(at);
    if (inFrame < missingBytes) this.#lose('after-gap');
  }

  #gapInFrame(missingBytes: number): void {
    if (missingBytes > this.#remaining) {
      this.#lose('after-gap');
      return;
    }
    this.#remaining -= missingBytes;
    if (this.#remaining === 0) this.#state = 'frames';
  }

  #lose(reason: string): void {
    this.#lostBy = reason;
    this.#state = 'search';
    this.#handler.losesPlace();
    // What was taken for a frame is none: it begins behind its first byte at the earliest.
    if (this.#held.length > 0) this.#passOver(1);
  }

  /** Answers whether frames begin again; then what is held is to be read anew. */
  #search(isWhole: boolean): boolean {
    const found = findFrames(this.#held.view(), this.#side, this.#reachBytesMax, isWhole);
    this.#passOver(found.at);
    if (found.kind === 'open') return false;
    this.#state = 'frames';
    this.#again();
    // Outside of the loop that reads, nothing else is waiting.
    if (isWhole) this.#queue.push(...this.#anew.splice(0));
    return true;
  }

  #passOver(bytes: number): void {
    if (bytes > 0) this.#held.drop(bytes);
    this.#refuse(this.#lostBy, bytes);
  }

  /** What is held is read anew, with the labels that it came with. */
  #again(): void {
    this.#anew = this.#held.runs();
    this.#held = new LabelledBytes();
  }

  #drop(reason: string): void {
    this.#refuse(reason, this.#held.length);
    this.#held.clear();
  }

  #refuse(reason: string, bytes: number): void {
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }
}
