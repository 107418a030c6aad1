// SPDX-License-Identifier: Apache-2.0

/**
 * Domain names of a message, compression included, as people write them.
 *
 * Shape    labels of a length byte and up to 63 bytes, ended by 0 or by a pointer to where the rest stands
 * Errors   undefined for a name that is not whole, is longer than 255 bytes, or whose pointer does not point back
 * Source   RFC 1035, sections 3.1, 4.1.4 and 5.1 (how a label is written)
 */

export const NAME_BYTES_MAX = 255;
const POINTER = 0xc0;
const LABEL_KIND = 0xc0;

export interface NameRead {
  /** Without the last dot, but for the root, which is '.'. */
  readonly name: string;
  /** Behind the name where it stands. */
  readonly end: number;
}

/** `message[start, end)` is where the name may stand; pointers count from `start`. */
export function readName(message: Buffer, at: number, limit = message.length): NameRead | undefined {
  let labels = '';
  let wireBytes = 1;
  let end = -1;
  // A pointer points before where the part of the name that has it began: every jump goes back, so none is taken twice.
  let partAt = at;
  for (let from = at; ; ) {
    if (from >= limit) return undefined;
    const length = message[from] as number;
    if (length === 0) return { name: labels === '' ? '.' : labels, end: end < 0 ? from + 1 : end };
    if ((length & LABEL_KIND) === POINTER) {
      if (from + 2 > limit) return undefined;
      const to = ((length & 0x3f) << 8) | (message[from + 1] as number);
      if (to >= partAt) return undefined;
      if (end < 0) end = from + 2;
      partAt = to;
      from = to;
      continue;
    }
    if ((length & LABEL_KIND) !== 0 || from + 1 + length > limit) return undefined;
    wireBytes += 1 + length;
    if (wireBytes > NAME_BYTES_MAX) return undefined;
    labels += `${labels === '' ? '' : '.'}${labelText(message, from + 1, from + 1 + length)}`;
    from += 1 + length;
  }
}

/** Dots and backslashes with a backslash before them, other bytes that are no graphic ASCII as \DDD. */
function labelText(bytes: Buffer, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x2e || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return text;
}

/** Names are equal whatever their case: as it is compared, and as a resource is written. */
export function sameCase(name: string): string {
  return name.toLowerCase();
}
