// SPDX-License-Identifier: Apache-2.0

/**
 * Memory for a page of rows, to be used again for another. Pages are tens of megabytes: with fresh memory for each, the collector
 * of garbage runs for each, and takes more time than the reading.
 */

/** Room for one large page is not kept for ever. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
const BYTES_MIN = 1024 * 1024;

export class PageRoom {
  #bytes: Buffer = Buffer.alloc(0);

  /** All of `pieces` side by side. The result is a view, until the next time. Errors: those of `pieces` */
  async fill(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.alloc(0);
    let used = 0;
    for await (const piece of pieces) {
      const needed = used + piece.length;
      if (needed > this.#bytes.length) this.#grow(used, needed);
      this.#bytes.set(piece, used);
      used = needed;
    }
    return this.#bytes.subarray(0, used);
  }

  #grow(used: number, needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, used);
    this.#bytes = larger;
  }
}
