// SPDX-License-Identifier: Apache-2.0

/** One message of one direction while it is read, and what a reader tells of it. */
import type { Fields } from './fields.ts';
import type { BodyFraming } from './framing.ts';
import type { KeptBody } from './kept-body.ts';

/** Why a message is not whole. */
export type Incomplete =
  /** Bytes of it were missed. */
  | 'gap'
  /** The connection ended, or changed its language, before the message did. */
  | 'connection-ended'
  /** Its own framing is broken or says nothing. */
  | 'malformed-chunk'
  | 'trailers-too-long'
  | 'framing-unknown';

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

export interface BodyPlan {
  readonly framing: BodyFraming;
  readonly bytesMax: number;
  /** It is not certain that the announced body follows: `lacksBody` is asked at its first bytes. */
  readonly doubtful: boolean;
}

/** Whoever pairs the messages. Called in the order of the bytes; a reader holds nothing back that it could say. */
export interface MessageHandler<Line> {
  /** The first byte of what looks like a message. */
  begins(at: number): void;
  /** The head is whole. */
  head(message: Message<Line>): BodyPlan;
  /** Are these bytes, where the body should start, another message instead? Decided by 16 bytes at most. */
  lacksBody(bytes: Uint8Array): 'yes' | 'no' | 'not-yet';
  ends(message: Message<Line>): void;
  /** What began will not become a message. */
  abandons(): void;
  /** The place in the stream is lost: any number of messages may have gone by unseen. */
  losesPlace(): void;
  trouble(reason: string, bytes: number): void;
}
