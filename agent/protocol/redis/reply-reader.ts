// SPDX-License-Identifier: Apache-2.0

/**
 * The server's lines and bulk strings become replies. A string is kept as its bytes, an aggregate as JSON: arrays, sets and
 * pushes as arrays, maps as arrays of keys and values in turn, so that a reply reads the same in RESP2 and RESP3. What RESP
 * calls attributes is passed over.
 */
import { JsonTextStream } from '../bytes/json-text.ts';
import type { PayloadWriter } from '../bytes/payload-writer.ts';
import { numberOf } from './command-reader.ts';
import { Next, type RespHandler, type RespStream } from './resp-stream.ts';
import { isSecretSetting, REDACTED, type ReplySecrets } from './secrets.ts';

const DEPTH_MAX = 128;
const ELEMENTS_MAX = 2 ** 31;
const BULK_BYTES_MAX = 2 ** 31;
/** Of a text so much is kept to be understood: an error, the kind of a push, its channel. */
const HEAD_BYTES_MAX = 1024;
/** Failures in one EXEC that are told apart, and what is kept of each. */
const FAILURES_MAX = 500;
const FAILURE_LENGTH_MAX = 200;
const VERBATIM_PREFIX_BYTES = 4;

const code = (character: string): number => character.charCodeAt(0);
const AGGREGATES = new Map([
  [code('*'), 1],
  [code('~'), 1],
  [code('>'), 1],
  [code('%'), 2],
  [code('|'), 2],
]);
const BULKS = new Set([code('$'), code('!'), code('=')]);
const ATTRIBUTE = code('|');

export interface Reply {
  /** Its first byte. */
  readonly type: string;
  /** Of a simple string, an error, or an element that is text: the head. */
  readonly text: string;
  /** The first three elements of an aggregate, where they are text or numbers. */
  readonly elements: readonly string[];
  /** Elements of the aggregate, pairs of a map. */
  readonly count: number | undefined;
  readonly isNull: boolean;
  /** Elements that are errors. */
  readonly failures: ReadonlyMap<number, string>;
}

export interface ReplyHandler {
  /** A reply begins. How must it be looked at? */
  begin(): ReplySecrets;
  reply(reply: Reply): void;
  lost(): void;
  trouble(reason: string, bytes: number): void;
}

interface Level {
  /** Values still to come; Infinity when its end is a value of its own. */
  left: number;
  index: number;
  readonly isAttribute: boolean;
  readonly type: number;
}

export class ReplyReader implements RespHandler {
  readonly #handler: ReplyHandler;
  readonly #response: PayloadWriter;
  readonly #json: JsonTextStream;
  /** Set once, before the first byte. */
  stream!: RespStream;
  readonly #levels: Level[] = [];
  /** Inside of what is passed over. */
  #hiddenDepth = 0;
  #secrets: ReplySecrets = 'none';
  #isNextSecret = false;
  #hasBegun = false;

  #type = '';
  #count: number | undefined;
  #isNull = false;
  #text = '';
  #elements: string[] = [];
  #failures = new Map<number, string>();

  /** The text at hand. */
  #stringType = 0;
  #isStreamed = false;
  #head = Buffer.alloc(HEAD_BYTES_MAX);
  #headBytes = 0;
  #prefixBytes = 0;

  constructor(response: PayloadWriter, handler: ReplyHandler) {
    this.#response = response;
    this.#json = new JsonTextStream(response, 'utf8');
    this.#handler = handler;
  }

  get heldBytes(): number {
    return this.#headBytes + 48 * this.#levels.length;
  }

