// SPDX-License-Identifier: Apache-2.0

/**
 * One zlib stream over all packets of a direction: each packet is flushed, but a flush may leave bits of the last code for the
 * next packet. The runtime inflates streams only apart from the caller; packets are wanted in the order in which they came, so
 * this is a small inflater of our own.
 *
 * Bounds   32 KiB of what came before, and one message of at most MESSAGE_BYTES_MAX
 * Errors   undefined; the stream is then broken for good
 * Source   RFC 1950 and 1951; RFC 4253, section 6.2
 */

/** What is compressed in one direction, packet by packet. */
export interface Inflater {
  /** The payload; undefined when it is no compressed data, or larger than a message may be. */
  inflate(bytes: Buffer): Buffer | undefined;
}

export function newInflater(): Inflater {
  return new ZlibStream();
}

/** As much as a packet may have without compression. */
const MESSAGE_BYTES_MAX = 256 * 1024;
const WINDOW_BYTES = 32 * 1024;
/** Input that may be left for the next packet: the head of a block with its codes is the longest. */
const LEFT_BYTES_MAX = 4096;
const CODE_BITS_MAX = 15;

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;

/** Codes of a block: how many there are of each length, and their symbols in order. */
interface Codes {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'block' }
  | { readonly kind: 'stored'; left: number }
  | { readonly kind: 'codes'; readonly literals: Codes; readonly distances: Codes };

/** More input is needed, or the stream is broken. */
type Stop = 'need-more' | 'broken';

class ZlibStream implements Inflater {
  #state: State = { kind: 'head' };
  #input: Buffer = Buffer.alloc(0);
  #bit = 0;
  #out = Buffer.allocUnsafeSlow(2 * WINDOW_BYTES);
  /** Output that is kept for what comes points back to, then output of this packet. */
  #end = 0;
  #broken = false;

  inflate(bytes: Buffer): Buffer | undefined {
    if (this.#broken) return undefined;
    const before = this.#slide();
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    let stop: Stop | undefined;
    while (stop === undefined) {
      const mark = this.#bit;
      stop = this.#step();
      if (stop === 'need-more') this.#bit = mark;
      if (this.#end - before > MESSAGE_BYTES_MAX) stop = 'broken';
    }
    const usedBytes = this.#bit >>> 3;
    this.#input = Buffer.from(this.#input.subarray(usedBytes));
    this.#bit &= 7;
    if (stop === 'broken' || this.#input.length > LEFT_BYTES_MAX) {
      this.#broken = true;
      return undefined;
    }
    return Buffer.from(this.#out.subarray(before, this.#end));
  }

  /** Makes room, keeping the window; returns where output begins. */
  #slide(): number {
    if (this.#end > WINDOW_BYTES) {
      this.#out.copyWithin(0, this.#end - WINDOW_BYTES, this.#end);
      this.#end = WINDOW_BYTES;
      if (this.#out.length > 4 * WINDOW_BYTES) this.#out = Buffer.from(this.#out.subarray(0, 2 * WINDOW_BYTES));
    }
    return this.#end;
  }

  /** One piece: a head, a block's head, a code. */
  #step(): Stop | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'head':
        return this.#head();
      case 'block':
        return this.#block();
      case 'stored':
        return this.#stored(state);
      case 'codes':
        return this.#code(state.literals, state.distances);
    }
  }

  #head(): Stop | undefined {
    const head = this.#bits(16);
    if (head < 0) return 'need-more';
    const [method, flags] = [head & 0xff, head >>> 8];
    if ((method & 15) !== 8 || (method * 256 + flags) % 31 !== 0 || (flags & 0x20) !== 0) return 'broken';
    this.#state = { kind: 'block' };
    return undefined;
  }

  #block(): Stop | undefined {
    const head = this.#bits(3);
    if (head < 0) return 'need-more';
    switch (head >>> 1) {
      case 0: {
        this.#bit = (this.#bit + 7) & ~7;
        const sizes = [this.#bits(16), this.#bits(16)] as const;
        if (sizes[1] < 0) return 'need-more';
        if (sizes[0] !== (~sizes[1] & 0xffff)) return 'broken';
        this.#state = { kind: 'stored', left: sizes[0] };
        return undefined;
      }
      case 1:
        this.#state = { kind: 'codes', ...FIXED };
        return undefined;
      case 2:
        return this.#dynamic();
      default:
        return 'broken';
    }
  }

  #stored(state: { left: number }): Stop | undefined {
    const at = this.#bit >>> 3;
    const count = Math.min(state.left, this.#input.length - at);
    this.#reserve(count);
    this.#input.copy(this.#out, this.#end, at, at + count);
    this.#end += count;
    this.#bit += 8 * count;
    state.left -= count;
    if (state.left === 0) this.#state = { kind: 'block' };
    // What was taken is taken: the caller's mark must not undo it.
    else if (count === 0) return 'need-more';
    return undefined;
  }

