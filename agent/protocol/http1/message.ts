// SPDX-License-Identifier: Apache-2.0

/** What a reader tells of the messages of one direction. */
import type { Following } from '../http/kept-body.ts';
import type { Message } from '../http/message.ts';
import type { BodyFraming } from './framing.ts';

export interface BodyPlan {
  readonly framing: BodyFraming;
  readonly bytesMax: number;
  /** It is not certain that the announced body follows: `lacksBody` is asked at its first bytes. */
  readonly doubtful: boolean;
  /** Reads the body on while it arrives. */
  readonly following?: Following | undefined;
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
