// SPDX-License-Identifier: Apache-2.0

/**
 * Codes of a block of deflate, found by a look at the next bits.
 *
 * Source   RFC 1951, section 3.2.2
 */

export const CODE_BITS_MAX = 15;
/** Codes up to here are found in one look; longer ones are rare. 1024 looks are made in some microseconds a block. */
export const LOOK_BITS = 10;

export interface Codes {
  /** By the next LOOK_BITS of input: symbol · 16 + bits of its code; 0 where the code is longer. */
  readonly looks: Uint16Array;
  /** How many codes there are of each length, and their symbols in order. */
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

/** Of each symbol how long its code is, 0: it has none. Undefined when more codes are asked for than there can be. */
export function codesOf(lengths: Uint8Array): Codes | undefined {
  const counts = new Uint16Array(CODE_BITS_MAX + 1);
  for (const length of lengths) counts[length] = (counts[length] as number) + 1;
  counts[0] = 0;
  let left = 1;
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    left = 2 * left - (counts[bits] as number);
    if (left < 0) return undefined;
  }
  const offsets = new Uint16Array(CODE_BITS_MAX + 2);
  const next = new Uint16Array(CODE_BITS_MAX + 2);
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    const count = counts[bits] as number;
    offsets[bits + 1] = (offsets[bits] as number) + count;
    next[bits + 1] = ((next[bits] as number) + count) << 1;
  }
  const symbols = new Uint16Array(lengths.length);
  const looks = new Uint16Array(1 << LOOK_BITS);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    symbols[offsets[length] as number] = symbol;
    offsets[length] = (offsets[length] as number) + 1;
    const code = next[length] as number;
    next[length] = code + 1;
    if (length > LOOK_BITS) continue;
    // Input has the first bit of a code lowest.
    for (let look = reversed(code, length); look < looks.length; look += 1 << length)
      looks[look] = symbol * 16 + length;
  }
  return { looks, counts, symbols };
}

function reversed(code: number, bits: number): number {
  let turned = 0;
  for (let i = 0; i < bits; i++) turned |= ((code >>> i) & 1) << (bits - 1 - i);
  return turned;
}

/** Those of a block without its own. */
export const FIXED = {
  literals: codesOf(Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))) as Codes,
  distances: codesOf(new Uint8Array(30).fill(5)) as Codes,
};
