// SPDX-License-Identifier: Apache-2.0

/**
 * psycopg 3 (server-side binding, values in binary, COPY, pipelines, cursors), by two workloads with an identity each;
 * against the server's log, its statistics, and what the client says that it sent and was told.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import {
  assertProved,
  judgeByServer,
  type SeenStatement,
  type ServerVerdict,
  unloggedCounts,
} from './server-verdict.ts';
import {
  askServer,
  assertSameCounts,
  COUNTING,
  type StatementCounts,
  statementCounts,
} from './statement-statistics.ts';
import { assertAsTold, readTold, type Told } from './told.ts';

const IDENTITY_OF_ROLE = { parts_role: 'parts-agent', stock_role: 'stock-agent' };
const skip = whyNoRecording();

describe('psycopg against the log and the statistics of the server and what the client was told', { skip }, () => {
  let server: PostgresServer;
  let recording: Recording;
  let record: RunRecord;
  let verdict: ServerVerdict;
  let told: Told[];
  const counted = new Map<string, Map<string, StatementCounts>>();

  before(async () => {
    server = await startPostgres({ settings: COUNTING });
    askServer(server, 'CREATE EXTENSION pg_stat_statements');
    for (const role of Object.keys(IDENTITY_OF_ROLE)) {
      askServer(server, `CREATE ROLE ${role} LOGIN; GRANT ALL ON SCHEMA public TO ${role};`);
    }
    recording = await startRecording({ identities: Object.values(IDENTITY_OF_ROLE) });
    const driver = join(import.meta.dirname, 'drivers/psycopg_driver.py');
    const finished = await Promise.all(
      Object.entries(IDENTITY_OF_ROLE).map(([role, identity], index) => {
        const environment = { ...server.environment, PGUSER: role };
        return recording.run(identity, ['/usr/bin/python3', driver, String(index + 1)], { environment });
      }),
    );
    told = finished.flatMap(({ stdout }) => readTold(stdout));
    for (const role of Object.keys(IDENTITY_OF_ROLE)) counted.set(role, statementCounts(server, role));
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

  test('texts, parameters, outcomes and rows are what the client sent and was told', (t) => {
    const { statements, rows } = assertAsTold(told, verdict);
    t.diagnostic(`${statements} statements and ${rows} rows as told`);
  });

  test('calls and rows by query id are those of pg_stat_statements', () => {
    for (const [role, counts] of counted) assertSameCounts(counts, verdict, role);
  });

  test('COPY data is in the request and the response, as it crossed', () => {
    const copies = verdict.commands.filter(({ attributes }) => attributes['application_name'] === 'copies 1');
    const starting = (text: string) => copies.filter(({ statement }) => statement.startsWith(text));
    const [textIn] = starting('COPY copied_1 (id, name) FROM STDIN');
    const lines = Array.from({ length: 1000 }, (_, n) => `${n}\t${n % 3 === 0 ? '\\N' : `Größe\\t${n}`}\n`);
    assert.equal(textIn?.request.toString(), lines.join(''));
    const [binaryIn] = starting('COPY copied_1 (id, name) FROM STDIN (FORMAT binary)');
    assert.ok(binaryIn?.request.subarray(0, 11).equals(Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')));
    const [out] = starting('COPY (SELECT');
    const binaryLines = Array.from({ length: 100 }, (_, n) => `${1000 + n}\tbinary\n`);
    assert.equal(out?.response.toString(), [...lines, ...binaryLines].join(''));
    const [givenUp] = starting('COPY copied_1 (name)') as [SeenStatement];
    assert.match(givenUp.attributes['copy_failed_by_client'] ?? '', /changed its mind/);
  });

  test('what the log does not tell', () => {
    // A cancel request each, and one statement each that stood behind the failure in a pipeline.
    const { LOGIN, DESCRIBE, ...rest } = unloggedCounts(verdict);
    assert.equal(LOGIN, verdict.logins.length);
    assert.deepEqual(rest, { CANCEL: 2, skipped: 2 });
    assert.ok((DESCRIBE ?? 0) >= 2, 'a cursor on the server is described');
  });
});
