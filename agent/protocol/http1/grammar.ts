// SPDX-License-Identifier: Apache-2.0

/**
 * How a message starts: the request line and the status line, read in sync and searched for out of sync.
 *
 * Source   RFC 9112, sections 2.2 (robustness), 3 (request line), 4 (status line); RFC 9110, section 5.6.2 (token)
 */
import type { RequestLine, StatusLine } from '../http/message.ts';
import { isToken, isTokenByte } from '../http/token.ts';

/** Where a message start was found in bytes out of sync, or what must be kept to find it when more bytes came. */
export type StartSearch =
  | { readonly kind: 'found'; readonly start: number; readonly lineEnd: number }
  | { readonly kind: 'none'; readonly keepFrom: number; readonly searchFrom: number };

/** One direction's way of starting a message. */
export interface StartGrammar<Line> {
  /** Can these first bytes of a message become a start line? Answers as early as it can. */
  check(bytes: Uint8Array, from: number, to: number): 'yes' | 'no' | 'not-yet';
  parse(line: string): Line | undefined;
  /** The first certain start line in `bytes` at or after `from`. Stricter than `parse`: all around it is noise. */
  search(bytes: Buffer, from: number): StartSearch;
}

/** Longer than any registered method (RFC 9110's registry: 17 bytes). */
const METHOD_BYTES_MAX = 32;
/** A start line longer than this is not found again after a loss. RFC 9112 asks servers for 8000 at least. */
const SEARCH_LINE_BYTES_MAX = 8192;

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;

/** Methods by which a request is known again in the middle of other bytes, where any capitals might stand before it. */
const COMMON_METHODS = /(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE)$/;
const CAPITALS = /[A-Z]{3,20}$/;
const PLAUSIBLE_TARGET = /^(?:\/|\*$|https?:\/\/|[\w.[\]:-]+:\d+$)/;

export const requestGrammar: StartGrammar<RequestLine> = {
  check(bytes, from, to) {
    for (let i = from; i < to; i++) {
      if (isTokenByte(bytes[i]!)) {
        if (i - from >= METHOD_BYTES_MAX) return 'no';
      } else {
        return bytes[i] === SP && i > from ? 'yes' : 'no';
      }
    }
    return 'not-yet';
  },

  parse(line) {
    const methodEnd = line.indexOf(' ');
    const targetEnd = line.lastIndexOf(' ');
    const version = versionOf(line.slice(targetEnd + 1));
    const method = line.slice(0, methodEnd);
    const target = line.slice(methodEnd + 1, targetEnd).trim();
    if (version === undefined || target === '' || !isToken(method)) return undefined;
    return { method, target, version };
  },

  search(bytes, from) {
    for (let at = from; ; at++) {
      at = bytes.indexOf(' HTTP/1.', at, 'latin1');
      if (at < 0) {
        const searchFrom = Math.max(from, bytes.length - 7);
        // Looking back costs a line; so that bytes which come singly do not cost a line each, it is done now and then.
        const keepFrom = searchFrom > 2 * SEARCH_LINE_BYTES_MAX ? lineStart(bytes, searchFrom) : 0;
        return { kind: 'none', keepFrom, searchFrom };
      }
      const lineEnd = endOfVersion(bytes, at + 8);
      if (lineEnd === 'not-yet') return { kind: 'none', keepFrom: lineStart(bytes, at), searchFrom: at };
      if (lineEnd === 'no') continue;
      const start = requestStart(bytes, lineStart(bytes, at), at);
      if (start !== undefined) return { kind: 'found', start, lineEnd };
    }
  },
};

const STATUS_LINE_HEAD = 'HTTP/1.';
const STATUS_LINE = /^HTTP\/(1\.\d) +(\d{3})(?: (.*))?$/;

export const statusGrammar: StartGrammar<StatusLine> = {
  check(bytes, from, to) {
    const end = Math.min(to, from + STATUS_LINE_HEAD.length);
    for (let i = from; i < end; i++) {
      if (bytes[i] !== STATUS_LINE_HEAD.charCodeAt(i - from)) return 'no';
    }
    return end - from === STATUS_LINE_HEAD.length ? 'yes' : 'not-yet';
  },

  parse(line) {
    const match = STATUS_LINE.exec(line);
    if (match === null) return undefined;
    return { version: match[1]!, statusCode: Number(match[2]), reason: (match[3] ?? '').trim() };
  },

  search(bytes, from) {
    for (let at = from; ; at++) {
      at = bytes.indexOf(STATUS_LINE_HEAD, at, 'latin1');
      if (at < 0) {
        const searchFrom = Math.max(from, bytes.length - STATUS_LINE_HEAD.length + 1);
        return { kind: 'none', keepFrom: searchFrom, searchFrom };
      }
      const lf = bytes.subarray(at, at + SEARCH_LINE_BYTES_MAX).indexOf(LF);
      if (lf < 0) {
        if (bytes.length - at >= SEARCH_LINE_BYTES_MAX) continue;
        return { kind: 'none', keepFrom: at, searchFrom: at };
      }
      const lineEnd = at + lf + 1;
      if (statusGrammar.parse(lineText(bytes, at, lineEnd)) !== undefined) return { kind: 'found', start: at, lineEnd };
    }
  },
};

/** The text of a line without its end. UTF-8 where it is that, else one character a byte (RFC 9110, section 5.5). */
export function lineText(bytes: Buffer, from: number, to: number): string {
  let end = to;
  if (end > from && bytes[end - 1] === LF) end--;
  if (end > from && bytes[end - 1] === CR) end--;
  return fieldText(bytes, from, end);
}

export function fieldText(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to);
  return text.includes('\ufffd') ? bytes.toString('latin1', from, to) : text;
}

function versionOf(text: string): string | undefined {
  if (text.length !== 8 || !text.startsWith('HTTP/1.')) return undefined;
  const minor = text.charCodeAt(7);
  return minor >= 0x30 && minor <= 0x39 ? `1.${text[7]}` : undefined;
}

/** After " HTTP/1." there must be a digit and the end of the line. */
function endOfVersion(bytes: Buffer, at: number): number | 'no' | 'not-yet' {
  const minor = bytes[at];
  if (minor === undefined) return 'not-yet';
  if (minor < 0x30 || minor > 0x39) return 'no';
  const first = bytes[at + 1];
  if (first === LF) return at + 2;
  if (first === undefined) return 'not-yet';
  if (first !== CR) return 'no';
  const second = bytes[at + 2];
  if (second === undefined) return 'not-yet';
  return second === LF ? at + 3 : 'no';
}

/** The start of the line that `at` is in, or as far back as is looked. */
function lineStart(bytes: Buffer, at: number): number {
  const oldest = Math.max(0, at - SEARCH_LINE_BYTES_MAX);
  return oldest + bytes.subarray(oldest, at).lastIndexOf(LF) + 1;
}

/** A message that follows a body starts in the middle of a "line": its method is found from the target backwards. */
function requestStart(bytes: Buffer, from: number, targetEnd: number): number | undefined {
  const text = bytes.toString('latin1', from, targetEnd);
  const methodEnd = text.lastIndexOf(' ');
  if (methodEnd < 0 || !PLAUSIBLE_TARGET.test(text.slice(methodEnd + 1))) return undefined;
  const before = text.slice(Math.max(0, methodEnd - METHOD_BYTES_MAX), methodEnd);
  const method = (COMMON_METHODS.exec(before) ?? CAPITALS.exec(before))?.[0];
  return method === undefined ? undefined : from + methodEnd - method.length;
}
