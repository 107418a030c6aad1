// SPDX-License-Identifier: Apache-2.0

/**
 * A cursor over bytes that came from outside. Reading past the end is an answer, not an accident: the read gives 0, ''
 * or nothing, `short` becomes true and stays so, and every later read does the same. So a caller reads a whole message
 * and asks once whether it was all there; nothing throws, and nothing outside [start, end) is ever touched.
 *
 * Shape    integers are big-endian; C strings end with a zero byte
 * Units    positions are bytes in `bytes`
 * Keeps    a view of `bytes`; texts are copies
 */
export class ByteReader {
  bytes: Buffer;
  at: number;
  end: number;
  /** A read went past the end, or met a negative length. */
  short = false;
  /** How texts are encoded. */
  encoding: TextEncoding = 'utf8';

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Start over on other bytes, so that one reader serves many messages. */
  reset(bytes: Buffer, start: number, end: number): this {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.short = false;
    return this;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  /** Move over `count` bytes and return where they start, or -1 when they are not all there. */
  skip(count: number): number {
    const start = this.at;
    if (this.short || count < 0 || count > this.end - start) {
      this.short = true;
      this.at = this.end;
      return -1;
    }
    this.at = start + count;
    return start;
  }

  u8(): number {
    const start = this.skip(1);
    return start < 0 ? 0 : (this.bytes[start] as number);
  }

  u16(): number {
    const start = this.skip(2);
    return start < 0 ? 0 : ((this.bytes[start] as number) << 8) | (this.bytes[start + 1] as number);
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  i32(): number {
    const start = this.skip(4);
    return start < 0 ? 0 : i32At(this.bytes, start);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  i64(): bigint {
    const high = this.i32();
    const low = this.u32();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** A view of the next `count` bytes; empty when they are not all there. */
  view(count: number): Buffer {
    const start = this.skip(count);
    return start < 0 ? EMPTY : this.bytes.subarray(start, start + count);
  }

  /** The next `count` bytes as text; bytes that are none become U+FFFD. */
  text(count: number): string {
    const start = this.skip(count);
    return start < 0 ? '' : textOf(this.bytes, start, start + count, this.encoding);
  }

  /**
   * Text up to the next zero byte, which is taken as well. Without a zero byte the rest is returned and the reader is
   * short: the head of a text that was cut is worth having.
   */
  cString(): string {
    const zero = this.zeroByte();
    const start = this.at;
    if (zero < 0) {
      this.short = true;
      this.at = this.end;
      return textOf(this.bytes, start, this.end, this.encoding);
    }
    this.at = zero + 1;
    return textOf(this.bytes, start, zero, this.encoding);
  }

  /** Where the next zero byte is, or -1. */
  zeroByte(): number {
    if (this.short) return -1;
    const { bytes, end } = this;
    // Names are short: looking at a few bytes here is cheaper than a call out of JavaScript.
    const near = Math.min(end, this.at + 32);
    for (let i = this.at; i < near; i++) if (bytes[i] === 0) return i;
    if (near === end) return -1;
    const found = bytes.indexOf(0, near);
    return found < end ? found : -1;
  }
}

const EMPTY = Buffer.alloc(0);

/** The big-endian 32-bit number at `start`; the caller knows that it is there. */
export function i32At(bytes: Uint8Array, start: number): number {
  return (
    ((bytes[start] as number) << 24) |
    ((bytes[start + 1] as number) << 16) |
    ((bytes[start + 2] as number) << 8) |
    (bytes[start + 3] as number)
  );
}

/** Up to here a text of ASCII is put together in JavaScript; longer ones are quicker through a call to the runtime. */
const SHORT_TEXT_BYTES = 12;

export type TextEncoding = 'utf8' | 'latin1';

/** Bytes as text. */
export function textOf(bytes: Buffer, start: number, end: number, encoding: TextEncoding = 'utf8'): string {
  if (end - start > SHORT_TEXT_BYTES) return bytes.toString(encoding, start, end);
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return bytes.toString(encoding, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** The same memory as a Buffer, for its text methods; no copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The longest head of `bytes[start, end)` of at most `bytesMax` bytes that does not end inside a UTF-8 character. */
export function endOfHead(bytes: Uint8Array, start: number, end: number, bytesMax: number): number {
  if (end - start <= bytesMax) return end;
  let cut = start + bytesMax;
  // A character is at most four bytes: three continuation bytes to step over, and not one more in bytes that are not text.
  for (let i = 0; i < 3 && cut > start && ((bytes[cut] as number) & 0xc0) === 0x80; i++) cut--;
  return cut;
}
