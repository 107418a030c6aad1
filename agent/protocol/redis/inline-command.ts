// SPDX-License-Identifier: Apache-2.0

const SPACES = new Set([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x00]);
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

/**
 * The arguments of an inline command: words between spaces, in quotes where they hold spaces themselves. In "…" there are
 * escapes (\n \r \t \b \a \xHH), in '…' only that of the apostrophe. Undefined where the quotes do not fit: the server ends
 * such a connection.
 */
export function inlineArguments(bytes: Buffer, start: number, end: number): Buffer[] | undefined {
  const args: Buffer[] = [];
  let at = start;
  for (;;) {
    while (at < end && SPACES.has(bytes[at] as number)) at++;
    if (at >= end) return args;
    const word: number[] = [];
    while (at < end && !SPACES.has(bytes[at] as number)) {
      const byte = bytes[at++] as number;
      if (byte !== QUOTE && byte !== APOSTROPHE) {
        word.push(byte);
        continue;
      }
      const after = byte === QUOTE ? quoted(bytes, at, end, word) : plainlyQuoted(bytes, at, end, word);
      if (after === undefined || (after < end && !SPACES.has(bytes[after] as number))) return undefined;
      at = after;
      break;
    }
    args.push(Buffer.from(word));
  }
}

/** Returns where it goes on behind the closing quote. */
function quoted(bytes: Buffer, start: number, end: number, word: number[]): number | undefined {
  for (let at = start; at < end; ) {
    const byte = bytes[at++] as number;
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH || at >= end) {
      word.push(byte);
      continue;
    }
    const escaped = String.fromCharCode(bytes[at] as number);
    const hex = bytes.toString('latin1', at + 1, Math.min(end, at + 3));
    if (escaped === 'x' && /^[0-9a-fA-F]{2}$/.test(hex)) {
      word.push(Number.parseInt(hex, 16));
      at += 3;
    } else {
      word.push(ESCAPES[escaped] ?? (bytes[at] as number));
      at++;
    }
  }
  return undefined;
}

function plainlyQuoted(bytes: Buffer, start: number, end: number, word: number[]): number | undefined {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === APOSTROPHE) return at + 1;
    const isEscaped = byte === BACKSLASH && at + 1 < end && bytes[at + 1] === APOSTROPHE;
    word.push(isEscaped ? APOSTROPHE : byte);
    if (isEscaped) at++;
  }
  return undefined;
}
