// SPDX-License-Identifier: Apache-2.0

/**
 * One direction of a WebSocket: bytes to frames, masks off, every byte counted once.
 *
 * Errors   never throws. What cannot be a head, and a gap that reaches beyond a payload, loses the place; it is found where
 *          frames follow each other again (`resync.ts`), and what is passed over is told as skipped_to_resync
 * Keeps    a head that is not all there; while the place is lost, bytes up to CHAIN_BYTES_MAX and a chunk
 * Source   RFC 6455, sections 5.2 to 5.5
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Side } from '../decoder.ts';
import { LabelledBytes } from '../http/held-bytes.ts';
import { type FrameHead, HEAD_BYTES_MAX, type Reserved, readHead } from './frame.ts';
import { startsFrames } from './resync.ts';

/** Shorter payloads are unmasked byte by byte: memory of their own would cost more than words save. */
const WORDS_WORTH_BYTES = 256;

export interface FrameHandler {
  /** Answers whose bytes the frame's are: 'mine' are decoded as they come, 'lost' are not understood. */
  head(head: FrameHead, at: number): 'mine' | 'lost';
  /** Unmasked payload, in order; `left` bytes of the frame are still to come. Answers how many bytes were not kept. */
  payload(bytes: Uint8Array, left: number, at: number): number;
  hole(missingBytes: number, left: number, at: number): void;
  /** The place is lost. */
  lost(at: number): void;
  trouble(reason: string, bytes: number): void;
}

export class FrameStream {
  readonly #from: Side;
  readonly #reserved: Reserved;
  readonly #handler: FrameHandler;
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  #phase: 'head' | 'payload' | 'lost' | 'closed' = 'head';
  /** A head that is not all there. */
  readonly #head = new LabelledBytes();
  #isMine = true;
  /** Of the frame at hand: bytes still to come, and where in its mask. */
  #left = 0;
  readonly #mask = new Uint8Array(4);
  #maskAt = 0;
  readonly #sought = new LabelledBytes();
  #isReplaying = false;

  constructor(from: Side, reserved: Reserved, handler: FrameHandler) {
    this.#from = from;
    this.#reserved = reserved;
    this.#handler = handler;
  }

  get heldBytes(): number {
    return this.#head.length + this.#sought.length;
  }

