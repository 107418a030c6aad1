// SPDX-License-Identifier: Apache-2.0

/**
 * One side of DNS over TCP or TLS: bytes in, whole messages out.
 *
 * Shape    length u16 BE (of what follows) · message; RFC 1035, section 4.2.2
 * Errors   a gap inside a message costs that message; any other loses the place, which is found again where a message looks
 *          like one. Every byte is counted: in a message, or not understood with its reason
 */
import type { ByteCounts, Side } from '../decoder.ts';
import { LOOK_BYTES_MAX, looksLikeMessage, PREFIX_BYTES } from './looks-like.ts';

export interface PrefixedSink {
  /** A whole message; a view. Returns its cut bytes, undefined when it could not be read. */
  message(bytes: Buffer, wireBytes: number, firstAt: number, lastAt: number): number | undefined;
  trouble(reason: string, bytes: number): void;
}

const NOTHING = Buffer.alloc(0);

export class PrefixedSide {
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  readonly #side: Side;
  readonly #sink: PrefixedSink;
  /** What is had of the prefix; in search of a message, what may be the head of one. */
  readonly #head = Buffer.alloc(LOOK_BYTES_MAX);
  #headBytes = 0;
  /** The message whose prefix was read, and how much of it is had. */
  #message: Buffer = NOTHING;
  #messageBytes = 0;
  /** Of a damaged message, what still belongs to it. */
  #skipBytes = 0;
  #isLost: boolean;
  #hasEnded = false;
  #skipped = 0;
  #firstAt = 0;

  constructor(side: Side, isLost: boolean, sink: PrefixedSink) {
    this.#side = side;
    this.#isLost = isLost;
    this.#sink = sink;
  }

  get heldBytes(): number {
    return this.#headBytes + this.#message.length;
  }

  push(bytes: Uint8Array, at: number): void {
    if (this.#hasEnded) {
      this.counts.notUnderstood += bytes.length;
      this.#sink.trouble('after_end', bytes.length);
      return;
    }
    for (let from = 0; from < bytes.length; ) {
      if (this.#skipBytes > 0) from += this.#skip(bytes.length - from);
      else if (this.#isLost) from += this.#search(bytes, from, at);
      else if (this.#message.length > 0) from += this.#fill(bytes, from, at);
      else from += this.#readPrefix(bytes, from, at);
    }
  }

  gap(missingBytes: number): void {
    this.#sink.trouble('gap', missingBytes);
    if (this.#skipBytes >= missingBytes) {
      this.#skipBytes -= missingBytes;
      return;
    }
    const isInside = this.#message.length - this.#messageBytes >= missingBytes && this.#message.length > 0;
    const left = this.#message.length - this.#messageBytes - missingBytes;
    this.#dropUnfinished('damaged');
    this.#skipBytes = isInside ? left : 0;
    this.#isLost = !isInside;
  }

  end(): void {
    this.#hasEnded = true;
    this.#dropUnfinished('unfinished');
  }

  #readPrefix(bytes: Uint8Array, from: number, at: number): number {
    if (this.#headBytes === 0) this.#firstAt = at;
    this.#head[this.#headBytes++] = bytes[from] as number;
    if (this.#headBytes < PREFIX_BYTES) return 1;
    this.#headBytes = 0;
    const length = this.#head.readUInt16BE(0);
    if (length === 0) this.#refuse(PREFIX_BYTES);
    else this.#begin(length);
    return 1;
  }

  #begin(length: number): void {
    this.#message = Buffer.allocUnsafeSlow(length);
    this.#messageBytes = 0;
  }

  #fill(bytes: Uint8Array, from: number, at: number): number {
    const taken = Math.min(bytes.length - from, this.#message.length - this.#messageBytes);
    this.#message.set(bytes.subarray(from, from + taken), this.#messageBytes);
    this.#messageBytes += taken;
    if (this.#messageBytes === this.#message.length) this.#give(at);
    return taken;
  }

  #give(lastAt: number): void {
    const message = this.#message;
    const wireBytes = PREFIX_BYTES + message.length;
    this.#message = NOTHING;
    this.#messageBytes = 0;
    const cutBytes = this.#sink.message(message, wireBytes, this.#firstAt, lastAt);
    if (cutBytes === undefined) {
      this.#refuse(wireBytes);
      return;
    }
    this.counts.cut += cutBytes;
    this.counts.decoded += wireBytes - cutBytes;
  }

  #refuse(bytes: number): void {
    this.counts.notUnderstood += bytes;
    this.#sink.trouble('malformed', bytes);
  }

  #skip(available: number): number {
    const taken = Math.min(available, this.#skipBytes);
    this.#skipBytes -= taken;
    this.counts.notUnderstood += taken;
    this.#sink.trouble('damaged', taken);
    return taken;
  }

  /** One byte more of what may be the head of a message; what cannot be one is passed over. */
  #search(bytes: Uint8Array, from: number, at: number): number {
    if (this.#headBytes === 0) this.#firstAt = at;
    this.#head[this.#headBytes++] = bytes[from] as number;
    for (;;) {
      const head = this.#head.subarray(0, this.#headBytes);
      const word = this.#headBytes === 0 ? 'maybe' : looksLikeMessage(head, this.#side);
      if (word === 'maybe') return 1;
      if (word === 'yes') {
        this.#found(head, at);
        return 1;
      }
      this.#head.copyWithin(0, 1, this.#headBytes);
      this.#headBytes--;
      this.#skipped++;
      this.#firstAt = at;
    }
  }

  #found(head: Buffer, at: number): void {
    this.#tellSkipped();
    this.#isLost = false;
    this.#headBytes = 0;
    this.#begin(head.readUInt16BE(0));
    this.#fill(head, PREFIX_BYTES, at);
  }

  #tellSkipped(): void {
    if (this.#skipped === 0) return;
    this.counts.notUnderstood += this.#skipped;
    this.#sink.trouble('skipped_to_resync', this.#skipped);
    this.#skipped = 0;
  }

  #dropUnfinished(reason: string): void {
    this.#tellSkipped();
    const bytes = this.#headBytes + (this.#message.length > 0 ? PREFIX_BYTES + this.#messageBytes : 0);
    this.#headBytes = 0;
    this.#message = NOTHING;
    this.#messageBytes = 0;
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#sink.trouble(reason, bytes);
  }
}
