// SPDX-License-Identifier: Apache-2.0

/**
 * Cuts the bytes of one side into messages, and counts what becomes of each byte.
 *
 * A message that lies whole in a chunk is handed on as a view, without a copy. One that does not is collected, up to the
 * bound for its kind: what is above is counted as cut, and the message is handed on as a head (`isWhole` false). Rows and
 * COPY data above the bound are not collected but handed on as they come. Which of the three happens depends on the length
 * in the header only, so it is the same however the bytes are cut.
 *
 * Errors   never throws. A gap in a message damages that message alone: its length says where the next begins. After a gap
 *          that swallowed a header, and after a header that cannot be one, `Resync` looks for the next message
 */
import { asBuffer, i32At } from '../bytes/byte-reader.ts';
import type { ByteCounts, DecoderBounds, Side } from '../decoder.ts';
import { Backend, Frontend, isHeader, STARTUP_LENGTH_MAX } from './messages.ts';
import { Resync } from './resync.ts';

/** What a stream hands its messages to. Views are valid until the call returns. */
export interface MessageHandler {
  /** A message, or the head of one. Returns how many of these bytes were above a payload bound and so not kept. */
  message(tag: number, bytes: Buffer, start: number, end: number, isWhole: boolean): number;
  /** A row or COPY data of `bodyBytes`, too long to be collected, begins; its parts follow. */
  beginLong(tag: number, bodyBytes: number): void;
  longPart(bytes: Buffer, start: number, end: number): void;
  /** It ended, and `missingBytes` of it were lost. Returns as `message` does. */
  endLong(missingBytes: number): number;
  /** It will never end. */
  abandonLong(): void;
  /** A first packet of the client, which has no tag; the body is what follows the length. What comes next? */
  startup(bytes: Buffer, start: number, end: number): 'messages' | 'startup' | 'nothing';
  /** The server's next byte may be no message but the answer to a request for encryption. Was it? */
  answer(byte: number): boolean;
  /** A TLS record begins where a first packet should. Is that what the connection goes on with? */
  tlsHello(): boolean;
  /** The place in the stream is not known any more: messages may be missing, and `missingBytes` are (0: not known). */
  lost(missingBytes: number): void;
  trouble(reason: string, bytes: number): void;
}

