// SPDX-License-Identifier: Apache-2.0

/** Bytes of one direction that are not read yet. Many small pieces cost as little as one large one. */
export class ByteQueue {
  #buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** A copy of `bytes` is kept. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) {
      const grown =
        2 * (this.length + bytes.length) > this.#buffer.length
          ? Buffer.allocUnsafeSlow(Math.max(256, 2 * (this.length + bytes.length)))
          : this.#buffer;
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** A view of the first `count` bytes, which the caller knows to be there; valid until the next push. */
  peek(count: number): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + count);
  }

  skip(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    // What a large packet needed is given back when there is none.
    if (this.#buffer.length > 64 * 1024) this.#buffer = Buffer.alloc(0);
  }

  clear(): number {
    const bytes = this.length;
    this.skip(bytes);
    return bytes;
  }
}
