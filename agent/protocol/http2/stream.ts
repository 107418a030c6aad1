// SPDX-License-Identifier: Apache-2.0

/** One stream while it is open: its two messages, and how it came to its end. */
import type { Exchange } from '../decoder.ts';
import { type Field, type Fields, fieldValue, NO_FIELDS } from '../http/fields.ts';
import { KeptBody } from '../http/kept-body.ts';
import type { FollowedReply } from '../http/meanings.ts';
import type { Incomplete, Message, RequestLine, StatusLine } from '../http/message.ts';
import type { HeadNotes, RequestPart } from '../http/parts.ts';
import type { RequestTarget } from '../http/target.ts';
import type { HeaderBlock } from './hpack.ts';

/** One message of a stream. */
export interface Half<Line> {
  /** Undefined until its head was read. */
  message: Message<Line> | undefined;
  notes: HeadNotes | undefined;
  hasEnded: boolean;
  /** Lines that were beyond what is kept, and lines of which the table was not known. */
  linesNotKept: number;
  unknownLines: number;
}

export interface Reset {
  readonly by: 'client' | 'server';
  readonly code: number;
}

export interface Stream {
  readonly id: number;
  readonly startedAt: number;
  readonly request: Half<RequestLine> & { target: RequestTarget | undefined; connectProtocol: string };
  readonly reply: Half<StatusLine>;
  readonly interim: number[];
  interimBytes: number;
  /** The server promised it. */
  isPushed: boolean;
  /** Its request was given out before. */
  readonly givenOut: boolean;
  /** Who reads the reply on while it arrives, what that costs, and the request that they have. */
  asking: RequestPart | undefined;
  followed: FollowedReply | undefined;
  followedBytes: number;
  /** What it was asked with in HTTP/1 (h2c). */
  readonly asked: Exchange | undefined;
  isEarly: boolean;
  reset: Reset | undefined;
  /** What it costs besides the stores of its bodies, and what its bodies keep. */
  textBytes: number;
  bodyBytes: number;
}

/** Objects and strings of a stream that says nothing. */
export const STREAM_BYTES = 512;
export const INTERIM_KEPT_MAX = 16;

export function newStream(id: number, at: number, givenOut: boolean, asked?: Exchange): Stream {
  const half = { message: undefined, notes: undefined, hasEnded: false, linesNotKept: 0, unknownLines: 0 };
  return {
    id,
    startedAt: at,
    request: { ...half, target: undefined, connectProtocol: '' },
    reply: { ...half },
    interim: [],
    interimBytes: 0,
    isPushed: false,
    givenOut,
    asking: undefined,
    followed: undefined,
    followedBytes: 0,
    asked,
    isEarly: false,
    reset: undefined,
    textBytes: STREAM_BYTES,
    bodyBytes: 0,
  };
}

/** A block's lines by what they are (RFC 9113, section 8.3). */
export interface Head {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly fields: Fields;
  readonly unknownLines: number;
}

const COLON = 0x3a;

export function headOf(block: HeaderBlock): Head {
  const pseudo = new Map<string, string>();
  const lines: Field[] = [];
  const cookies: string[] = [];
  let unknownLines = 0;
  let malformedLines = 0;
  for (const line of block.lines) {
    const { name, value } = line;
    if (name === undefined || value === undefined) {
      unknownLines++;
      // A value whose name is unknown may be a credential: it is not shown.
      if (name !== undefined) lines.push({ name, value: '' });
    } else if (name.charCodeAt(0) === COLON) {
      if (pseudo.has(name)) malformedLines++;
      else pseudo.set(name, value);
    } else if (name === 'cookie') {
      // One field in as many lines as compress well (section 8.2.3).
      cookies.push(value);
    } else {
      const lower = name.toLowerCase();
      if (name === lower) {
        // The line itself: what the table says again and again is one object.
        lines.push(line as Field);
      } else {
        malformedLines++;
        lines.push({ name: lower, value });
      }
    }
  }
  if (cookies.length > 0) lines.push({ name: 'cookie', value: cookies.join('; ') });
  return { pseudo, fields: { ...NO_FIELDS, lines, malformedLines }, unknownLines };
}

export function beginMessage<Line>(start: Line, fields: Fields, startAt: number): Message<Line> {
  return {
    start,
    fields,
    startAt,
    endAt: startAt,
    wireBytes: 0,
    body: undefined,
    trailers: NO_FIELDS,
    incomplete: undefined,
    chunkExtensions: false,
    bareLf: false,
  };
}

/** The body that bytes go to; it begins with the first of them. */
export function bodyOf(message: Message<unknown>, bytesMax: number): KeptBody {
  message.body ??= new KeptBody(bytesMax);
  return message.body;
}

/** Why a message that is given out now is not whole. */
/**
 * It has as many bytes as its head promised, so nothing of it is missing: the frame that would have said its end was not
 * waited for. curl resets such a stream, or closes the connection (RFC 9113, section 8.1.1, on `content-length`).
 */
export function isWhole(half: Half<unknown>): boolean {
  const { message } = half;
  if (message?.body === undefined || half.hasEnded) return half.hasEnded;
  const promised = fieldValue(message.fields, 'content-length');
  return /^\d{1,15}$/.test(promised) && message.body.totalBytes === Number(promised);
}

export function breakOff(half: Half<unknown>, why: Incomplete): void {
  if (half.message !== undefined && !half.hasEnded) half.message.incomplete ??= why;
}
