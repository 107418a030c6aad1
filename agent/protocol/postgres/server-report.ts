// SPDX-License-Identifier: Apache-2.0

import type { ByteReader } from '../bytes/byte-reader.ts';

/** Each field of a report is kept up to this length; a detail can hold a whole row. */
const FIELD_LENGTH_MAX = 8192;
/** More fields than the protocol knows. */
const FIELDS_MAX = 40;

/** What an ErrorResponse or a NoticeResponse says. */
export interface ServerReport {
  readonly severity: string;
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  /** Everything else that helps to understand it, by attribute name. */
  readonly attributes: Readonly<Record<string, string>>;
}

const ATTRIBUTE_OF: Readonly<Record<string, string>> = {
  D: 'detail',
  H: 'hint',
  P: 'position',
  p: 'internal_position',
  q: 'internal_query',
  W: 'context',
  s: 'schema',
  t: 'table',
  c: 'column',
  d: 'data_type',
  n: 'constraint',
};

/**
 * Read the body of an ErrorResponse or NoticeResponse.
 *
 * Shape    fields, each: code u8 · text C string; a zero byte ends them
 * Source   PostgreSQL manual, "Error and Notice Message Fields"
 */
export function readReport(reader: ByteReader): ServerReport {
  let severity = '';
  let localSeverity = '';
  let code = '';
  let message = '';
  const attributes: Record<string, string> = {};
  for (let i = 0; i < FIELDS_MAX && reader.remaining > 0; i++) {
    const field = String.fromCharCode(reader.u8());
    if (field === '\0') break;
    const text = reader.cString().slice(0, FIELD_LENGTH_MAX);
    const attribute = ATTRIBUTE_OF[field];
    if (field === 'V') severity = text;
    else if (field === 'S') localSeverity = text;
    else if (field === 'C') code = text;
    else if (field === 'M') message = text;
    else if (attribute !== undefined) attributes[attribute] = text;
  }
  return { severity: severity || localSeverity, code, message, attributes };
}

/** After a report of this severity the server closes the connection. */
export function isFatal(severity: string): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}
