// SPDX-License-Identifier: Apache-2.0

/**
 * How many bytes at the start of a chunk are its header (column names, types), for the formats that can be streamed.
 * chDB writes each chunk of a streamed result as a document of its own; all headers but the first are taken out.
 */

const HEADER_LINES: Readonly<Record<string, number>> = {
  JSONEachRow: 0,
  JSONCompactEachRow: 0,
  JSONCompactEachRowWithNames: 1,
  JSONCompactEachRowWithNamesAndTypes: 2,
  CSV: 0,
  CSVWithNames: 1,
  CSVWithNamesAndTypes: 2,
  TabSeparated: 0,
  TabSeparatedWithNames: 1,
  TabSeparatedWithNamesAndTypes: 2,
  RowBinary: 0,
  // Each block says what it holds.
  Native: 0,
};

const QUOTE = 0x22;
const NEWLINE = 0x0a;

export function isStreamable(format: string): boolean {
  return Object.hasOwn(HEADER_LINES, format);
}

/**
 * Errors   never throws; a chunk with fewer lines is all header
 * Keeps    a newline inside a quoted CSV name does not end a line; the other formats escape theirs
 */
export function headerBytes(format: string, chunk: Uint8Array): number {
  let lines = HEADER_LINES[format] ?? 0;
  if (lines === 0) return 0;
  const quoting = format.startsWith('CSV');
  let quoted = false;
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at];
    if (quoting && byte === QUOTE) quoted = !quoted;
    if (byte === NEWLINE && !quoted) {
      lines -= 1;
      if (lines === 0) return at + 1;
    }
  }
  return chunk.length;
}
