// SPDX-License-Identifier: Apache-2.0

/**
 * Chunk framing as a machine that is shown bytes and says what they are. Chunk data itself is never looked at.
 *
 * Source   RFC 9112, section 7.1. Tolerated: LF alone, white space around the size, upper and lower case digits.
 */

/** Chunk extensions are not kept; a size line longer than this is taken for damage. */
const SIZE_LINE_BYTES_MAX = 4096;
/** 13 hexadecimal digits are 2^52 - 1: still an exact number. Leading zeros count as digits too. */
const SIZE_DIGITS_MAX = 13;

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;
const SEMICOLON = 0x3b;

export type ChunkState = 'size' | 'data' | 'trailers' | 'malformed';

export class ChunkFraming {
  state: ChunkState = 'size';
  /** Bytes of data that the current chunk still has. */
  remaining = 0;
  extensions = false;
  bareLf = false;
  #digits = 0;
  #lineBytes = 0;
  #at: 'before-digits' | 'digits' | 'after-digits' | 'extension' | 'after-cr' | 'after-data' | 'after-data-cr' =
    'before-digits';

  /**
   * Take framing bytes from `from` on, while `state` is 'size'; answers where they end. Then `state` is 'data' (the next
   * `remaining` bytes are data: tell `took`), 'trailers', 'malformed' (the byte at the answer is the offender), or still
   * 'size' when the bytes ran out.
   */
  readFraming(bytes: Uint8Array, from: number): number {
    for (let i = from; i < bytes.length; i++) {
      if (!this.#take(bytes[i]!)) {
        this.state = 'malformed';
        return i;
      }
      if (this.state !== 'size') return i + 1;
    }
    return bytes.length;
  }

  /** `count` bytes of data went by, seen or missing. */
  took(count: number): void {
    this.remaining -= count;
    if (this.remaining > 0) return;
    this.state = 'size';
    this.#at = 'after-data';
  }

  #take(byte: number): boolean {
    if (++this.#lineBytes > SIZE_LINE_BYTES_MAX) return false;
    switch (this.#at) {
      case 'after-data':
        if (byte === CR) this.#at = 'after-data-cr';
        else if (byte === LF) this.#startLine(true);
        else return false;
        return true;
      case 'after-data-cr':
        if (byte !== LF) return false;
        this.#startLine(false);
        return true;
      case 'before-digits':
      case 'digits':
        return this.#takeDigit(byte);
      case 'after-digits':
        if (byte === SP || byte === TAB) return true;
        return this.#takeEnd(byte);
      case 'extension':
        // A value is skipped up to its line end: a quoted CR or LF does not occur (RFC 9110, section 5.6.4).
        if (byte === CR || byte === LF) return this.#takeEnd(byte);
        return true;
      case 'after-cr':
        return byte === LF && this.#endLine(false);
    }
  }

  #takeDigit(byte: number): boolean {
    const value = hexValue(byte);
    if (value >= 0) {
      if (++this.#digits > SIZE_DIGITS_MAX) return false;
      this.remaining = this.remaining * 16 + value;
      this.#at = 'digits';
      return true;
    }
    if (this.#digits === 0) return byte === SP || byte === TAB;
    if (byte === SP || byte === TAB) {
      this.#at = 'after-digits';
      return true;
    }
    return this.#takeEnd(byte);
  }

  #takeEnd(byte: number): boolean {
    if (byte === LF) return this.#endLine(true);
    if (byte === CR) {
      this.#at = 'after-cr';
      return true;
    }
    if (byte !== SEMICOLON) return false;
    this.extensions = true;
    this.#at = 'extension';
    return true;
  }

  #startLine(bareLf: boolean): void {
    this.bareLf ||= bareLf;
    this.#at = 'before-digits';
    this.#digits = 0;
    this.#lineBytes = 0;
    this.remaining = 0;
  }

  #endLine(bareLf: boolean): boolean {
    this.bareLf ||= bareLf;
    this.state = this.remaining === 0 ? 'trailers' : 'data';
    return true;
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
