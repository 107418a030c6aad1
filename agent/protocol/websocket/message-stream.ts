// SPDX-License-Identifier: Apache-2.0

/** One direction: frames to messages for the talk, and control frames, which may stand between the frames of a message. */
import type { Agreement, ByteCounts, DecoderSink, Side } from '../decoder.ts';
import { GrowingBytes } from '../http/held-bytes.ts';
import { exchangeOf } from './exchange.ts';
import { type FrameHead, Opcode, type Reserved } from './frame.ts';
import { type FrameHandler, FrameStream } from './frame-stream.ts';
import type { Inflater } from './inflater.ts';
import type { WebSocketTalk } from './subprotocols.ts';

const NO_BYTES = Buffer.alloc(0);
/** RFC 6455, section 7.1.5: the frame gave no code. */
const NO_CODE = 1005;
/** What a close says when nothing was wrong: done, going away, no code. */
const GOOD_CODES: ReadonlySet<number> = new Set([1000, 1001, NO_CODE]);

interface Message {
  readonly opcode: 'text' | 'binary';
  readonly isCompressed: boolean;
  readonly at: number;
  isFirst: boolean;
  fragments: number;
  /** Heads on the wire that no part was given for, and all of a compressed message. */
  headBytes: number;
  carriedBytes: number;
  /** Compressed bytes; undefined once they are too many, or one is missing. */
  carried: GrowingBytes | undefined;
  hasHole: boolean;
}

interface Control {
  readonly opcode: number;
  readonly at: number;
  wireBytes: number;
  readonly bytes: Buffer[];
  isWhole: boolean;
}

export interface StreamParts {
  readonly from: Side;
  readonly reserved: Reserved;
  /** Undefined when nothing is compressed. */
  readonly inflater: Inflater | undefined;
  readonly carriedBytesMax: number;
  readonly talk: WebSocketTalk;
  readonly sink: DecoderSink;
  readonly agreement: Agreement | undefined;
  /** Answers whether the other side had closed before. */
  closes(from: Side): boolean;
}

