// SPDX-License-Identifier: Apache-2.0

/**
 * File names, arguments and socket names are bytes to the kernel, and nearly always UTF-8. As text they keep what is not:
 * each byte that is no part of valid UTF-8 becomes one character from U+EF80 (for 0x80) to U+EFFF (for 0xFF). These
 * are for private use; where a text has them itself, their bytes are written in the same way. So different bytes never
 * give the same text, and `bytesOf` gives the bytes back.
 */
import { isUtf8 } from 'node:buffer';

const FIRST = 0xef00;
/** U+EF80 to U+EFFF begin with these two bytes in UTF-8; the second is 0xbe or 0xbf. */
const PRIVATE_LEAD = 0xee;

export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes) && !bytes.includes(PRIVATE_LEAD)) return bytes.toString('utf8');
  let text = '';
  let plainFrom = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0 && !isPrivate(bytes, at)) {
      at += length;
      continue;
    }
    text += bytes.toString('utf8', plainFrom, at) + String.fromCharCode(FIRST + (bytes[at] as number));
    at++;
    plainFrom = at;
  }
  return text + bytes.toString('utf8', plainFrom);
}

export function bytesOf(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const part of text.split(/([\uef80-\uefff])/)) {
    const code = part.charCodeAt(0);
    parts.push(
      part.length === 1 && code >= FIRST + 0x80 && code <= FIRST + 0xff ? Buffer.of(code - FIRST) : Buffer.from(part),
    );
  }
  return Buffer.concat(parts);
}

function isPrivate(bytes: Buffer, at: number): boolean {
  return bytes[at] === PRIVATE_LEAD && ((bytes[at + 1] as number) & 0xfe) === 0xbe;
}

/** Length of the valid UTF-8 sequence that begins here (RFC 3629, 4); 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return lead >= 0xc2 && lead <= 0xf4 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length))
    ? length
    : 0;
}