  push(chunk: Uint8Array, at: number): void {
    const bytes = asBuffer(chunk);
    for (let from = 0; from < bytes.length; ) {
      if (this.#phase === 'head') from = this.#takeHead(bytes, from, at);
      else if (this.#phase === 'payload') from = this.#takePayload(bytes, from, at);
      else if (this.#phase === 'closed') {
        this.#pass('after_close', bytes.length - from);
        return;
      } else {
        this.#sought.append(bytes.subarray(from), at);
        if (!this.#isReplaying) this.#seek(false);
        return;
      }
    }
  }

  gap(missingBytes: number, at: number): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'payload' && missingBytes <= this.#left) {
      this.#left -= missingBytes;
      this.#maskAt = (this.#maskAt + missingBytes) & 3;
      if (this.#isMine) this.#handler.hole(missingBytes, this.#left, at);
      if (this.#left === 0) this.#phase = 'head';
      return;
    }
    this.#handler.trouble('gap_in_frames', missingBytes);
    this.#seek(true);
    this.#lose('skipped_to_resync', at);
  }

  /** A close frame was the last of this side. */
  close(): void {
    this.#phase = 'closed';
  }

  end(at: number): void {
    if (this.#phase === 'lost') this.#seek(true);
    this.#dropHead('unfinished');
    this.#pass('skipped_to_resync', this.#sought.length);
    this.#sought.clear();
    if (this.#phase === 'lost') this.#handler.lost(at);
    this.#phase = 'closed';
  }

  #takeHead(bytes: Buffer, start: number, at: number): number {
    const held = this.#head.length;
    if (held === 0) {
      const head = readHead(bytes, start, bytes.length, this.#from, this.#reserved);
      if (head === 'more') {
        this.#head.append(bytes.subarray(start), at);
        return bytes.length;
      }
      if (head === 'malformed') {
        this.#lose('malformed', at);
        this.#pass('malformed', 1);
        return start + 1;
      }
      this.#begin(head, bytes, at);
      return start + head.headBytes;
    }
    const taken = Math.min(HEAD_BYTES_MAX - held, bytes.length - start);
    this.#head.append(bytes.subarray(start, start + taken), at);
    const head = readHead(this.#head.view(), 0, held + taken, this.#from, this.#reserved);
    if (head === 'more') return start + taken;
    const runs = this.#head.runs();
    if (head === 'malformed') {
      // One byte is given up, and the frames are looked for behind it.
      for (const run of runs) this.#sought.append(run.bytes, run.at);
      this.#sought.drop(1);
      this.#head.clear();
      this.#lose('malformed', at);
      this.#pass('malformed', 1);
      return start + taken;
    }
    const begun = Buffer.from(this.#head.view());
    this.#head.clear();
    this.#begin(head, begun, (runs[0] as { at: number }).at);
    return start + head.headBytes - held;
  }

  #begin(head: FrameHead, bytes: Buffer, at: number): void {
    if (this.#from === 'client') this.#mask.set(bytes.subarray(head.maskAt, head.maskAt + 4));
    this.#maskAt = 0;
    this.#left = head.payloadBytes;
    this.#phase = head.payloadBytes === 0 ? 'head' : 'payload';
    this.#isMine = this.#handler.head(head, at) === 'mine';
    if (this.#isMine) this.counts.decoded += head.headBytes;
    else this.#pass('message_lost', head.headBytes);
  }

  #takePayload(bytes: Buffer, start: number, at: number): number {
    const end = Math.min(bytes.length, start + this.#left);
    this.#left -= end - start;
    if (this.#left === 0) this.#phase = 'head';
    if (this.#isMine) {
      const part = bytes.subarray(start, end);
      const cut = this.#handler.payload(this.#from === 'client' ? this.#unmasked(part) : part, this.#left, at);
      const cutBytes = Math.max(0, Math.min(cut, end - start));
      this.counts.cut += cutBytes;
      this.counts.decoded += end - start - cutBytes;
    } else {
      this.#pass('message_lost', end - start);
    }
    return end;
  }

  #unmasked(bytes: Buffer): Buffer {
    const mask = this.#mask;
    const shift = this.#maskAt;
    this.#maskAt = (shift + bytes.length) & 3;
    const isLong = bytes.length >= WORDS_WORTH_BYTES;
    // Memory of its own begins where a word does.
    const plain = isLong ? Buffer.allocUnsafeSlow(bytes.length) : Buffer.allocUnsafe(bytes.length);
    const byWords = isLong ? bytes.length & ~3 : 0;
    if (isLong) {
      plain.set(bytes);
      const turned = Uint8Array.from({ length: 4 }, (_, i) => mask[(i + shift) & 3] as number);
      const word = new Uint32Array(turned.buffer)[0] as number;
      const words = new Uint32Array(plain.buffer, plain.byteOffset, byWords >> 2);
      for (let i = 0; i < words.length; i++) words[i] = (words[i] as number) ^ word;
    }
    for (let i = byWords; i < bytes.length; i++) plain[i] = (bytes[i] as number) ^ (mask[(i + shift) & 3] as number);
    return plain;
  }

  /** Bytes that were decoded already turn out to mean nothing: a message that cannot be inflated. */
  takeBack(reason: string, bytes: number): void {
    this.counts.decoded -= bytes;
    this.#pass(reason, bytes);
  }

  #lose(reason: string, at: number): void {
    this.#dropHead(reason);
    this.#left = 0;
    this.#phase = 'lost';
    this.#handler.lost(at);
  }

  #dropHead(reason: string): void {
    this.#pass(reason, this.#head.length);
    this.#head.clear();
  }

  /** Look for frames in what is held; the bytes before them are passed over. `isEnd`: nothing comes right behind. */
  #seek(isEnd: boolean): void {
    for (;;) {
      if (this.#phase !== 'lost') return;
      const found = this.#found(isEnd);
      if (found === undefined) return;
      const runs = this.#sought.runs();
      this.#sought.clear();
      this.#phase = 'head';
      this.#isReplaying = true;
      for (const run of runs) this.push(run.bytes, run.at);
      this.#isReplaying = false;
    }
  }

  /** Drops what cannot be frames; answers when the bytes held begin with some. */
  #found(isEnd: boolean): true | undefined {
    const bytes = this.#sought.view();
    let at = 0;
    for (; at < bytes.length; at++) {
      const starts = startsFrames(bytes, at, this.#from, this.#reserved, isEnd);
      if (starts === 'no') continue;
      this.#drop(at);
      return starts === 'yes' ? true : undefined;
    }
    this.#drop(at);
    return undefined;
  }

  #drop(count: number): void {
    this.#pass('skipped_to_resync', count);
    this.#sought.drop(count);
  }

  #pass(reason: string, bytes: number): void {
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }
}
