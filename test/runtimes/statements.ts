// SPDX-License-Identifier: Apache-2.0

/** What the PostgreSQL clients of the matrix ask for, and the rows that they get, which the server's log does not tell. */
import type { Table } from '../oracle/postgres/response-rows.ts';

const LARGE_ROWS = 1500;

/** In the environment of the clients, by these names. */
export const STATEMENTS = {
  RUNTIME_ONE: 'SELECT $1::text AS value',
  /** Gets the body: more than one TLS record. */
  RUNTIME_UPLOAD: 'SELECT length($1::text) AS length',
  /** Some 160 KB. */
  RUNTIME_LARGE: `SELECT n, repeat('x', 100) AS text FROM generate_series(1, ${LARGE_ROWS}) AS n`,
  RUNTIME_FAILS: 'SELECT 1 / 0',
} as const;

/** Beside what drivers ask for by themselves. */
export const ASKED_AT_LEAST = 1 + 4;

/** Of a statement as the server logged it, with values or with literals in it. Undefined for what fails and for other statements. */
export function tableOf(
  text: string,
  parameters: readonly (string | null)[] | undefined,
  body: string,
): Table | undefined {
  if (text.startsWith('SELECT length(')) return [['length'], [String([...body].length)]];
  if (text.startsWith('SELECT n, repeat(')) {
    const rows = Array.from({ length: LARGE_ROWS }, (_, index) => [String(index + 1), 'x'.repeat(100)]);
    return [['n', 'text'], ...rows];
  }
  const literal = /^SELECT (?:\$1|'(\w+)')::text AS value/.exec(text);
  if (literal === null) return undefined;
  return [['value'], [literal[1] ?? parameters?.[0] ?? null]];
}
