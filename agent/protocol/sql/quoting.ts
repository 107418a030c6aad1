// SPDX-License-Identifier: Apache-2.0

import { Token, type TokenKind } from './lexer.ts';

/** The name that a quoted name stands for. The escapes of U&"…" are left as they are. */
export function nameInQuotes(raw: string): string {
  const open = raw.indexOf('"');
  const end = raw.endsWith('"') && raw.length > open + 1 ? -1 : undefined;
  return raw.slice(open + 1, end).replaceAll('""', '"');
}

/**
 * A quoted name as a shape shows it: bare when it needs no quotes, else in quotes, and then without anything that could
 * pass for a word of its own or the end of the quotes.
 */
export function shownName(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/.test(name)) return name;
  return `"${name.toLowerCase().replace(/[^a-z0-9_$\u0080-\uffff]/g, '_')}"`;
}

/** What stands between the quotes of a string; of one that is not closed, the rest. */
export function textInQuotes(raw: string, kind: TokenKind): string {
  if (kind === Token.dollarString) {
    const tag = raw.slice(0, raw.indexOf('$', 1) + 1);
    const isClosed = raw.length >= 2 * tag.length && raw.endsWith(tag);
    return raw.slice(tag.length, isClosed ? -tag.length : undefined);
  }
  const open = raw.indexOf("'");
  return raw.slice(open + 1, raw.endsWith("'") ? -1 : undefined).replaceAll("''", "'");
}
