// SPDX-License-Identifier: Apache-2.0

/**
 * The collector's errors: one table of stable codes. `docs/ERRORS.md` lists the same table; a test keeps the two equal.
 */

interface ErrorKind {
  /** What a person should understand and do. Also the line in docs/ERRORS.md. */
  readonly about: string;
  /** Whether the same attempt, later, can succeed. */
  readonly retryable: boolean;
  /** The status the HTTP API answers with. */
  readonly httpStatus: number;
}

export const COLLECTOR_ERRORS = {
  config_invalid: {
    about: 'The configuration file cannot be used. The message names the line and the key.',
    retryable: false,
    httpStatus: 500,
  },
  rule_invalid: {
    about: 'A rule cannot be used. The message names the file, the line and the cause.',
    retryable: false,
    httpStatus: 500,
  },
  certificate_invalid: {
    about: 'A key or certificate of the collector cannot be read or is not what its name says.',
    retryable: false,
    httpStatus: 500,
  },
  migration_failed: {
    about: 'The tables could not be brought to the form this version needs. The message names the migration.',
    retryable: false,
    httpStatus: 500,
  },
  store_unavailable: {
    about: 'ClickHouse did not answer, or answered that it cannot now. Agents keep their record and try again.',
    retryable: true,
    httpStatus: 503,
  },
  store_rejected: {
    about: 'ClickHouse refused a block of rows. Nothing of it is stored; the log has the reason.',
    retryable: true,
    httpStatus: 500,
  },
  claim_lost: {
    about:
      'A newer stream of the agent came to another collector of the same ClickHouse. Nothing of this one is stored any more; an agent that still has it connects anew.',
    retryable: true,
    httpStatus: 503,
  },
  engine_failed: {
    about:
      'The embedded ClickHouse process did not start or ended. It is started again; see the log for its last words.',
    retryable: true,
    httpStatus: 503,
  },
  unauthorised: {
    about: 'The request carries no bearer token, or a wrong one.',
    retryable: false,
    httpStatus: 401,
  },
  forbidden: {
    about:
      'The token may read the record and not change it. Erasing takes the token in admin-token of the state folder.',
    retryable: false,
    httpStatus: 403,
  },
  erasure_running: {
    about: 'One erasure is carried out at a time, and one is. Ask again when it is done.',
    retryable: true,
    httpStatus: 409,
  },
  not_found: { about: 'There is no such path, or no such session.', retryable: false, httpStatus: 404 },
  request_invalid: {
    about: 'The request is not what this path takes. The message names the field.',
    retryable: false,
    httpStatus: 400,
  },
  request_too_large: { about: 'The request body is larger than this path takes.', retryable: false, httpStatus: 413 },
  query_invalid: {
    about: 'ClickHouse could not run the SQL: syntax, an unknown name, a type. The message is its own.',
    retryable: false,
    httpStatus: 400,
  },
  query_refused: {
    about:
      'The SQL does more than read the record: only SELECT, EXPLAIN, DESCRIBE and SHOW TABLES over `sworn` may run.',
    retryable: false,
    httpStatus: 403,
  },
  query_limit: {
    about: 'The query reached a configured limit (time, rows, bytes or memory) and was stopped.',
    retryable: false,
    httpStatus: 422,
  },
  query_busy: {
    about: 'All places for queries are taken, and none came free in time.',
    retryable: true,
    httpStatus: 429,
  },
  tail_busy: { about: 'All places for live tails are taken.', retryable: true, httpStatus: 429 },
  internal: { about: 'A fault in the collector itself. The log has the details.', retryable: false, httpStatus: 500 },
} as const satisfies Record<string, ErrorKind>;

export type CollectorErrorCode = keyof typeof COLLECTOR_ERRORS;

export class CollectorError extends Error {
  override readonly name = 'CollectorError';
  readonly code: CollectorErrorCode;

  constructor(code: CollectorErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return COLLECTOR_ERRORS[this.code].retryable;
  }

  get httpStatus(): number {
    return COLLECTOR_ERRORS[this.code].httpStatus;
  }
}

/** Any thrown value as text for a log or a person, one line, bounded: engines quote the data that they choked on. */
export function describeError(error: unknown, charactersMax = 400): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}
