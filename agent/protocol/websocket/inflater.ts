// SPDX-License-Identifier: Apache-2.0

/**
 * Takes permessage-deflate off the messages of one side. They come from strangers, so the output of a message is bounded
 * before it is made. A window of less than 32 KiB needs nothing of its own: distances only become shorter.
 *
 * Source   RFC 7692, sections 7.2.2 (a message without its last four bytes) and 7.1.1 (context takeover)
 */
import { constants, inflateRawSync } from 'node:zlib';

/** What a message may refer back to: the end of the messages before it. */
const WINDOW_BYTES = 32 * 1024;
const TAIL = Buffer.of(0x00, 0x00, 0xff, 0xff);
const NOTHING = Buffer.alloc(0);

export type Unread = 'deflate_context_lost' | 'deflate_above_bound' | 'deflate_malformed';

export class Inflater {
  readonly #takesOver: boolean;
  readonly #bytesMax: number;
  /** Undefined once a message was missed, or not read: what later ones refer to is not known any more. */
  #window: Buffer | undefined = NOTHING;

  constructor(takesOver: boolean, bytesMax: number) {
    this.#takesOver = takesOver;
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#window?.length ?? 0;
  }

  get isLost(): boolean {
    return this.#window === undefined;
  }

  inflate(bytes: Buffer): Buffer | Unread {
    const dictionary = this.#window;
    if (dictionary === undefined) return 'deflate_context_lost';
    try {
      const plain = inflateRawSync(Buffer.concat([bytes, TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: this.#bytesMax,
        ...(dictionary.length > 0 && { dictionary }),
      });
      if (this.#takesOver) this.#remember(dictionary, plain);
      return plain;
    } catch (error) {
      this.lose();
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? 'deflate_above_bound'
        : 'deflate_malformed';
    }
  }

  /** A message was missed. Without takeover the next one stands for itself. */
  lose(): void {
    if (this.#takesOver) this.#window = undefined;
  }

  end(): void {
    this.#window = undefined;
  }

  #remember(before: Buffer, plain: Buffer): void {
    const beforeBytes = Math.min(before.length, Math.max(0, WINDOW_BYTES - plain.length));
    const end = plain.subarray(Math.max(0, plain.length - WINDOW_BYTES));
    this.#window = Buffer.concat([before.subarray(before.length - beforeBytes), end]);
  }
}
