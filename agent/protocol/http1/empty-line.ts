// SPDX-License-Identifier: Apache-2.0

const LF = 0x0a;
const CR = 0x0d;

/** Finds the empty line that ends a field section, in bytes that come in pieces. Lines may end in LF alone. */
export class EmptyLineScanner {
  /** 0 inside a line, 1 behind a line end, 2 behind a CR that is right behind a line end. */
  #state = 1;

  /** To be called where a line begins. */
  restart(): void {
    this.#state = 1;
  }

  /** The position behind the empty line, or -1 when it is not among the bytes from `from` to `to`. */
  find(bytes: Uint8Array, from: number, to: number): number {
    let state = this.#state;
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!;
      if (byte === LF) {
        if (state !== 0) return i + 1;
        state = 1;
      } else {
        state = byte === CR && state === 1 ? 2 : 0;
      }
    }
    this.#state = state;
    return -1;
  }
}