export class MessageStream implements FrameHandler {
  readonly #parts: StreamParts;
  readonly #frames: FrameStream;
  readonly counts: ByteCounts;
  #message: Message | undefined;
  #control: Control | undefined;
  #fin = true;
  #endAt = 0;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#frames = new FrameStream(parts.from, parts.reserved, this);
    this.counts = this.#frames.counts;
  }

  get heldBytes(): number {
    const carried = this.#message?.carried?.heldBytes ?? 0;
    return this.#frames.heldBytes + carried + (this.#control?.wireBytes ?? 0) + (this.#parts.inflater?.heldBytes ?? 0);
  }

  push(bytes: Uint8Array, at: number): void {
    this.#frames.push(bytes, at);
  }

  gap(missingBytes: number, at: number): void {
    this.#frames.gap(missingBytes, at);
  }

  end(at: number): void {
    this.#frames.end(at);
    this.#abandon('unfinished');
    this.#parts.talk.end(this.#parts.from, at);
    this.#parts.inflater?.end();
  }

  head(head: FrameHead, at: number): 'mine' | 'lost' {
    this.#endAt = at;
    if (head.opcode >= Opcode.close) {
      this.#control = { opcode: head.opcode, at, wireBytes: head.headBytes, bytes: [], isWhole: true };
      if (head.payloadBytes === 0) this.#endControl();
      return 'mine';
    }
    this.#fin = head.fin;
    if (head.opcode !== Opcode.continuation) {
      // A message within a message: the one before is never finished.
      if (this.#message !== undefined) this.lost(at);
      this.#message = {
        opcode: head.opcode === Opcode.text ? 'text' : 'binary',
        isCompressed: head.isCompressed && this.#parts.inflater !== undefined,
        at,
        isFirst: true,
        fragments: 0,
        headBytes: 0,
        carriedBytes: 0,
        carried: new GrowingBytes(this.#parts.carriedBytesMax),
        hasHole: false,
      };
    }
    const message = this.#message;
    if (message === undefined) return 'lost';
    message.fragments++;
    if (message.isCompressed) {
      message.headBytes += head.headBytes;
      if (this.#fin && head.payloadBytes === 0) this.#endCompressed(message);
    } else {
      this.#pass(message, NO_BYTES, head.headBytes, this.#fin && head.payloadBytes === 0, at);
    }
    return 'mine';
  }

  payload(bytes: Uint8Array, left: number, at: number): number {
    this.#endAt = at;
    const control = this.#control;
    if (control !== undefined) {
      control.bytes.push(Buffer.from(bytes));
      control.wireBytes += bytes.length;
      if (left === 0) this.#endControl();
      return 0;
    }
    const message = this.#message;
    if (message === undefined) return 0;
    const isLast = this.#fin && left === 0;
    if (!message.isCompressed) return this.#pass(message, bytes, bytes.length, isLast, at);
    message.carriedBytes += bytes.length;
    if (this.#parts.inflater?.isLost || (message.carried?.append(bytes) ?? 0) < bytes.length)
      message.carried = undefined;
    if (isLast) this.#endCompressed(message);
    return 0;
  }

  hole(missingBytes: number, left: number, at: number): void {
    this.#endAt = at;
    this.trouble('gap_in_message', missingBytes);
    const control = this.#control;
    if (control !== undefined) {
      control.isWhole = false;
      if (left === 0) this.#endControl();
      return;
    }
    const message = this.#message;
    if (message === undefined) return;
    const isLast = this.#fin && left === 0;
    if (message.isCompressed) {
      message.carried = undefined;
      message.hasHole = true;
      if (isLast) this.#endCompressed(message);
    } else {
      this.#parts.talk.hole(this.#parts.from, missingBytes, at);
      if (isLast) this.#pass(message, NO_BYTES, 0, true, at);
    }
  }

  lost(at: number): void {
    this.#abandon('message_lost');
    this.#parts.talk.lost(this.#parts.from, at);
    this.#parts.inflater?.lose();
  }

  trouble(reason: string, bytes: number): void {
    this.#parts.sink.trouble(this.#parts.from, reason, bytes);
  }

  #pass(message: Message, bytes: Uint8Array, wireBytes: number, isLast: boolean, at: number): number {
    const { opcode, isFirst, fragments: fragment } = message;
    message.isFirst = false;
    if (isLast) this.#message = undefined;
    const { from, talk } = this.#parts;
    return talk.data({ from, opcode, bytes, isFirst, isLast, fragment, isCompressed: false, wireBytes, at });
  }

  #endCompressed(message: Message): void {
    const { inflater, from, talk } = this.#parts;
    this.#message = undefined;
    if (inflater === undefined) return;
    const { opcode, carried, fragments: fragment, at } = message;
    if (carried === undefined) {
      const reason = inflater.isLost
        ? 'deflate_context_lost'
        : message.hasHole
          ? 'message_broken'
          : 'deflate_above_bound';
      inflater.lose();
      this.#unreadable(message, reason);
      return;
    }
    const bytes = inflater.inflate(carried.take());
    if (typeof bytes === 'string') {
      this.#unreadable(message, bytes);
      return;
    }
    const wireBytes = message.headBytes + message.carriedBytes;
    const part = { from, opcode, fragment, isCompressed: true };
    // Two parts, since a message has two labels.
    talk.data({ ...part, bytes: NO_BYTES, isFirst: true, isLast: false, wireBytes: 0, at });
    talk.data({ ...part, bytes, isFirst: false, isLast: true, wireBytes, at: this.#endAt });
  }

  #unreadable(message: Message, reason: string): void {
    const { from, talk } = this.#parts;
    const { opcode, headBytes, carriedBytes, fragments: fragment, at } = message;
    if (talk.unreadable === undefined) {
      this.#frames.takeBack(reason, headBytes + carriedBytes);
      talk.lost(from, at);
      return;
    }
    this.#frames.takeBack(reason, carriedBytes);
    talk.unreadable({ from, opcode, reason, carriedBytes, wireBytes: headBytes, fragment, at, endAt: this.#endAt });
  }

  /** What was begun is never finished. */
  #abandon(reason: string): void {
    if (this.#control !== undefined) {
      this.#control.isWhole = false;
      this.#endControl();
    }
    const message = this.#message;
    this.#message = undefined;
    if (message?.isCompressed) this.#unreadable(message, reason);
  }

  #endControl(): void {
    const { from, sink, talk, agreement } = this.#parts;
    const { opcode, at, wireBytes, bytes, isWhole } = this.#control as Control;
    this.#control = undefined;
    const endAt = this.#endAt;
    const incomplete: Record<string, string> = isWhole ? {} : { incomplete: 'true' };
    const status = isWhole ? 'ok' : 'unknown';
    if (opcode !== Opcode.close) {
      const operation = opcode === Opcode.ping ? 'PING' : 'PONG';
      const said = {
        from,
        operation,
        text: '',
        wireBytes,
        attributes: incomplete,
        at,
        endAt,
        status,
        routine: true,
      } as const;
      sink.exchange(exchangeOf(said, agreement));
      return;
    }
    const payload = Buffer.concat(bytes);
    const code = payload.length >= 2 && isWhole ? payload.readUInt16BE(0) : NO_CODE;
    const reason = isWhole ? payload.toString('utf8', 2) : '';
    const isAnswer = this.#parts.closes(from);
    const isGood = GOOD_CODES.has(code);
    if (isGood && isWhole && talk.takesClose !== undefined) {
      talk.takesClose(from, wireBytes, endAt);
      talk.closed(from, code, reason, endAt);
      this.#frames.close();
      return;
    }
    sink.exchange(
      exchangeOf(
        {
          from,
          operation: 'CLOSE',
          text: [code === NO_CODE ? '' : String(code), reason].join(' ').trim(),
          wireBytes,
          attributes: { closed_by: from, ...(code !== NO_CODE && { close_code: String(code) }), ...incomplete },
          status: isGood ? status : 'error',
          ...(!isGood && { errorCode: String(code), errorMessage: reason }),
          routine: isAnswer,
          at,
          endAt,
        },
        agreement,
      ),
    );
    talk.closed(from, code, reason, endAt);
    this.#frames.close();
  }
}
