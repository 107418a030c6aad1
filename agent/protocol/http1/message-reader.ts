// SPDX-License-Identifier: Apache-2.0

/**
 * Reads one direction of a connection: message after message, each byte once, its fate decided by the bytes alone and
 * never by how they were cut into chunks. Does not know which direction it is, nor which reply belongs to which request.
 */
import type { ByteCounts } from '../decoder.ts';
import { NO_FIELDS } from '../http/fields.ts';
import { LabelledBytes } from '../http/held-bytes.ts';
import type { Incomplete, Message } from '../http/message.ts';
import { BodyReader } from './body-reader.ts';
import type { StartGrammar } from './grammar.ts';
import { HeadReader } from './head-reader.ts';
import type { MessageHandler } from './message.ts';
import { StartFinder } from './start-finder.ts';

/** 128 KiB: eight times what Node accepts, four times nginx's default. A longer head is not understood. */
const HEAD_BYTES_MAX = 128 * 1024;
/** Enough for "OPTIONS /" and "HTTP/1.1". */
const DOUBT_BYTES_MAX = 16;

const LF = 0x0a;
const CR = 0x0d;

type State =
  /** Between messages: empty lines are passed over (RFC 9112, section 2.2). */
  | 'between'
  | 'head'
  /** Where a body should begin, and perhaps another message does. */
  | 'doubt'
  | 'body'
  /** The place in the stream is lost; the next head is looked for. */
  | 'lost'
  /** Held until it is known whose the bytes are. */
  | 'paused'
  /** The language changed: nothing more is read. */
  | 'stopped';

type Runs = readonly { readonly bytes: Buffer; readonly at: number }[];

export class MessageReader<Line> {
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  readonly #handler: MessageHandler<Line>;
  readonly #headBytesMax: number;
  readonly #pausedBytesMax: number;
  readonly #head: HeadReader<Line>;
  readonly #finder: StartFinder<Line>;
  /** Doubtful or paused bytes. */
  readonly #held = new LabelledBytes();
  #state: State = 'between';
  #startAt = 0;
  /** Empty lines before a message: they count with it when it comes. */
  #emptyLineBytes = 0;
  #message: Message<Line> | undefined;
  #body: BodyReader | undefined;
  /** Passed over since the place was lost, and why it was. */
  #lostBytes = 0;
  #lostCause = '';
  #endedAt: number | undefined;
  #mayPause = true;

  constructor(grammar: StartGrammar<Line>, pendingBytesMax: number, handler: MessageHandler<Line>, late: boolean) {
    this.#handler = handler;
    this.#headBytesMax = Math.min(HEAD_BYTES_MAX, pendingBytesMax);
    this.#pausedBytesMax = pendingBytesMax;
    this.#head = new HeadReader(grammar, this.#headBytesMax);
    this.#finder = new StartFinder(grammar, this.#headBytesMax);
    if (late) {
      this.#state = 'lost';
      this.#lostCause = 'joined-late';
    }
  }

  get heldBytes(): number {
    // The texts of a head are kept while its body arrives.
    const ofMessage = this.#message === undefined ? 0 : this.#head.head.bytes;
    const inMessage = this.#head.heldBytes + ofMessage + (this.#body?.heldBytes ?? 0);
    return this.#held.length + this.#finder.heldBytes + inMessage;
  }

