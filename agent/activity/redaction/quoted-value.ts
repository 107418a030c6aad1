// SPDX-License-Identifier: Apache-2.0

/**
 * Values in quotes, as JSON, SQL, shells and programs write them, also when the whole stands in a JSON string itself:
 * then one backslash (three, one deeper) is before each quote.
 */

const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
/** Longer values have one name each way that they are written. */
const CANONICAL_LENGTH_MAX = 65_536;

export interface Quotes {
  /** The quote's character. */
  readonly code: number;
  /** Backslashes before it. */
  readonly depth: number;
}

const QUOTE_CODES: ReadonlySet<number> = new Set([0x22, 0x27, 0x60]);
const DEPTH_MAX = 7;

export function isQuote(code: number): boolean {
  return QUOTE_CODES.has(code);
}

/** The quotes that open at `at`, backslashes first. */
export function quotesAt(text: string, at: number): Quotes | undefined {
  let depth = 0;
  while (depth <= DEPTH_MAX && text.charCodeAt(at + depth) === BACKSLASH) depth++;
  const code = text.charCodeAt(at + depth);
  return isQuote(code) ? { code, depth } : undefined;
}

/** The quotes that end before `at`. */
export function quotesBefore(text: string, at: number): Quotes | undefined {
  const code = text.charCodeAt(at - 1);
  if (!isQuote(code)) return undefined;
  let depth = 0;
  while (depth <= DEPTH_MAX && text.charCodeAt(at - 2 - depth) === BACKSLASH) depth++;
  return { code, depth };
}

/**
 * Where the value ends that begins at `from` behind those quotes: before the closing ones, or, when there are none, at
 * the end of the line. A quote in the value has more backslashes than the closing one; in single quotes it may also be
 * doubled.
 */
export function endOfQuoted(text: string, from: number, to: number, { code, depth }: Quotes): number {
  const period = 2 * (depth + 1);
  for (let at = from; at < to; at++) {
    const here = text.charCodeAt(at);
    if (here === NEWLINE) return at;
    if (here !== code) continue;
    let backslashes = 0;
    while (at - backslashes > from && text.charCodeAt(at - backslashes - 1) === BACKSLASH) backslashes++;
    if (backslashes % period !== depth) continue;
    // 'it''s'
    if (code === 0x27 && depth === 0 && text.charCodeAt(at + 1) === code) at++;
    else return at - depth;
  }
  return to;
}

/** The value as it is meant, escapes undone; as it stands where they are not those of JSON. */
export function unquoted(value: string, { code, depth }: Quotes): string {
  if (code === 0x27 && depth === 0) return value.replaceAll("''", "'");
  if (!value.includes('\\') || value.length > CANONICAL_LENGTH_MAX) return value;
  let plain = value;
  try {
    // JSON in JSON is undone once for each level: 0, 1, 3, 7 backslashes.
    for (let level = depth; level >= 0; level = (level - 1) / 2) {
      plain = JSON.parse(`"${plain}"`) as string;
      if (level === 0) break;
    }
  } catch {
    return value;
  }
  return plain;
}
