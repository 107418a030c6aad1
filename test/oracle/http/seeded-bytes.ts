// SPDX-License-Identifier: Apache-2.0

/** Bodies that are different, of any size, and the same in every run: a failure can be looked at again. */
import { createCipheriv, createHash } from 'node:crypto';

/** Bytes that no content coding makes smaller. */
export function seededBytes(seed: string, count: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(count));
}

/** Lines of text, each different, that content codings make a tenth of. */
export function seededText(seed: string, count: number): Buffer {
  const lines: string[] = [];
  for (let length = 0, n = 0; length < count; n++) {
    const line = `${seed}: line ${n} of the text, Grüße, 東京\n`;
    lines.push(line);
    length += Buffer.byteLength(line);
  }
  // A character that is cut in the middle is no text: what remains of it is made of dots.
  const text = Buffer.from(lines.join('')).subarray(0, count);
  for (let at = count - 1; at >= 0 && at >= count - 4 && text[at]! >= 0x80; at--) text[at] = 0x2e;
  return text;
}