  /** Answers how many of the bytes were its own: all, but when it was stopped in the middle of them. */
  push(bytes: Buffer, at: number): number {
    if (this.#endedAt !== undefined) {
      this.#pass(bytes.length);
      this.#tellLost('bytes-after-end');
      return bytes.length;
    }
    let pos = 0;
    while (pos < bytes.length && this.#state !== 'stopped') pos = this.#step(bytes, pos, at);
    return pos;
  }

  gap(missingBytes: number, at: number): void {
    if (missingBytes <= 0 || this.#endedAt !== undefined) return;
    switch (this.#state) {
      case 'stopped':
        break;
      case 'between':
        this.#handler.trouble('gap-between-messages', missingBytes);
        this.#lose('after-gap');
        break;
      case 'head':
        this.#handler.trouble('gap-in-head', missingBytes);
        this.#loseHead('after-gap');
        break;
      case 'body':
        this.#gapInBody(this.#body!, missingBytes, at);
        break;
      case 'lost':
        this.#handler.trouble('gap-while-lost', missingBytes);
        this.#finder.giveUp();
        this.#countSkipped();
        this.#handler.losesPlace();
        break;
      case 'doubt':
        this.#replay(this.#endDoubt());
        this.gap(missingBytes, at);
        break;
      case 'paused':
        this.#mayPause = false;
        this.resume();
        this.gap(missingBytes, at);
        break;
    }
  }

  end(at: number): void {
    if (this.#endedAt !== undefined) return;
    if (this.#state === 'doubt') this.#replay(this.#endDoubt());
    if (this.#state === 'head') this.#loseHead('head-incomplete');
    if (this.#state === 'body') {
      if (this.#body!.end()) this.#finish();
      else this.#breakOff('connection-ended', 'trailers-incomplete');
    }
    if (this.#state === 'between') this.#lostCause = 'stray-empty-lines';
    // Paused bytes are read on, and then ended, when it is known whose they are.
    if (this.#state !== 'paused') this.#endLost();
    this.#endedAt = at;
  }

  /** The bytes that follow wait until it is known whose they are. To be called while a message ends. */
  pause(): void {
    if (this.#mayPause && this.#state === 'between') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    const runs = this.#held.runs();
    const endedAt = this.#endedAt;
    this.#held.clear();
    this.#endedAt = undefined;
    this.#state = 'between';
    this.#replay(runs);
    if (endedAt !== undefined) this.end(endedAt);
  }

  /** No byte behind this point is this reader's; of what it holds, nobody can be told whose it is. */
  stop(cause: string): void {
    if (this.#state === 'head') this.#loseHead(cause);
    else if (this.#message !== undefined) this.#breakOff('connection-ended', cause);
    if (this.#state !== 'lost') this.#lostCause = cause;
    this.#pass(this.#held.length);
    this.#held.clear();
    this.#endLost();
    this.#state = 'stopped';
  }

  #step(bytes: Buffer, pos: number, at: number): number {
    switch (this.#state) {
      case 'between': {
        const byte = bytes[pos];
        if (byte === CR || byte === LF) {
          this.#emptyLineBytes++;
          return pos + 1;
        }
        this.#state = 'head';
        this.#startAt = at;
        this.#head.begin();
        this.#handler.begins(at);
        return pos;
      }
      case 'head':
        return this.#readHead(bytes, pos, at);
      case 'doubt':
        return this.#readDoubt(bytes, pos, at);
      case 'body':
        return this.#readBody(this.#body!, bytes, pos, at);
      case 'lost':
        return this.#find(bytes, pos, at);
      case 'paused':
        this.#held.append(bytes.subarray(pos), at);
        if (this.#held.length > this.#pausedBytesMax) {
          this.#mayPause = false;
          this.resume();
        }
        return bytes.length;
      case 'stopped':
        return bytes.length;
    }
  }

  /** Bytes that were held go the same way as bytes that arrive. */
  #replay(runs: Runs): void {
    for (const run of runs) {
      let pos = 0;
      while (pos < run.bytes.length && this.#state !== 'stopped') pos = this.#step(run.bytes, pos, run.at);
    }
  }

  #readHead(bytes: Buffer, pos: number, at: number): number {
    const upTo = this.#head.take(bytes, pos, at);
    switch (this.#head.state) {
      case 'more':
        break;
      case 'whole':
        this.#headIsWhole(at);
        break;
      case 'too-long':
        this.#loseHead('head-too-long');
        break;
      case 'not-a-start': {
        // A start may stand further on in the same bytes, so they are searched.
        const runs = this.#head.giveBack();
        this.#loseHead('malformed-start');
        this.#replay(runs);
        break;
      }
    }
    return upTo;
  }

  #headIsWhole(at: number): void {
    const head = this.#head.head;
    const wireBytes = head.bytes + this.#takeEmptyLines();
    this.counts.decoded += wireBytes;
    const message: Message<Line> = {
      start: head.start,
      fields: head.fields,
      startAt: this.#startAt,
      endAt: at,
      wireBytes,
      body: undefined,
      trailers: NO_FIELDS,
      incomplete: undefined,
      chunkExtensions: false,
      bareLf: head.fields.bareLf,
    };
    this.#message = message;
    const { framing, bytesMax, doubtful, following } = this.#handler.head(message);
    switch (framing.kind) {
      case 'none':
        this.#finish();
        break;
      case 'handover':
        this.#finish();
        this.#state = 'stopped';
        break;
      case 'unknown':
        this.#breakOff('framing-unknown', 'body-length-unknown');
        break;
      default:
        this.#body = new BodyReader(message, framing, this.counts, bytesMax, this.#headBytesMax);
        if (following !== undefined) message.body!.follow(following);
        this.#state = doubtful ? 'doubt' : 'body';
    }
  }

  #readDoubt(bytes: Buffer, pos: number, at: number): number {
    const to = Math.min(bytes.length, pos + DOUBT_BYTES_MAX - this.#held.length);
    this.#held.append(bytes.subarray(pos, to), at);
    const answer = this.#handler.lacksBody(this.#held.view());
    if (answer === 'not-yet' && this.#held.length < DOUBT_BYTES_MAX) return to;
    const runs = this.#endDoubt();
    if (answer === 'yes') this.#finish();
    this.#replay(runs);
    return to;
  }

  #endDoubt(): Runs {
    const runs = this.#held.runs();
    this.#held.clear();
    this.#state = 'body';
    return runs;
  }

  #readBody(body: BodyReader, bytes: Buffer, pos: number, at: number): number {
    const upTo = body.take(bytes, pos, at);
    if (body.state === 'whole') this.#finish();
    else if (body.state !== 'more') this.#breakOff(body.state, body.state);
    return upTo;
  }

  #gapInBody(body: BodyReader, missingBytes: number, at: number): void {
    const inBody = body.gap(missingBytes, at);
    if (body.state === 'gap') {
      this.#handler.trouble('gap-in-chunk-framing', missingBytes);
      this.#breakOff('gap', 'after-gap');
      return;
    }
    this.#handler.trouble('gap-in-body', inBody);
    if (body.state === 'whole') this.#finish();
    this.gap(missingBytes - inBody, at);
  }

  #finish(): void {
    const message = this.#message!;
    this.#body?.note();
    this.#message = undefined;
    this.#body = undefined;
    this.#state = 'between';
    this.#handler.ends(message);
  }

  /** The message ends here, not whole, and what follows cannot be placed. */
  #breakOff(incomplete: Incomplete, cause: string): void {
    this.#message!.incomplete ??= incomplete;
    const unreadBytes = this.#body?.unreadBytes ?? 0;
    this.#finish();
    this.#lose(cause);
    this.#pass(unreadBytes);
  }

  #loseHead(cause: string): void {
    const unreadBytes = this.#head.heldBytes;
    this.#head.giveBack();
    this.#handler.abandons();
    this.#lose(cause);
    this.#pass(unreadBytes);
  }

  #lose(cause: string): void {
    this.#state = 'lost';
    this.#lostCause = cause;
    this.#pass(this.#takeEmptyLines());
    this.#handler.losesPlace();
  }

  #find(bytes: Buffer, pos: number, at: number): number {
    const found = this.#finder.take(bytes, pos, at);
    this.#countSkipped();
    if (found.head !== undefined) {
      this.#endLost();
      this.#state = 'between';
      this.#replay(found.head);
    }
    return found.upTo;
  }

  #countSkipped(): void {
    this.#pass(this.#finder.takeSkipped());
  }

  /** Bytes that are nobody's: counted at once, told of when their end is known. */
  #pass(count: number): void {
    this.counts.notUnderstood += count;
    this.#lostBytes += count;
  }

  #endLost(): void {
    this.#finder.giveUp();
    this.#countSkipped();
    this.#pass(this.#takeEmptyLines());
    this.#tellLost(this.#lostCause);
  }

  #tellLost(cause: string): void {
    if (this.#lostBytes > 0) this.#handler.trouble(cause, this.#lostBytes);
    this.#lostBytes = 0;
  }

  #takeEmptyLines(): number {
    const count = this.#emptyLineBytes;
    this.#emptyLineBytes = 0;
    return count;
  }
}