  line(bytes: Buffer, start: number, end: number, cutBytes: number): number {
    if (start === end) return Next.malformed;
    const type = bytes[start] as number;
    const isEnd = type === code('.') && end === start + 1;
    if (!this.#hasBegun) this.#begin(type);
    if (this.#isStreamed) return this.#streamedPart(bytes, start, end);
    if (isEnd) return this.#endStreamed();
    const factor = AGGREGATES.get(type);
    if (factor !== undefined) return this.#aggregate(type, factor, bytes, start + 1, end);
    if (BULKS.has(type)) return this.#bulk(type, bytes, start + 1, end);
    return this.#scalar(type, bytes, start + 1, end, cutBytes);
  }

  bulkPart(bytes: Buffer, start: number, end: number): void {
    const from = Math.min(end, start + this.#prefixBytes);
    this.#prefixBytes -= from - start;
    const taken = Math.min(end - from, HEAD_BYTES_MAX - this.#headBytes);
    bytes.copy(this.#head, this.#headBytes, from, from + taken);
    this.#headBytes += taken;
    if (this.#isShown) this.#write(bytes, from, end);
  }

  bulkHole(missingBytes: number): void {
    this.#response.addHole(missingBytes);
  }

  bulkEnd(): void {
    if (!this.#isStreamed) this.#endString();
  }

  lost(): void {
    this.reset();
    this.#response.take();
    this.#handler.lost();
  }

  trouble(reason: string, bytes: number): void {
    this.#handler.trouble(reason, bytes);
  }

  reset(): void {
    this.#levels.length = 0;
    this.#hiddenDepth = 0;
    this.#isNextSecret = false;
    this.#hasBegun = false;
    this.#isStreamed = false;
    this.#headBytes = 0;
    this.#prefixBytes = 0;
    this.#text = '';
    this.#elements = [];
    this.#count = undefined;
    this.#isNull = false;
    if (this.#failures.size > 0) this.#failures = new Map();
  }

  #begin(type: number): void {
    this.#hasBegun = true;
    this.#type = type === ATTRIBUTE ? '' : String.fromCharCode(type);
    this.#secrets = this.#handler.begin();
  }

  // Aggregates

  #aggregate(type: number, factor: number, bytes: Buffer, start: number, end: number): number {
    const isStreamed = end === start + 1 && bytes[start] === code('?');
    const count = isStreamed ? Number.POSITIVE_INFINITY : numberOf(bytes, start, end);
    if (count === undefined || (!isStreamed && count > ELEMENTS_MAX) || count < -1) return Next.malformed;
    if (this.#levels.length >= DEPTH_MAX) return Next.malformed;
    const isAttribute = type === ATTRIBUTE;
    if (!isAttribute) this.#beginValue();
    if (!isAttribute && this.#depth === 0) {
      if (this.#type === '') this.#type = String.fromCharCode(type);
      this.#count = Number.isFinite(count) ? Math.max(0, count) : undefined;
      this.#isNull = count === -1;
    }
    if (count === -1) {
      if (this.#depth > 0) this.#writeJson('null');
      return this.#endValue();
    }
    if (isAttribute) this.#hiddenDepth++;
    else this.#writeJson('[');
    this.#levels.push({ left: count * factor, index: 0, isAttribute, type });
    return this.#closeFull();
  }

  /** How deep the value at hand is, attributes left out. */
  get #depth(): number {
    return this.#levels.length - this.#hiddenDepth;
  }

  /** Ends levels that have all that they were announced with. */
  #closeFull(): number {
    for (let level = this.#levels.at(-1); level?.left === 0; level = this.#levels.at(-1)) {
      this.#levels.pop();
      if (level.isAttribute) {
        this.#hiddenDepth--;
        return Next.line;
      }
      this.#writeJson(']');
      if (this.#endOfElement()) return Next.line;
    }
    return Next.line;
  }

  #endStreamed(): number {
    const level = this.#levels.at(-1);
    if (level === undefined || level.left !== Number.POSITIVE_INFINITY) return Next.malformed;
    if (this.#levels.length === 1) this.#count = level.type === code('%') ? level.index / 2 : level.index;
    level.left = 0;
    return this.#closeFull();
  }

  /** A value begins: what stands between it and the one before. */
  #beginValue(): void {
    const level = this.#levels.at(-1);
    if (level !== undefined && level.index > 0) this.#writeJson(',');
  }

  #endValue(): number {
    if (this.#endOfElement()) return Next.line;
    return this.#closeFull();
  }

  /** Counts a value that ended in its level; true when it was the whole reply. */
  #endOfElement(): boolean {
    const level = this.#levels.at(-1);
    if (level === undefined) {
      this.#complete();
      return true;
    }
    level.index++;
    level.left--;
    return false;
  }

  #complete(): void {
    const reply: Reply = {
      type: this.#type,
      text: this.#text,
      elements: this.#elements,
      count: this.#count,
      isNull: this.#isNull,
      failures: this.#failures,
    };
    const cutBytes = this.#response.droppedBytes;
    this.#handler.reply(reply);
    this.stream.settle(cutBytes);
    this.reset();
  }

  // Texts

  #bulk(type: number, bytes: Buffer, start: number, end: number): number {
    const isStreamed = end === start + 1 && bytes[start] === code('?');
    const size = isStreamed ? 0 : numberOf(bytes, start, end);
    if (size === undefined || size < -1 || size > BULK_BYTES_MAX) return Next.malformed;
    if (size === -1) return this.#null();
    this.#beginString(type);
    this.#isStreamed = isStreamed;
    this.#prefixBytes = type === code('=') ? VERBATIM_PREFIX_BYTES : 0;
    return isStreamed ? Next.line : size;
  }

  #streamedPart(bytes: Buffer, start: number, end: number): number {
    const size = bytes[start] === code(';') ? numberOf(bytes, start + 1, end) : undefined;
    if (size === undefined || size < 0) return Next.malformed;
    if (size > 0) return size;
    this.#isStreamed = false;
    this.#endString();
    return Next.line;
  }

  #scalar(type: number, bytes: Buffer, start: number, end: number, cutBytes: number): number {
    switch (String.fromCharCode(type)) {
      case '_':
        return this.#null();
      case '+':
      case '-':
      case '(':
      case ':':
      case ',':
      case '#':
        break;
      default:
        return Next.malformed;
    }
    const isText = type === code('+') || type === code('-');
    if (!isText && cutBytes > 0) return Next.malformed;
    if (!isText && !isNumberLike(type, bytes, start, end)) return Next.malformed;
    this.#beginString(type);
    this.bulkPart(bytes, start, end);
    if (cutBytes > 0 && this.#isShown) this.#response.addHole(cutBytes);
    this.#endString();
    return Next.line;
  }

  #null(): number {
    this.#beginValue();
    if (this.#depth > 0) this.#writeJson('null');
    else {
      this.#isNull = true;
      if (this.#type === '') this.#type = '_';
    }
    this.#isNextSecret = false;
    return this.#endValue();
  }

  /** What is written of the text at hand is not its bytes. */
  get #isShown(): boolean {
    return this.#hiddenDepth === 0 && this.#secrets !== 'all' && !this.#isNextSecret;
  }

  #beginString(type: number): void {
    this.#beginValue();
    this.#stringType = type;
    this.#headBytes = 0;
    if (this.#depth === 0) {
      if (this.#type === '') this.#type = String.fromCharCode(type);
      return;
    }
    const isError = type === code('-') || type === code('!');
    if (isError) this.#writeJson('{"error":"');
    else if (this.#isQuoted) this.#writeJson('"');
    if (!this.#isShown && this.#hiddenDepth === 0) this.#response.appendText(REDACTED);
  }

  /** Integers and truth values stand in JSON as they are; other numbers may be what JSON has no word for. */
  get #isQuoted(): boolean {
    return this.#stringType !== code(':') || this.#isNextSecret || this.#secrets === 'all';
  }

  #write(bytes: Buffer, start: number, end: number): void {
    if (this.#depth > 0 && this.#isQuoted) this.#json.part(bytes, start, end);
    else this.#response.append(bytes, start, end);
  }

  #endString(): void {
    const type = this.#stringType;
    const isError = type === code('-') || type === code('!');
    const depth = this.#depth;
    const wasSecret = this.#isNextSecret;
    if (this.#hiddenDepth === 0) {
      if (depth > 0) {
        if (this.#isQuoted && this.#isShown) this.#json.end();
        if (isError) this.#writeJson('"}');
        else if (this.#isQuoted) this.#writeJson('"');
      } else if (!this.#isShown) {
        this.#response.appendText(REDACTED);
      }
      const text = wasSecret || this.#secrets === 'all' ? '' : this.#head.toString('utf8', 0, this.#headBytes);
      if (depth === 0) this.#text = text;
      else if (depth === 1) this.#noteElement(text, isError);
      this.#isNextSecret = this.#secrets === 'settings' && !wasSecret && depth > 0 && isSecretSetting(text);
    }
    this.#headBytes = 0;
    this.#endValue();
  }

  #noteElement(text: string, isError: boolean): void {
    const index = this.#levels.at(-1)?.index ?? 0;
    if (index < 3) this.#elements[index] = text;
    if (isError && this.#failures.size < FAILURES_MAX) this.#failures.set(index, text.slice(0, FAILURE_LENGTH_MAX));
  }

  #writeJson(text: string): void {
    if (this.#hiddenDepth === 0) this.#response.appendText(text);
  }

  /** A reply is half there. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }
}

/** Digits of an integer; of other numbers and truth values also a point, an exponent, inf, nan, t, f. */
function isNumberLike(type: number, bytes: Buffer, start: number, end: number): boolean {
  const text = bytes.toString('latin1', start, end);
  return type === code(':') ? /^-?\d+$/.test(text) : /^[-+.\da-zA-Z]+$/.test(text);
}
