// SPDX-License-Identifier: Apache-2.0

/** Bytes that may be in memory at once. Who wants more waits, first come first served. */
export class ByteBudget {
  readonly bytesMax: number;
  #used = 0;
  readonly #waiting: { bytes: number; resolve: () => void }[] = [];

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get used(): number {
    return this.#used;
  }

  /** Resolves when the bytes are taken. More than the whole budget waits until nothing else is held, and then passes. */
  take(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push({ bytes, resolve }));
  }

  give(bytes: number): void {
    this.#used -= bytes;
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!.bytes)) {
      const next = this.#waiting.shift()!;
      this.#used += next.bytes;
      next.resolve();
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.bytesMax;
  }
}
