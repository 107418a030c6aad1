// SPDX-License-Identifier: Apache-2.0

/**
 * node-postgres, by two workloads at the same time with an identity each, all the way into ClickHouse; against the
 * server's log and against what the clients say that they sent and were told.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { assertProved, judgeByServer, type ServerVerdict, unloggedCounts } from './server-verdict.ts';
import { askServer } from './statement-statistics.ts';
import { assertAsTold, readTold, type Told } from './told.ts';

const IDENTITY_OF_ROLE = { first_role: 'first-agent', second_role: 'second-agent' };
const skip = whyNoRecording();

describe('node-postgres against the log of the server and what the clients were told', { skip }, () => {
  let server: PostgresServer;
  let recording: Recording;
  let record: RunRecord;
  let verdict: ServerVerdict;
  let told: Told[];

  before(async () => {
    server = await startPostgres();
    for (const role of Object.keys(IDENTITY_OF_ROLE)) {
      askServer(server, `CREATE ROLE ${role} LOGIN; GRANT ALL ON SCHEMA public TO ${role};`);
    }
    recording = await startRecording({ identities: Object.values(IDENTITY_OF_ROLE), collector: true });
    const driver = join(import.meta.dirname, 'drivers/node-postgres.ts');
    const finished = await Promise.all(
      Object.entries(IDENTITY_OF_ROLE).map(([role, identity], index) => {
        const environment = { ...server.environment, PGUSER: role };
        return recording.run(identity, [node, driver, String(index + 1)], { environment });
      }),
    );
    told = finished.flatMap(({ stdout }) => readTold(stdout));
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

  test('texts, parameters, outcomes and rows are what the clients sent and were told', (t) => {
    const { statements, rows } = assertAsTold(told, verdict);
    t.diagnostic(`${statements} statements and ${rows} rows as told`);
  });

  test('what the server said unasked is recorded', () => {
    const unlogged = unloggedCounts(verdict);
    assert.equal(unlogged['NOTIFICATION'], 2);
    assert.equal(unlogged['DISCONNECT'], 2);
    const codes = verdict.unlogged['DISCONNECT']?.map(({ errorCode }) => errorCode);
    assert.deepEqual(codes, ['57P01', '57P01']);
    const payloads = verdict.unlogged['NOTIFICATION']?.map(({ attributes }) => attributes['notifications'] ?? '');
    for (const payload of payloads ?? []) assert.match(payload, /Grüße/);
  });
});
