// SPDX-License-Identifier: Apache-2.0

/**
 * pgbench in each of its modes, with several clients and threads, against the server's log and its statistics: every
 * statement of every connection, and every row count.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, scaled, startRecording, whyNoRecording } from '../recording/recording.ts';
import { PGBENCH } from './pgbench.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { assertProved, judgeByServer, type ServerVerdict, unloggedCounts } from './server-verdict.ts';
import {
  askServer,
  assertSameCounts,
  COUNTING,
  type StatementCounts,
  statementCounts,
} from './statement-statistics.ts';

const IDENTITY_OF_ROLE = { bench_role: 'bench-agent', broken_role: 'broken-agent' };

const PIPELINE = `
\\set aid random(1, 100000)
\\set delta random(-5000, 5000)
\\startpipeline
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid BETWEEN :aid AND :aid + 2;
SELECT aid, abalance FROM pgbench_accounts WHERE aid < :aid ORDER BY aid DESC LIMIT 3;
\\endpipeline
SELECT count(*) FROM pgbench_branches;
`;

/** Its second statement divides by zero in every transaction; what follows in the pipeline is not run. */
const BROKEN_PIPELINE = `
\\startpipeline
SELECT 1;
SELECT 1 / (aid - aid) FROM pgbench_accounts WHERE aid = 1;
SELECT 2;
\\endpipeline
`;

interface Load {
  readonly name: string;
  readonly args: readonly string[];
  readonly clients: number;
  readonly transactions: number;
  /** Statements of one transaction, and what each client prepares once. */
  readonly statements: number;
  readonly prepares: number;
}

const few = scaled(25);
const many = scaled(150);
const LOADS: readonly Load[] = [
  { name: 'tpcb simple', args: ['-M', 'simple'], clients: 2, transactions: few, statements: 7, prepares: 0 },
  { name: 'tpcb extended', args: ['-M', 'extended'], clients: 2, transactions: few, statements: 7, prepares: 0 },
  { name: 'tpcb prepared', args: ['-M', 'prepared'], clients: 2, transactions: few, statements: 7, prepares: 7 },
  { name: 'select simple', args: ['-S', '-M', 'simple'], clients: 4, transactions: many, statements: 1, prepares: 0 },
  {
    name: 'select prepared',
    args: ['-S', '-M', 'prepared'],
    clients: 4,
    transactions: many,
    statements: 1,
    prepares: 1,
  },
  {
    name: 'pipeline extended',
    args: ['-f', 'pipeline.sql', '-M', 'extended'],
    clients: 3,
    transactions: few,
    statements: 4,
    prepares: 0,
  },
  {
    name: 'pipeline prepared',
    args: ['-f', 'pipeline.sql', '-M', 'prepared'],
    clients: 3,
    transactions: few,
    statements: 4,
    prepares: 4,
  },
];

const skip = whyNoRecording() || (PGBENCH === undefined && 'pgbench is missing: deploy/setup fetches it');

describe('pgbench against the log and the statistics of the server', { skip }, () => {
  let server: PostgresServer;
  let recording: Recording;
  let record: RunRecord;
  let verdict: ServerVerdict;
  let counted: Map<string, StatementCounts>;
  /** What pgbench says that it did, by the name of the load. */
  const processed = new Map<string, number>();

  before(async () => {
    server = await startPostgres({ settings: COUNTING });
    askServer(
      server,
      `CREATE EXTENSION pg_stat_statements; CREATE ROLE bench_role LOGIN; CREATE ROLE broken_role LOGIN;
       GRANT ALL ON SCHEMA public TO bench_role; GRANT pg_read_all_data TO broken_role;`,
    );
    recording = await startRecording({ identities: Object.values(IDENTITY_OF_ROLE) });
    const scripts = { 'pipeline.sql': PIPELINE, 'broken.sql': BROKEN_PIPELINE };
    for (const [name, text] of Object.entries(scripts)) writeFileSync(join(recording.folder, name), text);

    const pgbench = (identity: string, role: string, args: readonly string[], fails = false) => {
      const words = args.map((word) => (word.endsWith('.sql') ? join(recording.folder, word) : word));
      const environment = { ...server.environment, PGUSER: role };
      return recording.run(identity, [PGBENCH as string, ...words], { environment, fails });
    };
    await pgbench('bench-agent', 'bench_role', ['-i', '-s', '1', '--quiet']);
    for (const { name, args, clients, transactions } of LOADS) {
      const counts = ['-n', '-c', String(clients), '-j', '2', '-t', String(transactions)];
      const { stdout } = await pgbench('bench-agent', 'bench_role', [...args, ...counts]);
      processed.set(name, Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]));
    }
    const broken = ['-n', '-f', 'broken.sql', '-M', 'extended', '-c', '2', '-t', '3'];
    await pgbench('broken-agent', 'broken_role', broken, true);
    counted = statementCounts(server, 'bench_role');
    record = await recording.finish();
    verdict = judgeByServer(record, server.logText(), IDENTITY_OF_ROLE);
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every statement is recorded once, unaltered, in order, with its identity', (t) => {
    assertProved(record, verdict, IDENTITY_OF_ROLE);
    t.diagnostic(`${verdict.matches.length} statements matched on ${verdict.logins.length} connections`);
  });

  test('as many statements as pgbench says that it ran', () => {
    const fromLoads = LOADS.reduce((sum, { name, clients, transactions, statements }) => {
      assert.equal(processed.get(name), clients * transactions, name);
      return sum + (processed.get(name) as number) * statements;
    }, 0);
    const prepares = LOADS.reduce((sum, load) => sum + load.clients * load.prepares, 0);
    const bench = verdict.matches.filter(({ logged }) => logged.user === 'bench_role');
    const ofLoads = bench.filter(({ recorded }) => LOADS_ONLY.test(recorded[0]?.statement ?? ''));
    assert.equal(ofLoads.filter(({ logged }) => logged.kind !== 'prepare').length, fromLoads);
    assert.equal(bench.filter(({ logged }) => logged.kind === 'prepare').length, prepares);
  });

  test('calls and rows by query id are those of pg_stat_statements', (t) => {
    assertSameCounts(counted, verdict, 'bench_role');
    const sums = [...counted.values()].reduce((a, b) => ({ calls: a.calls + b.calls, rows: a.rows + b.rows }));
    t.diagnostic(`${sums.calls} calls and ${sums.rows} rows of ${counted.size} query ids`);
  });

  test('what stood behind the failure in a pipeline is recorded as not run', () => {
    const mine = verdict.commands.filter(({ attributes }) => attributes['user'] === 'broken_role');
    const outcomes = mine
      .filter(({ operation }) => operation === 'SELECT')
      .map(
        ({ statement, errorCode, attributes }) =>
          `${statement.slice(0, 10)} ${errorCode}${attributes['skipped'] ?? ''}`,
      );
    // A client ends at its first failure.
    const ofEach = ['SELECT 1; ', 'SELECT 1 / 22012', 'SELECT 2; true'];
    assert.deepEqual(outcomes.sort(), [...ofEach, ...ofEach].sort());
    assert.deepEqual(unloggedCounts(verdict)['skipped'], 2);
  });
});

/** What pgbench sends in its loads, and not to make its tables. */
const LOADS_ONLY = /^(?:SELECT (?:abalance|aid|count)|UPDATE|INSERT INTO pgbench_history|BEGIN|END)/;
