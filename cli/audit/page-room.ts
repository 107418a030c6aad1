// SPDX-License-Identifier: Apache-2.0

/**
 * Memory for a page of rows, to be used again for another. Pages are tens of megabytes: with fresh memory for each, the collector
 * of garbage runs for each, and takes more time than the reading.
 */
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { giveBack } from '../../collector/model/given-back.ts';

/** Room for one large page is not kept for ever. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
const BYTES_MIN = 1024 * 1024;

export class PageRoom {
  #bytes: Buffer = Buffer.alloc(0);

  /** All of an answer, in one piece. The result is a view, until the next time. Errors: those of `answer` */
  async fill(answer: Readable): Promise<Buffer> {
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.alloc(0);
    let used = 0;
    let before: Uint8Array | undefined;
    answer.on('data', (piece: Uint8Array) => {
      try {
        const needed = used + piece.length;
        if (needed > this.#bytes.length) this.#grow(used, needed);
        this.#bytes.set(piece, used);
        used = needed;
      } catch (error) {
        answer.destroy(error as Error);
        return;
      }
      // Not this piece yet: whoever reads the socket may still be looking at it.
      if (before !== undefined) giveBack(before);
      before = piece;
    });
    await finished(answer);
    return this.#bytes.subarray(0, used);
  }

  #grow(used: number, needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, used);
    this.#bytes = larger;
  }
}
