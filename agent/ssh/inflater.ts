// SPDX-License-Identifier: Apache-2.0

/**
 * One zlib stream over all packets of a direction: each packet is flushed, but a flush may leave bits of the last code for the
 * next packet. The runtime inflates streams only apart from the caller, and at once only what ends with a byte, as messages of
 * WebSocket do. So this is a small inflater of our own.
 *
 * Bounds   32 KiB of what came before, and one message of at most MESSAGE_BYTES_MAX
 * Errors   undefined; the stream is then broken for good
 * Source   RFC 1950 and 1951; RFC 4253, section 6.2
 */
import { CODE_BITS_MAX, type Codes, codesOf, FIXED, LOOK_BITS } from './huffman-codes.ts';

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
/** Behind the input, so that three bytes can be read anywhere in it. */
const PADDING_BYTES = 4;
const LOOK_MASK = (1 << LOOK_BITS) - 1;

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

type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'block' }
  | { readonly kind: 'stored'; left: number }
  | { readonly kind: 'codes'; readonly literals: Codes; readonly distances: Codes };

/** More input is needed, or the stream is broken. */
type Stop = 'need-more' | 'broken';

class ZlibStream implements Inflater {
  #state: State = { kind: 'head' };
  /** With its padding. */
  #input: Buffer = Buffer.alloc(PADDING_BYTES);
  #inputBytes = 0;
  #bit = 0;
  /** Where to go on when more input is there. */
  #mark = 0;
  #out = Buffer.allocUnsafeSlow(2 * WINDOW_BYTES);
  /** Output that is kept for what comes points back to, then output of this packet. */
  #end = 0;
  #broken = false;

  inflate(bytes: Buffer): Buffer | undefined {
    if (this.#broken) return undefined;
    const before = this.#slide();
    this.#take(bytes);
    let stop: Stop | undefined;
    while (stop === undefined) {
      this.#mark = this.#bit;
      stop = this.#step(before + MESSAGE_BYTES_MAX);
    }
    if (stop === 'broken' || !this.#leave()) {
      this.#broken = true;
      return undefined;
    }
    return Buffer.from(this.#out.subarray(before, this.#end));
  }

  #take(bytes: Buffer): void {
    const input = Buffer.allocUnsafe(this.#inputBytes + bytes.length + PADDING_BYTES);
    this.#input.copy(input, 0, 0, this.#inputBytes);
    bytes.copy(input, this.#inputBytes);
    this.#inputBytes += bytes.length;
    input.fill(0, this.#inputBytes);
    this.#input = input;
  }

  /** What was not read stays for the next packet; false when it is more than there can be. */
  #leave(): boolean {
    const usedBytes = this.#mark >>> 3;
    this.#input = Buffer.from(this.#input.subarray(usedBytes));
    this.#inputBytes -= usedBytes;
    this.#bit = this.#mark & 7;
    return this.#inputBytes <= LEFT_BYTES_MAX;
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

  /** One piece: a head, a block's head, its codes. Output may not reach beyond `endMax`. */
  #step(endMax: number): Stop | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'head':
        return this.#head();
      case 'block':
        return this.#block();
      case 'stored':
        return this.#stored(state, endMax);
      case 'codes':
        return this.#codes(state.literals, state.distances, endMax);
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

  #stored(state: { left: number }, endMax: number): Stop | undefined {
    const at = this.#bit >>> 3;
    const count = Math.min(state.left, this.#inputBytes - at);
    if (this.#end + count > endMax) return 'broken';
    this.#reserve(count);
    this.#input.copy(this.#out, this.#end, at, at + count);
    this.#end += count;
    this.#bit += 8 * count;
    state.left -= count;
    if (state.left === 0) this.#state = { kind: 'block' };
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

  #codes(literals: Codes, distances: Codes, endMax: number): Stop | undefined {
    while (this.#state.kind === 'codes') {
      this.#literals(literals.looks, endMax);
      this.#mark = this.#bit;
      const stop = this.#code(literals, distances, endMax);
      if (stop !== undefined) return stop;
    }
    return undefined;
  }

  /** As many as can be told by one look each; this is where time goes. */
  #literals(looks: Uint16Array, endMax: number): void {
    const input = this.#input;
    const bitsMax = 8 * this.#inputBytes;
    this.#reserve(this.#inputBytes);
    const out = this.#out;
    const last = Math.min(out.length, endMax);
    let [bit, end] = [this.#bit, this.#end];
    while (end < last) {
      const at = bit >>> 3;
      const three = (input[at] as number) | ((input[at + 1] as number) << 8) | ((input[at + 2] as number) << 16);
      const look = looks[(three >>> (bit & 7)) & LOOK_MASK] as number;
      const after = bit + (look & 15);
      if (look === 0 || look >= END_OF_BLOCK * 16 || after > bitsMax) break;
      out[end++] = look >>> 4;
      bit = after;
    }
    this.#bit = bit;
    this.#end = end;
  }

  #code(literals: Codes, distances: Codes, endMax: number): Stop | undefined {
    const symbol = this.#symbol(literals);
    if (typeof symbol === 'string') return symbol;
    if (symbol === END_OF_BLOCK) {
      this.#state = { kind: 'block' };
      return undefined;
    }
    if (symbol < END_OF_BLOCK) {
      if (this.#end >= endMax) return 'broken';
      this.#reserve(1);
      this.#out[this.#end++] = symbol;
      return undefined;
    }
    const length = this.#extended(LENGTH_BASE, LENGTH_BITS, symbol - 257);
    if (typeof length === 'string') return length;
    const distanceSymbol = this.#symbol(distances);
    if (typeof distanceSymbol === 'string') return distanceSymbol;
    const distance = this.#extended(DISTANCE_BASE, DISTANCE_BITS, distanceSymbol);
    if (typeof distance === 'string') return distance;
    if (distance > this.#end || this.#end + length > endMax) return 'broken';
    this.#reserve(length);
    const out = this.#out;
    const from = this.#end;
    this.#end += length;
    if (distance >= length) out.copyWithin(from, from - distance, from - distance + length);
    else for (let i = from; i < this.#end; i++) out[i] = out[i - distance] as number;
    return undefined;
  }

  #extended(bases: readonly number[], extras: readonly number[], index: number): number | Stop {
    const base = bases[index];
    if (base === undefined) return 'broken';
    const extra = this.#bits(extras[index] as number);
    return extra < 0 ? 'need-more' : base + extra;
  }

  #symbol({ looks, counts, symbols }: Codes): number | Stop {
    const look = looks[this.#three() & LOOK_MASK] as number;
    if (look !== 0 && this.#bit + (look & 15) <= 8 * this.#inputBytes) {
      this.#bit += look & 15;
      return look >>> 4;
    }
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

  /** 16 at most; -1 when they are not all there. */
  #bits(count: number): number {
    if (this.#bit + count > 8 * this.#inputBytes) return -1;
    const value = this.#three() & ((1 << count) - 1);
    this.#bit += count;
    return value;
  }

  /** The next 17 bits and more; 0 behind the end. */
  #three(): number {
    const [input, at] = [this.#input, this.#bit >>> 3];
    const three = (input[at] as number) | ((input[at + 1] as number) << 8) | ((input[at + 2] as number) << 16);
    return three >>> (this.#bit & 7);
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.#end + count));
    this.#out.copy(grown, 0, 0, this.#end);
    this.#out = grown;
  }
}
