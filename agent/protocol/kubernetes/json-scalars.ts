// SPDX-License-Identifier: Apache-2.0

/**
 * The scalars of JSON text with the names above them, also of text that was cut, and of several documents in a row.
 *
 * Shape    RFC 8259; documents may follow each other, as events of a watch do
 * Units    places are bytes
 * Errors   never throws; `brokenAt` says where the text stopped being JSON. Text that ends early is not broken
 * Bounds   DEPTH_MAX levels; deeper text counts as broken there
 */

export interface Scalar {
  /** With the quotes of a string; a string that was cut ends with the text. */
  readonly from: number;
  readonly to: number;
  /** Names of the members that lead to it, outermost first; elements of arrays have none. Valid during the call. */
  readonly names: readonly string[];
}

/** Objects of Kubernetes are some 30 deep; schemas may be more. */
const DEPTH_MAX = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

export function jsonScalars(bytes: Buffer, scalar: (scalar: Scalar) => void): { brokenAt: number | undefined } {
  /** Of each level, whether it is an object. */
  const objects: boolean[] = [];
  /** Of each level that is an object, the member at hand, with '' while its name is awaited. */
  const names: string[] = [];
  let awaitsName = false;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    const isInObject = objects.at(-1) === true;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) {
      at++;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (objects.length === DEPTH_MAX || (isInObject && awaitsName)) return { brokenAt: at };
      objects.push(byte === OPEN_OBJECT);
      awaitsName = byte === OPEN_OBJECT;
      if (byte === OPEN_OBJECT) names.push('');
      at++;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (objects.pop() !== (byte === CLOSE_OBJECT)) return { brokenAt: at };
      if (byte === CLOSE_OBJECT) names.pop();
      awaitsName = false;
      at++;
    } else if (byte === COMMA) {
      if (objects.length === 0) return { brokenAt: at };
      awaitsName = isInObject;
      at++;
    } else if (byte === COLON) {
      if (!isInObject) return { brokenAt: at };
      awaitsName = false;
      at++;
    } else {
      const to = byte === QUOTE ? stringEnd(bytes, at + 1) : wordEnd(bytes, at);
      if (to === at) return { brokenAt: at };
      if (isInObject && awaitsName) {
        if (byte !== QUOTE) return { brokenAt: at };
        names[names.length - 1] = nameOf(bytes, at, to);
      } else scalar({ from: at, to, names });
      at = to;
    }
  }
  return { brokenAt: undefined };
}

/** Behind the closing quote, or the end of the text. */
function stringEnd(bytes: Buffer, from: number): number {
  for (let at = from; ; at++) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0) return bytes.length;
    let backslashes = 0;
    while (at - backslashes > from && bytes[at - backslashes - 1] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}

/** A number, true, false, null: letters, digits, signs and points. */
function wordEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isOfWord(bytes[at]!)) at++;
  return at;
}

const isOfWord = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x45 ||
  byte === 0x2b ||
  byte === 0x2d ||
  byte === 0x2e;

/** A longer name is none that is looked for. */
const NAME_BYTES_MAX = 512;

function nameOf(bytes: Buffer, from: number, to: number): string {
  if (to - from > NAME_BYTES_MAX) return '';
  const text = bytes.toString('utf8', from, to);
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return '';
  }
}
