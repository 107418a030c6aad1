// SPDX-License-Identifier: Apache-2.0

/**
 * The field section of a head or of trailers: text to names and values. Tolerant, since what crossed the wire was used by
 * someone; what is wrong is counted, and whoever frames the message by it says so.
 *
 * Source   RFC 9112, sections 2.2, 5 and 7.1.2; RFC 9110, section 5
 */
import { isToken } from './token.ts';

export interface Field {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

export interface Fields {
  readonly lines: readonly Field[];
  /** Lines without a colon or with a name that is no token; they are in no other count and give no field. */
  readonly malformedLines: number;
  /** A value went on in the next line (RFC 9112, section 5.2). */
  readonly folded: boolean;
  /** A line ended in LF alone. */
  readonly bareLf: boolean;
  /** A name was followed by white space: a server must refuse it, since others read the line otherwise. */
  readonly spaceBeforeColon: boolean;
}

export const NO_FIELDS: Fields = {
  lines: [],
  malformedLines: 0,
  folded: false,
  bareLf: false,
  spaceBeforeColon: false,
};

/** Read field lines up to the empty line or the end of `text`. */
export function parseFields(text: string): Fields {
  const lines: { name: string; value: string }[] = [];
  let malformedLines = 0;
  let folded = false;
  let bareLf = false;
  let spaceBeforeColon = false;
  for (let from = 0; from < text.length; ) {
    const lf = text.indexOf('\n', from);
    const lineEnd = lf < 0 ? text.length : lf;
    const hasCr = lineEnd > from && text.charCodeAt(lineEnd - 1) === 0x0d;
    if (lf >= 0 && !hasCr) bareLf = true;
    const end = hasCr ? lineEnd - 1 : lineEnd;
    const start = from;
    from = lineEnd + 1;
    if (end === start) break;

    const first = text.charCodeAt(start);
    const last = lines.at(-1);
    if (first === 0x20 || first === 0x09) {
      if (last === undefined) {
        malformedLines++;
      } else {
        folded = true;
        last.value = `${last.value} ${text.slice(start, end).trim()}`.trim();
      }
      continue;
    }
    const colon = text.indexOf(':', start);
    const name = colon < 0 || colon >= end ? '' : text.slice(start, colon);
    if (isToken(name)) {
      lines.push({ name: name.toLowerCase(), value: text.slice(colon + 1, end).trim() });
    } else if (isToken(name.trimEnd())) {
      spaceBeforeColon = true;
      lines.push({ name: name.trimEnd().toLowerCase(), value: text.slice(colon + 1, end).trim() });
    } else {
      malformedLines++;
    }
  }
  return { lines, malformedLines, folded, bareLf, spaceBeforeColon };
}

/** The first value of a field, '' when there is none. */
export function fieldValue(fields: Fields, name: string): string {
  for (const field of fields.lines) if (field.name === name) return field.value;
  return '';
}

/** The members of a list-valued field, over all of its lines, lower case. */
export function fieldMembers(fields: Fields, name: string): string[] {
  const members: string[] = [];
  for (const field of fields.lines) {
    if (field.name !== name) continue;
    for (const member of field.value.split(',')) {
      const trimmed = member.trim().toLowerCase();
      if (trimmed !== '') members.push(trimmed);
    }
  }
  return members;
}
