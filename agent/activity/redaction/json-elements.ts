// SPDX-License-Identifier: Apache-2.0

/**
 * Elements of JSON arrays by their index: bound parameters (one array), and rows of a result (an array a line, the first
 * with the names of the columns). A text that was cut is read as far as it goes.
 */
import { unquoted } from './quoted-value.ts';
import type { NameMeaning } from './secret-name.ts';
import { meaningOfName } from './secret-name.ts';
import { isPlaceholder, looksLikeCredential } from './secret-value.ts';
import type { Span } from './span.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const JSON_QUOTES = { code: QUOTE, depth: 0 };

type Visit = (index: number, from: number, to: number) => void;

/** The secrets of one array whose elements at these indexes are secrets. */
export function elementSpans(text: string, indexes: ReadonlySet<number>): Span[] {
  const spans: Span[] = [];
  if (indexes.size > 0) {
    eachString(text, 0, text.length, (index, from, to) => {
      if (indexes.has(index)) addSpan(spans, text, from, to, 'secret');
    });
  }
  return spans;
}

/** The secrets of a result, by the names of its columns. */
export function rowSpans(text: string): Span[] {
  const spans: Span[] = [];
  if (!text.startsWith('["')) return spans;
  const headEnd = endOfLine(text, 0);
  const meanings = new Map<number, NameMeaning>();
  eachString(text, 0, headEnd, (index, from, to) => {
    const meaning = meaningOfName(text.slice(from, to));
    if (meaning === 'secret' || meaning === 'doubtful') meanings.set(index, meaning);
  });
  if (meanings.size === 0) return spans;
  for (let from = headEnd + 1; from < text.length; ) {
    const to = endOfLine(text, from);
    eachString(text, from, to, (index, valueFrom, valueTo) => {
      const meaning = meanings.get(index);
      if (meaning !== undefined) addSpan(spans, text, valueFrom, valueTo, meaning);
    });
    from = to + 1;
  }
  return spans;
}

/** The secrets of COPY data (text or CSV, a row a line) whose columns at these indexes are secrets. */
export function copySpans(text: string, columns: ReadonlySet<number>): Span[] {
  const spans: Span[] = [];
  for (let from = 0; columns.size > 0 && from < text.length; ) {
    const to = endOfLine(text, from);
    const separator = text.slice(from, to).includes('\t') ? '\t' : ',';
    let index = 0;
    for (let at = from; at <= to; index++) {
      const isQuoted = separator === ',' && text[at] === '"';
      let end = isQuoted ? text.indexOf('"', at + 1) + 1 : text.indexOf(separator, at);
      if (isQuoted) end = end === 0 ? -1 : text.indexOf(separator, end);
      if (end < 0 || end > to) end = to;
      const inset = isQuoted ? 1 : 0;
      const value = text.slice(at + inset, end - inset);
      if (columns.has(index) && value !== '\\N' && !isPlaceholder(value)) {
        spans.push({ from: at + inset, to: end - inset, kind: 'secret', secret: value });
      }
      at = end + 1;
    }
    from = to + 1;
  }
  return spans;
}

function addSpan(spans: Span[], text: string, from: number, to: number, meaning: NameMeaning): void {
  const value = text.slice(from, to);
  if (isPlaceholder(value) || (meaning === 'doubtful' && !looksLikeCredential(value))) return;
  spans.push({ from, to, kind: 'secret', secret: unquoted(value, JSON_QUOTES) });
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

/** Each string of the array that begins at `from`, without its quotes. */
function eachString(text: string, from: number, to: number, visit: Visit): void {
  if (text[from] !== '[') return;
  let index = 0;
  for (let at = from + 1; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2c) index++;
    if (code !== QUOTE) continue;
    const start = at + 1;
    let end = start;
    while (end < to && text.charCodeAt(end) !== QUOTE) end += text.charCodeAt(end) === BACKSLASH ? 2 : 1;
    visit(index, start, Math.min(end, to));
    at = end;
  }
}
