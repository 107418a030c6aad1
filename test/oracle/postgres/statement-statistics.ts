// SPDX-License-Identifier: Apache-2.0

/** The server's second account, independent of its log: pg_stat_statements counts calls and rows of each kind of statement. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { PostgresServer } from './postgres-server.ts';
import type { ServerVerdict } from './server-verdict.ts';

/** Settings of a server that counts. */
export const COUNTING = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '10000' };

export interface StatementCounts {
  readonly calls: number;
  readonly rows: number;
}

/** SQL as the server's owner, outside of every workload. Returns the rows, values as text. */
export function askServer(server: PostgresServer, sql: string): string[][] {
  const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-F', '\t', '-c', sql];
  const out = execFileSync('psql', args, { env: { ...process.env, ...server.environment }, encoding: 'utf8' });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** By query id, of what this role ran. */
export function statementCounts(server: PostgresServer, role: string): Map<string, StatementCounts> {
  const sql = `SELECT queryid, sum(calls), sum(rows) FROM pg_stat_statements WHERE userid = '${role}'::regrole GROUP BY 1`;
  return new Map(
    askServer(server, sql).map(([id = '', calls, rows]) => [id, { calls: Number(calls), rows: Number(rows) }]),
  );
}

/**
 * The same calls and the same rows, by query id. The log ties a recorded statement to its id; pg_stat_statements does not
 * count what failed, and of a query of several statements the log tells the id of the last only, so workloads that are
 * compared here send none of those.
 */
export function assertSameCounts(counted: ReadonlyMap<string, StatementCounts>, verdict: ServerVerdict, role: string) {
  const ran = verdict.matches.filter(
    ({ logged: { user, error, kind } }) =>
      user === role && error === undefined && (kind === 'statement' || kind === 'execute'),
  );
  const seen = new Map<string, { calls: number; rows: number }>();
  for (const { logged, recorded } of ran) {
    const rows = recorded.reduce((sum, command) => sum + (command.rows ?? 0), 0);
    if (logged.queryId === '0') {
      // BEGIN and the like, prepared, have an id only the first time they run; without one they are not counted.
      assert.equal(rows, 0, logged.text);
      continue;
    }
    const sum = seen.get(logged.queryId) ?? { calls: 0, rows: 0 };
    seen.set(logged.queryId, { calls: sum.calls + 1, rows: sum.rows + rows });
  }
  const sorted = (counts: ReadonlyMap<string, StatementCounts>) => [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(seen), sorted(counted), 'calls and rows by query id');
}
