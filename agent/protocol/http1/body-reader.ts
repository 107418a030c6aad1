// SPDX-License-Identifier: Apache-2.0

/**
 * Reads the body of one message as its framing says, and counts what became of each byte: framing and kept content are
 * decoded, content beyond the bound is cut.
 */
import type { ByteCounts } from '../decoder.ts';
import { parseFields } from '../http/fields.ts';
import { GrowingBytes } from '../http/held-bytes.ts';
import { KeptBody } from '../http/kept-body.ts';
import type { Incomplete, Message } from '../http/message.ts';
import { ChunkFraming } from './chunked.ts';
import { EmptyLineScanner } from './empty-line.ts';
import type { BodyFraming } from './framing.ts';
import { fieldText } from './grammar.ts';

export type FramedBody = Extract<BodyFraming, { kind: 'length' | 'chunked' | 'until-close' }>;

export class BodyReader {
  readonly #message: Message<unknown>;
  readonly #counts: ByteCounts;
  readonly #body: KeptBody;
  readonly #trailerBytesMax: number;
  readonly #chunks: ChunkFraming | undefined;
  /** Bytes of a body of known length that are still to come. */
  #remaining: number;
  #trailers: { bytes: GrowingBytes; emptyLine: EmptyLineScanner } | undefined;
  /** After `take` or `gap`: is the body whole, or what broke it so that its end cannot be found. */
  state: 'more' | 'whole' | Incomplete = 'more';

  constructor(
    message: Message<unknown>,
    framing: FramedBody,
    counts: ByteCounts,
    bytesMax: number,
    trailerBytesMax: number,
  ) {
    this.#message = message;
    this.#counts = counts;
    this.#body = new KeptBody(bytesMax);
    this.#trailerBytesMax = trailerBytesMax;
    this.#chunks = framing.kind === 'chunked' ? new ChunkFraming() : undefined;
    this.#remaining = framing.kind === 'length' ? framing.bytes : Number.POSITIVE_INFINITY;
    message.body = this.#body;
  }

  get heldBytes(): number {
    return this.#body.heldBytes + (this.#trailers?.bytes.heldBytes ?? 0);
  }

  /** Bytes of trailers that were held and will not be read: the message ends without them. */
  get unreadBytes(): number {
    return this.#trailers?.bytes.length ?? 0;
  }

  /** Read on from `pos`; answers how far. */
  take(bytes: Buffer, pos: number, at: number): number {
    if (this.#chunks === undefined) {
      const to = Math.min(bytes.length, pos + this.#remaining);
      this.#content(bytes, pos, to, at);
      this.#remaining -= to - pos;
      if (this.#remaining === 0) this.state = 'whole';
      return to;
    }
    switch (this.#chunks.state) {
      case 'data': {
        const to = Math.min(bytes.length, pos + this.#chunks.remaining);
        this.#content(bytes, pos, to, at);
        this.#chunks.took(to - pos);
        return to;
      }
      case 'trailers':
        return this.#takeTrailers(bytes, pos, at);
      default:
        return this.#takeFraming(this.#chunks, bytes, pos, at);
    }
  }

  /**
   * `missingBytes` were not seen. Answers how many of them were content, for certain; if fewer than all, the rest was
   * behind the body (`state` 'whole'), or the end of the body was among them (`state` 'gap').
   */
  gap(missingBytes: number, at: number): number {
    const room = this.#chunks === undefined ? this.#remaining : this.#chunks.remaining;
    const inContent = this.#chunks === undefined || this.#chunks.state === 'data' ? Math.min(missingBytes, room) : 0;
    if (inContent > 0) this.#body.gap(inContent);
    this.#message.incomplete = 'gap';
    this.#message.endAt = at;
    if (this.#chunks === undefined) {
      this.#remaining -= inContent;
      if (this.#remaining === 0) this.state = 'whole';
    } else if (inContent < missingBytes) {
      this.state = 'gap';
    } else {
      this.#chunks.took(inContent);
    }
    return inContent;
  }

  /** The side ended. Answers whether the body may end there. */
  end(): boolean {
    return this.#remaining === Number.POSITIVE_INFINITY && this.#chunks === undefined;
  }

  /** Write down what the framing was like; to be called once, when the message ends. */
  note(): void {
    this.#message.chunkExtensions = this.#chunks?.extensions ?? false;
    this.#message.bareLf ||= this.#chunks?.bareLf ?? false;
  }

  #content(bytes: Buffer, from: number, to: number, at: number): void {
    const content = from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
    const kept = this.#body.append(content, this.#message.wireBytes, at);
    this.#counts.cut += content.length - kept;
    this.#counts.decoded += kept;
    this.#message.wireBytes += content.length;
    this.#message.endAt = at;
  }

  #takeFraming(chunks: ChunkFraming, bytes: Buffer, pos: number, at: number): number {
    const end = chunks.readFraming(bytes, pos);
    this.#framing(end - pos, at);
    if (chunks.state === 'malformed') this.state = 'malformed-chunk';
    return end;
  }

  #takeTrailers(bytes: Buffer, pos: number, at: number): number {
    this.#trailers ??= { bytes: new GrowingBytes(this.#trailerBytesMax), emptyLine: new EmptyLineScanner() };
    const { bytes: held, emptyLine } = this.#trailers;
    const to = Math.min(bytes.length, pos + this.#trailerBytesMax - held.length);
    const end = emptyLine.find(bytes, pos, to);
    held.append(bytes.subarray(pos, end < 0 ? to : end));
    if (end < 0) {
      if (held.length >= this.#trailerBytesMax) this.state = 'trailers-too-long';
      return to;
    }
    this.#message.trailers = parseFields(fieldText(held.view(), 0, held.length));
    this.#message.bareLf ||= this.#message.trailers.bareLf;
    this.#framing(held.length, at);
    this.state = 'whole';
    return end;
  }

  #framing(count: number, at: number): void {
    if (count === 0) return;
    this.#counts.decoded += count;
    this.#message.wireBytes += count;
    this.#message.endAt = at;
  }
}