const Phase = { header: 0, body: 1, startupHeader: 2, startupBody: 3, lost: 4, nothing: 5 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

const HEADER_BYTES = 5;
const STARTUP_HEADER_BYTES = 4;
const TLS_HANDSHAKE = 0x16;
/** A buffer that collects begins with this much and grows as bytes really come, whatever length was announced. */
const FIRST_COLLECTED_BYTES = 4096;
const NONE = Buffer.allocUnsafeSlow(0);

export class MessageStream {
  readonly #from: Side;
  readonly #bounds: DecoderBounds;
  readonly #handler: MessageHandler;
  readonly #resync: Resync;
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };

  #phase: Phase;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  // The message at hand: its body's length, and how many bytes of it were seen, are missing, were seen behind a hole.
  #tag = 0;
  #bodyBytes = 0;
  #seenBytes = 0;
  #missingBytes = 0;
  #uselessBytes = 0;
  #isLong = false;
  /** The body is collected up to here. */
  #wantedBytes = 0;
  #collected: Buffer = NONE;
  #collectedBytes = 0;
  #isStopped = false;
  #disowned = '';

  /** Label of the first byte of the message at hand. */
  firstAt = 0;
  /** Label of the byte that was taken last. */
  lastAt = 0;
  /** Offset in the chunk just pushed up to which bytes are the stream's own. */
  usedBytes = 0;
  #mayBeAnswer = false;

  constructor(from: Side, bounds: DecoderBounds, handler: MessageHandler, begins: 'startup' | 'messages' | 'lost') {
    this.#from = from;
    this.#bounds = bounds;
    this.#handler = handler;
    this.#resync = new Resync(from);
    this.#phase = begins === 'startup' ? Phase.startupHeader : begins === 'lost' ? Phase.lost : Phase.header;
  }

  get heldBytes(): number {
    return this.#collectedBytes + this.#headerBytes + this.#resync.heldBytes;
  }

  /** Bytes on the wire of the message that is being handed on, as far as they were seen and are of use. */
  get messageBytes(): number {
    const header = this.#phase === Phase.startupBody ? STARTUP_HEADER_BYTES : HEADER_BYTES;
    return header + this.#seenBytes - this.#uselessBytes;
  }

  /** Bytes of it that were lost. */
  get missingBytes(): number {
    return this.#missingBytes;
  }

  /** Called while a message is handed on: it belongs to nothing, so its bytes count as not understood. */
  disown(reason: string): void {
    this.#disowned = reason;
  }

  /** The next byte may be the answer to a request for encryption, if it is known to be the next. */
  awaitAnswer(): void {
    this.#mayBeAnswer = this.#phase === Phase.header && this.#headerBytes === 0;
  }

  /** Take no more bytes: the connection speaks something else from here. */
  stop(): void {
    this.#isStopped = true;
  }

  push(chunk: Uint8Array, at: number): void {
    this.#consume(asBuffer(chunk), at);
  }

  gap(missingBytes: number): void {
    if (this.#isStopped || missingBytes <= 0 || this.#phase === Phase.nothing) return;
    let left = missingBytes;
    if (this.#phase === Phase.body) {
      const inBody = Math.min(left, this.#bodyBytes - this.#seenBytes - this.#missingBytes);
      this.#handler.trouble('gap_in_message', inBody);
      this.#missingBytes += inBody;
      left -= inBody;
      this.#endBodyIfComplete();
      if (left === 0) return;
    }
    this.#handler.trouble('gap', left);
    this.#giveUp('unfinished');
    this.#lose(left);
  }

  /** The side sends no more. */
  end(): void {
    this.#giveUp('unfinished');
    this.#phase = Phase.nothing;
  }

  #consume(bytes: Buffer, at: number): void {
    const end = bytes.length;
    let i = 0;
    while (i < end && !this.#isStopped) {
      this.lastAt = at;
      switch (this.#phase) {
        case Phase.header:
          i = this.#takeHeader(bytes, i, end);
          break;
        case Phase.body:
        case Phase.startupBody:
          i = this.#takeBody(bytes, i, end);
          break;
        case Phase.startupHeader:
          i = this.#takeStartupHeader(bytes, i, end);
          break;
        case Phase.lost:
          i = this.#look(bytes, i, end);
          break;
        case Phase.nothing:
          this.#notUnderstood('after_the_end', end - i);
          i = end;
          break;
      }
    }
    this.usedBytes = i;
  }

  #takeHeader(bytes: Buffer, i: number, end: number): number {
    if (this.#headerBytes === 0) {
      this.firstAt = this.lastAt;
      if (this.#mayBeAnswer) {
        this.usedBytes = i + 1;
        this.#mayBeAnswer = false;
        if (this.#handler.answer(bytes[i] as number)) {
          this.counts.decoded++;
          return i + 1;
        }
      }
      if (end - i >= HEADER_BYTES) {
        this.#beginMessage(bytes[i] as number, i32At(bytes, i + 1), bytes, i);
        const bodyStart = i + HEADER_BYTES;
        if (this.#phase !== Phase.body) return bodyStart;
        const bodyEnd = bodyStart + this.#bodyBytes;
        if (this.#isLong || bodyEnd > end) return bodyStart;
        // The usual case: the whole message is here, and is read where it lies.
        this.#handOn(bytes, bodyStart, Math.min(bodyEnd, bodyStart + this.#wantedBytes), this.#bodyBytes);
        return bodyEnd;
      }
    }
    const next = this.#fillHeader(bytes, i, end, HEADER_BYTES);
    if (this.#headerBytes === HEADER_BYTES) {
      this.#headerBytes = 0;
      this.#beginMessage(this.#header[0] as number, i32At(this.#header, 1), this.#header, 0);
    }
    return next;
  }

  #takeStartupHeader(bytes: Buffer, i: number, end: number): number {
    if (this.#headerBytes === 0) {
      this.firstAt = this.lastAt;
      this.usedBytes = i;
      if (bytes[i] === TLS_HANDSHAKE && this.#handler.tlsHello()) {
        this.stop();
        return i;
      }
    }
    const next = this.#fillHeader(bytes, i, end, STARTUP_HEADER_BYTES);
    if (this.#headerBytes < STARTUP_HEADER_BYTES) return next;
    this.#headerBytes = 0;
    const length = i32At(this.#header, 0);
    if (length < 8 || length > STARTUP_LENGTH_MAX) {
      this.#malformed(this.#header, 0, STARTUP_HEADER_BYTES);
      return next;
    }
    this.#beginBody(length - STARTUP_HEADER_BYTES, STARTUP_LENGTH_MAX);
    this.#phase = Phase.startupBody;
    return next;
  }

  #fillHeader(bytes: Buffer, i: number, end: number, wanted: number): number {
    const next = Math.min(end, i + wanted - this.#headerBytes);
    for (let from = i; from < next; from++) this.#header[this.#headerBytes++] = bytes[from] as number;
    return next;
  }

  /** A header was read, which stands at `start` of `bytes`. */
  #beginMessage(tag: number, length: number, bytes: Buffer, start: number): void {
    if (!isHeader(this.#from, tag, length)) {
      this.#malformed(bytes, start, start + HEADER_BYTES);
      return;
    }
    this.#tag = tag;
    this.#phase = Phase.body;
    this.#beginBody(length - 4, this.#collectedMax(tag));
    const isStreamed = tag === Frontend.copyData || (tag === Backend.dataRow && this.#from === 'server');
    this.#isLong = isStreamed && this.#bodyBytes > this.#bounds.pendingBytesMax;
    if (this.#isLong) this.#handler.beginLong(tag, this.#bodyBytes);
    else this.#endBodyIfComplete();
  }

  /** A statement and its parameters are kept up to the bound of a request; other messages up to that of a frame. */
  #collectedMax(tag: number): number {
    const { pendingBytesMax, requestBytesMax } = this.#bounds;
    const isRequest =
      this.#from === 'client' &&
      (tag === Frontend.query || tag === Frontend.parse || tag === Frontend.bind || tag === Frontend.functionCall);
    return isRequest ? Math.max(pendingBytesMax, requestBytesMax) : pendingBytesMax;
  }

  #beginBody(bodyBytes: number, collectedMax: number): void {
    this.#bodyBytes = bodyBytes;
    this.#seenBytes = 0;
    this.#missingBytes = 0;
    this.#uselessBytes = 0;
    this.#wantedBytes = Math.min(bodyBytes, collectedMax);
    this.#collectedBytes = 0;
    this.#isLong = false;
  }

  #takeBody(bytes: Buffer, i: number, end: number): number {
    const next = Math.min(end, i + this.#bodyBytes - this.#seenBytes - this.#missingBytes);
    const count = next - i;
    this.#seenBytes += count;
    if (this.#missingBytes > 0) this.#uselessBytes += count;
    else if (this.#isLong) this.#handler.longPart(bytes, i, next);
    else this.#collect(bytes, i, Math.min(next, i + this.#wantedBytes - this.#collectedBytes));
    this.#endBodyIfComplete();
    return next;
  }

  #collect(bytes: Buffer, from: number, to: number): void {
    const count = to - from;
    if (count <= 0) return;
    const needed = this.#collectedBytes + count;
    if (needed > this.#collected.length) {
      const size = Math.min(this.#wantedBytes, Math.max(FIRST_COLLECTED_BYTES, 2 * needed));
      const grown = Buffer.allocUnsafeSlow(Math.max(size, needed));
      this.#collected.copy(grown, 0, 0, this.#collectedBytes);
      this.#collected = grown;
    }
    bytes.copy(this.#collected, this.#collectedBytes, from, to);
    this.#collectedBytes = needed;
  }

  #endBodyIfComplete(): void {
    if (this.#seenBytes + this.#missingBytes < this.#bodyBytes) return;
    if (this.#isLong) {
      this.#count(Math.min(this.#handler.endLong(this.#missingBytes), this.#seenBytes - this.#uselessBytes));
      this.#isLong = false;
      this.#phase = Phase.header;
      return;
    }
    const collected = this.#collected;
    const count = this.#collectedBytes;
    if (collected.length > 16 * FIRST_COLLECTED_BYTES) this.#collected = NONE;
    this.#collectedBytes = 0;
    this.#handOn(collected, 0, count, this.#seenBytes);
  }

  /** The message is complete, as far as it will be: `bytes[start, end)` of it is at hand. */
  #handOn(bytes: Buffer, start: number, end: number, seenBytes: number): void {
    this.#seenBytes = seenBytes;
    if (this.#phase === Phase.startupBody) {
      this.counts.decoded += this.messageBytes;
      const next = this.#handler.startup(bytes, start, end);
      this.#phase = next === 'messages' ? Phase.header : next === 'startup' ? Phase.startupHeader : Phase.nothing;
      return;
    }
    const size = end - start;
    const above = seenBytes - this.#uselessBytes - size;
    this.#count(above + Math.min(size, this.#handler.message(this.#tag, bytes, start, end, size === this.#bodyBytes)));
    this.#phase = Phase.header;
  }

  /** Say what became of the bytes of the message that was handed on. */
  #count(cutBytes: number): void {
    const { counts } = this;
    if (this.#disowned === '') {
      counts.cut += cutBytes;
      counts.decoded += this.messageBytes - cutBytes;
    } else {
      this.#notUnderstood(this.#disowned, this.messageBytes);
      this.#disowned = '';
    }
    if (this.#uselessBytes > 0) this.#notUnderstood('behind_gap', this.#uselessBytes);
  }

  #malformed(bytes: Buffer, start: number, end: number): void {
    this.#handler.trouble('malformed', 0);
    this.#lose(0);
    // A message may begin inside of what was no header.
    this.#feed(bytes.subarray(start, end), this.firstAt);
  }

  #lose(missingBytes: number): void {
    this.#phase = Phase.lost;
    this.#mayBeAnswer = false;
    this.#resync.begin();
    this.#handler.lost(missingBytes);
  }

  #look(bytes: Buffer, i: number, end: number): number {
    const next = i + Resync.sliceBytes(end - i);
    this.#feed(bytes.subarray(i, next), this.lastAt);
    return next;
  }

  #feed(slice: Buffer, at: number): void {
    const pieces = this.#resync.feed(slice, at);
    if (pieces === undefined) return;
    this.#notUnderstood('skipped_to_resync', this.#resync.skippedBytes);
    this.#phase = Phase.header;
    for (const piece of pieces) this.#consume(piece.bytes, piece.at);
  }

  /** What is begun will not be finished. */
  #giveUp(reason: string): void {
    if (this.#phase === Phase.lost) {
      this.#notUnderstood('skipped_to_resync', this.#resync.giveUp());
      return;
    }
    this.#notUnderstood(reason, this.#headerBytes);
    this.#headerBytes = 0;
    if (this.#phase === Phase.body || this.#phase === Phase.startupBody) {
      const header = this.#phase === Phase.body ? HEADER_BYTES : STARTUP_HEADER_BYTES;
      if (this.#isLong) this.#handler.abandonLong();
      this.#notUnderstood(reason, header + this.#seenBytes);
    }
    this.#isLong = false;
    this.#collected = NONE;
    this.#collectedBytes = 0;
  }

  #notUnderstood(reason: string, bytes: number): void {
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }
}
