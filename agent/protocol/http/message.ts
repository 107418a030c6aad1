// SPDX-License-Identifier: Apache-2.0

/** One message of one direction as it is read, of whatever version of HTTP. */
import type { Fields } from './fields.ts';
import type { KeptBody } from './kept-body.ts';

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** "1.0", "1.1" or "2". */
  readonly version: string;
}

export interface StatusLine {
  readonly statusCode: number;
  /** '' in HTTP/2, which has none. */
  readonly reason: string;
  readonly version: string;
}

/** Why a message is not whole. */
export type Incomplete =
  /** Bytes of it were missed. */
  | 'gap'
  /** The connection ended, or changed its language, before the message did. */
  | 'connection-ended'
  /** Its own framing is broken or says nothing. */
  | 'malformed-chunk'
  | 'trailers-too-long'
  | 'framing-unknown'
  /** HTTP/2: its stream was reset. */
  | 'stream-reset'
  /** HTTP/2: it was given out before its end, since too much was held. */
  | 'given-out';

export interface Message<Line> {
  readonly start: Line;
  readonly fields: Fields;
  /** Labels of the first and the latest byte. */
  readonly startAt: number;
  endAt: number;
  /** Bytes on the wire so far, empty lines before the message included. */
  wireBytes: number;
  /** Present once the head is whole and says that there is one. */
  body: KeptBody | undefined;
  trailers: Fields;
  incomplete: Incomplete | undefined;
  chunkExtensions: boolean;
  bareLf: boolean;
}