  #dynamic(): Stop | undefined {
    const sizes = this.#bits(14);
    if (sizes < 0) return 'need-more';
    const literalCount = (sizes & 31) + 257;
    const distanceCount = ((sizes >>> 5) & 31) + 1;
    if (literalCount > 286 || distanceCount > 30) return 'broken';
    const lengths = new Uint8Array(320);
    for (let i = 0; i < (sizes >>> 10) + 4; i++) {
      const bits = this.#bits(3);
      if (bits < 0) return 'need-more';
      lengths[LENGTHS_ORDER[i] as number] = bits;
    }
    const codes = codesOf(lengths.subarray(0, 19));
    if (codes === undefined) return 'broken';
    lengths.fill(0);
    for (let i = 0; i < literalCount + distanceCount; ) {
      const symbol = this.#symbol(codes);
      if (typeof symbol === 'string') return symbol;
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      const extra = this.#bits(symbol === 16 ? 2 : symbol === 17 ? 3 : 7);
      if (extra < 0) return 'need-more';
      const repeat = extra + (symbol === 18 ? 11 : 3);
      if (i + repeat > literalCount + distanceCount || (symbol === 16 && i === 0)) return 'broken';
      lengths.fill(symbol === 16 ? (lengths[i - 1] as number) : 0, i, i + repeat);
      i += repeat;
    }
    const literals = codesOf(lengths.subarray(0, literalCount));
    const distances = codesOf(lengths.subarray(literalCount, literalCount + distanceCount));
    if (literals === undefined || distances === undefined) return 'broken';
    this.#state = { kind: 'codes', literals, distances };
    return undefined;
  }

  #code(literals: Codes, distances: Codes): Stop | undefined {
    const symbol = this.#symbol(literals);
    if (typeof symbol === 'string') return symbol;
    if (symbol < END_OF_BLOCK) {
      this.#reserve(1);
      this.#out[this.#end++] = symbol;
      return undefined;
    }
    if (symbol === END_OF_BLOCK) {
      this.#state = { kind: 'block' };
      return undefined;
    }
    const length = this.#extended(LENGTH_BASE, LENGTH_BITS, symbol - 257);
    if (typeof length === 'string') return length;
    const distanceSymbol = this.#symbol(distances);
    if (typeof distanceSymbol === 'string') return distanceSymbol;
    const distance = this.#extended(DISTANCE_BASE, DISTANCE_BITS, distanceSymbol);
    if (typeof distance === 'string') return distance;
    if (distance > this.#end) return 'broken';
    this.#reserve(length);
    for (let i = 0; i < length; i++, this.#end++) this.#out[this.#end] = this.#out[this.#end - distance] as number;
    return undefined;
  }

  #extended(bases: readonly number[], extras: readonly number[], index: number): number | Stop {
    const base = bases[index];
    if (base === undefined) return 'broken';
    const extra = this.#bits(extras[index] as number);
    return extra < 0 ? 'need-more' : base + extra;
  }

  #symbol({ counts, symbols }: Codes): number | Stop {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
      const bit = this.#bits(1);
      if (bit < 0) return 'need-more';
      code |= bit;
      const count = counts[bits] as number;
      if (code - count < first) return symbols[index + (code - first)] as number;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return 'broken';
  }

  /** -1 when they are not all there. */
  #bits(count: number): number {
    if (this.#bit + count > 8 * this.#input.length) return -1;
    let value = 0;
    for (let i = 0; i < count; i++, this.#bit++) {
      value |= (((this.#input[this.#bit >>> 3] as number) >>> (this.#bit & 7)) & 1) << i;
    }
    return value;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.#end + count));
    this.#out.copy(grown, 0, 0, this.#end);
    this.#out = grown;
  }
}

/** Undefined when more codes are asked for than there can be. */
function codesOf(lengths: Uint8Array): Codes | undefined {
  const counts = new Uint16Array(CODE_BITS_MAX + 1);
  for (const length of lengths) counts[length] = (counts[length] as number) + 1;
  counts[0] = 0;
  let left = 1;
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    left = 2 * left - (counts[bits] as number);
    if (left < 0) return undefined;
  }
  const offsets = new Uint16Array(CODE_BITS_MAX + 2);
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    offsets[bits + 1] = (offsets[bits] as number) + (counts[bits] as number);
  }
  const symbols = new Uint16Array(lengths.length);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    symbols[offsets[length] as number] = symbol;
    offsets[length] = (offsets[length] as number) + 1;
  }
  return { counts, symbols };
}

const FIXED = {
  literals: codesOf(Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))) as Codes,
  distances: codesOf(new Uint8Array(30).fill(5)) as Codes,
};
