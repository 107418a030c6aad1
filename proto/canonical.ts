// SPDX-License-Identifier: Apache-2.0

/**
 * The bytes of the canonical encoding (docs/RECORD.md, "Canonical encoding"): numbers, texts, lists and maps as exactly
 * one sequence of bytes each. What the fields of an activity are, and which of them are payload, stands in `leaf.ts`.
 *
 * One writer is used over and over: it owns one buffer that grows to the largest activity seen, up to a bound above which
 * it is let go again.
 */
import { hash } from 'node:crypto';

/** A 64-bit number as protobuf decoders give it. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}

export type Unsigned = number | bigint | Halves;

const START_BYTES = 16 * 1024;

/** A buffer that one large activity made is not kept for ever: 1 MiB covers all but payload-heavy ones. */
const KEPT_BYTES_MAX = 1024 * 1024;

/** UTF-8 takes at most three bytes for a UTF-16 unit, and a uvarint of one byte goes to 127. */
const SHORT_TEXT_LENGTH_MAX = 42;

/** Bytes of the longest uvarint of a 64-bit number. */
const UVARINT_BYTES_MAX = 10;

export class CanonicalWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(START_BYTES);
  at = 0;
  /** False once a text held a lone surrogate, which is written as U+FFFD. */
  wellFormed = true;

  reset(): void {
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(START_BYTES);
    this.at = 0;
    this.wellFormed = true;
  }

  /** SHA-256 of everything from `start` on, as a latin1 text: four times as fast to get as a Buffer. */
  sha256(start = 0): string {
    return hash('sha256', this.bytes.subarray(start, this.at), 'latin1');
  }

  reserve(byteCount: number): void {
    const needed = this.at + byteCount;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** Minimal unsigned LEB128. */
  uvarint(value: number): void {
    this.reserve(UVARINT_BYTES_MAX);
    const { bytes } = this;
    let at = this.at;
    // Above 31 bits the bit operators would wrap; division is exact up to 2^53.
    while (value > 0x7fffffff) {
      bytes[at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    while (value > 127) {
      bytes[at++] = (value & 127) | 128;
      value >>>= 7;
    }
    bytes[at++] = value;
    this.at = at;
  }

  wideUvarint(value: bigint): void {
    this.reserve(UVARINT_BYTES_MAX);
    while (value > 127n) {
      this.bytes[this.at++] = Number(value & 127n) | 128;
      value >>= 7n;
    }
    this.bytes[this.at++] = Number(value);
  }

  /** Begins a part whose length is not known: leaves `guess` bytes for it. Give the result to `close`. */
  open(guess: number): number {
    this.reserve(guess);
    this.at += guess;
    return this.at;
  }

  /** Ends the part that began at `start`: writes its length before it, moving the part when the guess was wrong. */
  close(start: number, guess: number): void {
    const byteCount = this.at - start;
    const lengthBytes = uvarintBytes(byteCount);
    if (lengthBytes !== guess) {
      this.reserve(UVARINT_BYTES_MAX);
      this.bytes.copyWithin(start - guess + lengthBytes, start, this.at);
    }
    this.at = start - guess;
    this.uvarint(byteCount);
    this.at += byteCount;
  }

  /** UTF-8 without a length. */
  text(value: string): void {
    this.reserve(value.length * 3);
    const written = this.bytes.write(value, this.at);
    // ASCII is always well formed, and is nearly everything.
    if (written !== value.length && !value.isWellFormed()) this.wellFormed = false;
    this.at += written;
  }

  lengthAndText(value: string): void {
    if (value.length <= SHORT_TEXT_LENGTH_MAX) {
      // Whatever it holds, its length takes one byte. Most texts come this way.
      this.reserve(1 + value.length * 3);
      const lengthAt = this.at++;
      this.text(value);
      this.bytes[lengthAt] = this.at - lengthAt - 1;
      return;
    }
    const guess = uvarintBytes(value.length);
    const start = this.open(guess);
    this.text(value);
    this.close(start, guess);
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /** One byte for each character, as `sha256` gives it. */
  latin1(value: string): void {
    this.reserve(value.length);
    this.bytes.write(value, this.at, 'latin1');
    this.at += value.length;
  }

  fixed64(low: number, high: number): void {
    this.reserve(8);
    this.bytes.writeUInt32LE(low >>> 0, this.at);
    this.bytes.writeUInt32LE(high >>> 0, this.at + 4);
    this.at += 8;
  }

  texts(values: readonly string[]): void {
    for (const value of values) this.lengthAndText(value);
  }

  map(values: Readonly<Record<string, string>>): void {
    for (const key of sortedByBytes(Object.keys(values))) {
      this.lengthAndText(key);
      this.lengthAndText(values[key]!);
    }
  }
}

export function uvarintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  let byteCount = 5;
  for (let rest = Math.floor(value / 0x800000000); rest > 0; rest = Math.floor(rest / 128)) byteCount += 1;
  return byteCount;
}

/**
 * Sorts by the bytes of the UTF-8 form. JavaScript compares UTF-16 units, which differs only where a surrogate meets
 * U+E000 to U+FFFF; such keys take the slow way. Lone surrogates count as U+FFFD; keys that only they tell apart would
 * become one key, so they keep their order here and the journal refuses nothing.
 */
function sortedByBytes(keys: string[]): string[] {
  if (keys.length < 2) return keys;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole range below the surrogates is meant.
  if (keys.every((key) => /^[\u0000-\ud7ff]*$/.test(key))) return keys.sort();
  return keys
    .map((key) => ({ key, bytes: Buffer.from(key, 'utf8') }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ key }) => key);
}
