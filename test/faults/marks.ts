// SPDX-License-Identifier: Apache-2.0

/** How an exchange says that bytes of it, or near it, were lost: see the decoders' own pages. */
const MARKS = [
  'incomplete',
  'pairing',
  'reply_lost',
  'reply_uncertain',
  'request_gap_bytes',
  'request_incomplete',
  'request_missing',
  'request_unseen',
  'response_gap_bytes',
  'response_incomplete',
  'response_missing',
  'statement_unknown',
];

/**
 * Lines of PostgreSQL that are no statements: logins and goodbyes, settings that the server says unasked, and the Sync that
 * may be all that is left of a statement.
 */
const NO_STATEMENTS = new Set(['LOGIN', 'TERMINATE', 'PARAMETER STATUS', 'SYNC']);
/** Prepared and, as far as was seen, not run: there is no reply. */
const NOT_RUN = new Set(['PREPARE', 'BIND']);

export function isStatement(operation: string): boolean {
  return !NO_STATEMENTS.has(operation);
}

export function wasRun(operation: string): boolean {
  return !NOT_RUN.has(operation);
}

interface Marked {
  readonly attributes: Readonly<Record<string, string>>;
  /** 'unknown': no reply was seen. */
  readonly status: string;
}

export function isMarked({ attributes, status }: Marked): boolean {
  return status === 'unknown' || MARKS.some((mark) => attributes[mark] !== undefined);
}
