// SPDX-License-Identifier: Apache-2.0

/** What proves that a command begins: an array of bulk strings whose first is a word. No value of a program looks so by chance. */

/** No command's name is longer; modules' have a dot in them. */
const WORD_BYTES_MAX = 40;
/** `*9999999` CR LF `$40` CR LF, the word, CR LF. */
export const PROOF_BYTES_MAX = 8 + 2 + 3 + 2 + WORD_BYTES_MAX + 2;
/** As servers have it. */
export const ARGUMENTS_MAX = 1024 * 1024;
const COUNT_DIGITS_MAX = 7;
const SIZE_DIGITS_MAX = 2;

/** Do these bytes begin a command? 'maybe' when they end before that is sure. */
export function startsCommand(bytes: ArrayLike<number>): 'yes' | 'no' | 'maybe' {
  const count = numberLine(bytes, 0, 0x2a, COUNT_DIGITS_MAX);
  if (typeof count === 'string') return count;
  if (count.value === 0 || count.value > ARGUMENTS_MAX) return 'no';
  const size = numberLine(bytes, count.end, 0x24, SIZE_DIGITS_MAX);
  if (typeof size === 'string') return size;
  if (size.value === 0 || size.value > WORD_BYTES_MAX) return 'no';
  const end = size.end + size.value;
  for (let i = size.end; i < end; i++) {
    const byte = bytes[i];
    if (byte === undefined) return 'maybe';
    if (!isWordByte(byte)) return 'no';
  }
  if (bytes[end] === undefined) return 'maybe';
  if (bytes[end] !== 0x0d) return 'no';
  if (bytes[end + 1] === undefined) return 'maybe';
  return bytes[end + 1] === 0x0a ? 'yes' : 'no';
}

/** Letters, digits, and what modules put in their names. */
function isWordByte(byte: number): boolean {
  const letter = byte | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return true;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2d || byte === 0x5f;
}

/** `type`, digits, CR LF. */
function numberLine(
  bytes: ArrayLike<number>,
  start: number,
  type: number,
  digitsMax: number,
): { value: number; end: number } | 'no' | 'maybe' {
  if (bytes[start] === undefined) return 'maybe';
  if (bytes[start] !== type) return 'no';
  let value = 0;
  let at = start + 1;
  for (; ; at++) {
    const byte = bytes[at];
    if (byte === undefined) return at - start - 1 > digitsMax ? 'no' : 'maybe';
    if (byte < 0x30 || byte > 0x39) break;
    value = 10 * value + byte - 0x30;
    if (at - start > digitsMax) return 'no';
  }
  if (at === start + 1 || bytes[at] !== 0x0d) return 'no';
  if (bytes[at + 1] === undefined) return 'maybe';
  return bytes[at + 1] === 0x0a ? { value, end: at + 2 } : 'no';
}
