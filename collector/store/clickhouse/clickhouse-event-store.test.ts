// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { leafOf } from '../../../proto/leaf.ts';
import { kindOf } from '../../model/activity.ts';
import { activityJson } from '../../model/activity-json.ts';
import { COLUMNS } from '../../model/activity-row.ts';
import { createLog } from '../../telemetry/log.ts';
import { makeActivity } from '../../testing/activity-maker.ts';
import { asReceived, fullActivities } from '../../testing/full-activities.ts';
import { leafRowsSql, leavesOfRows } from '../../testing/leaf-oracle.ts';
import { removeFolder, temporaryFolder } from '../../testing/test-collector.ts';
import {
  readRows,
  startEmbeddedStore,
  startServerStore,
  startStandInStore,
  TEST_LIMITS,
  type TestStore,
} from '../../testing/test-store.ts';
import { eventStoreContract } from '../event-store-contract.ts';
import { ClickHouseEventStore } from './clickhouse-event-store.ts';
import { connect } from './client.ts';
import { WRITER_ROLE } from './engine/engine-config.ts';
import { EngineProcess } from './engine/engine-process.ts';
import { migrate, readMigrations, statementsOf } from './migrations.ts';
import { ROW_COLUMN_NAMES, ROW_STRUCTURE } from './row-binary.ts';
import { schemaDocument, schemaDocumentPath } from './schema-document.ts';

/** Fields that came with the fifth migration. */
const BEFORE_IDENTITIES = {
  identityTenant: '',
  identityBlueprint: '',
  identityKind: '',
  onBehalfOfId: '',
  onBehalfOfName: '',
  tokenAudience: '',
  tokenScopes: '',
  tokenFingerprint: '',
};
const TOKEN_BEFORE_IDENTITIES = {
  suspicious: false,
  holderSessionId: '',
  holderProcessId: '',
  count: 0,
  kind: '',
  policy: '',
  exeSha256: '',
};

/** Columns that the store fills itself: when a row came, and what is left when its payload was erased. */
const NOT_OF_THE_ACTIVITY = new Set(['received_at', 'payload_digests', 'erasure_seq']);

eventStoreContract('ClickHouse, embedded', () => startEmbeddedStore());
eventStoreContract('ClickHouse, as a server is spoken to', () => startStandInStore());

// A server of its own is there only for who names one (collector/README.md); the way to a server is tested above.
if (process.env['SWORN_TEST_CLICKHOUSE_URL'] !== undefined)
  eventStoreContract('ClickHouse, server', async () => (await startServerStore())!);

describe('embedded engine', () => {
  let running: TestStore;
  before(async () => {
    running = await startEmbeddedStore();
  });
  after(() => running.stop());

  it('has the columns that rows are made for, with their types', async () => {
    const columns = await readRows<{ name: string; type: string; comment: string; default_kind: string }>(
      running.store,
      "SELECT name, type, comment, default_kind FROM system.columns WHERE database = 'sworn' AND table = 'activities'",
    );
    const stored = columns.filter(({ default_kind, name }) => default_kind === '' && !NOT_OF_THE_ACTIVITY.has(name));
    const expected = COLUMNS.map(({ name, type }) => ({ name, type }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    assert.deepEqual(stored.map(({ name, type }) => ({ name, type })).sort(byName), expected.sort(byName));
    for (const { name, comment } of columns) assert.notEqual(comment, '', `${name} says what it is`);
  });

  it('has a documented schema', async () => {
    const current = readFileSync(schemaDocumentPath, 'utf8');
    const made = await schemaDocument((sql) => readRows(running.store, sql));
    assert.equal(
      current,
      made,
      'docs/SCHEMA.md is not current: bin/node collector/store/clickhouse/schema-document.ts',
    );
  });

  it('comes back after it was killed, with all that was acknowledged', async () => {
    const { store, engine } = running;
    const batch = store.newBatch();
    for (let seq = 1; seq <= 100; seq++)
      batch.add('command', asReceived({ ...makeActivity(20), seq }), { agentId: 'k', host: 'h' });
    await store.append([batch]);
    process.kill(engine!.pid!, 'SIGKILL');
    let highest = -1;
    let failures = 0;
    while (highest < 0) {
      try {
        highest = await store.highestSeq('k');
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'store_unavailable');
        failures += 1;
        assert.ok(failures < 200);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    assert.equal(highest, 100);
    assert.ok(failures > 0);
  });

  it('ends a query whose asker has gone, long before its limit', async () => {
    const patient = await startEmbeddedStore({ ...TEST_LIMITS, seconds: 120 });
    const { socketPath, incomingFolder } = patient.engine!;
    const client = connect({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, 1);
    const running = async () => {
      const query = "SELECT count() AS n FROM system.processes WHERE startsWith(query, 'SELECT sum(sipHash64')";
      const [row] = await (await client.query({ query, format: 'JSONEachRow' })).json<{ n: string }>();
      return Number(row?.n);
    };
    const until = async (expected: number) => {
      const deadline = Date.now() + 10_000;
      while ((await running()) !== expected) assert.ok(Date.now() < deadline, `${expected} should be running`);
    };
    const gone = new AbortController();
    const sql = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
    const asked = patient.store.query({ sql, format: 'CSV', signal: gone.signal });
    asked.catch(() => {});
    await until(1);
    gone.abort();
    await assert.rejects(asked);
    await until(0);
    await client.close();
    await patient.stop();
  });

  it('does not begin a query whose asker has gone while it was checked', async () => {
    const gone = new AbortController();
    const sql = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
    const asked = running.store.query({ sql, format: 'CSV', signal: gone.signal });
    gone.abort();
    const startedAt = performance.now();
    await assert.rejects(asked);
    assert.ok(performance.now() - startedAt < TEST_LIMITS.seconds * 1000);
  });

  it('ends in good time while a query runs', async () => {
    const patient = await startEmbeddedStore({ ...TEST_LIMITS, seconds: 120 });
    const asked = patient.store.query({
      sql: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)',
      format: 'CSV',
    });
    asked.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    const startedAt = performance.now();
    await patient.stop();
    assert.ok(performance.now() - startedAt < 5_000);
    await assert.rejects(asked);
  });

  it('can read the statements that a server is sent', async () => {
    const insert = `INSERT INTO sworn.activities (${ROW_COLUMN_NAMES}) SELECT * FROM input('${ROW_STRUCTURE.replaceAll("'", "\\'")}') FORMAT RowBinary`;
    const [row] = await readRows<{ f: string }>(running.store, 'SELECT formatQuerySingleLine({insert:String}) AS f', {
      insert,
    });
    assert.match(row!.f, /FROM input\(/);
    for (const { text } of readMigrations()) {
      for (const sql of statementsOf(text, { kind: 'cluster', cluster: 'production' })) {
        await assert.doesNotReject(
          readRows(running.store, 'SELECT formatQuerySingleLine({sql:String})', { sql }),
          sql.slice(0, 80),
        );
      }
    }
  });

  it('keeps rows of the tables before findings and before what tokens say of identities, and their leaves', async (t) => {
    const dataFolder = temporaryFolder();
    const engine = new EngineProcess({ dataFolder, memoryBytesMax: 2 ** 31, log: createLog('silent') });
    await engine.start();
    // Also after a failure: an engine that runs on keeps this process from ending.
    t.after(async () => {
      await engine.stop();
      removeFolder(dataFolder);
    });
    const { socketPath, incomingFolder } = engine;
    const address = { engine: { socketPath, incomingFolder, role: WRITER_ROLE } };
    const client = connect(address, 1);
    const command = async (query: string) => void (await client.command({ query }));
    const rows = async <T>(query: string) => (await client.query({ query, format: 'JSONEachRow' })).json<T>();
    await migrate({ command, rows }, { kind: 'single' }, readMigrations().slice(0, 3));
    const sender = { agentId: 'old', host: 'h' };
    const old = fullActivities()
      .slice(0, 8)
      .map((one) => {
        const text = {
          request: Buffer.from('a'),
          response: Buffer.from('b'),
          requestSha256: null,
          responseSha256: null,
        };
        const { command: detail, token } = one;
        return asReceived({
          ...one,
          ...BEFORE_IDENTITIES,
          salt: null,
          leaf: null,
          ...(detail != null && { command: { ...detail, ...text } }),
          ...(token != null && { token: { ...token, ...TOKEN_BEFORE_IDENTITIES } }),
        });
      });
    for (const activity of old) {
      const row = activityJson(kindOf(activity)!, activity, sender, { payloads: true });
      await command(`INSERT INTO sworn.activities FORMAT JSONEachRow ${JSON.stringify(row)}`);
    }
    const store = new ClickHouseEventStore({
      ...{ writer: address, reader: address, topology: { kind: 'single' }, collectorId: 'c', limits: TEST_LIMITS },
    });
    await store.open();
    const batch = store.newBatch();
    for (const activity of fullActivities().slice(8)) batch.add(kindOf(activity)!, activity, sender);
    await store.append([batch]);
    const stored = await readRows<{ finding_kind: string }>(store, leafRowsSql(), { agent: 'old' });
    const expected = [...old, ...fullActivities().slice(8)].map((one) => leafOf(one, 'old', 'h').toString('hex'));
    assert.deepEqual(leavesOfRows(stored), expected);
    assert.deepEqual(
      stored.map(({ finding_kind }) => finding_kind),
      [...Array(8).fill(''), 'tls_unreadable', '', ''],
    );
    await store.close();
    await client.close();
  });

  it('waits for an engine that still holds the data', async () => {
    const folder = temporaryFolder();
    const settings = { dataFolder: folder, memoryBytesMax: 2 ** 31, log: createLog('silent') };
    const first = new EngineProcess(settings);
    await first.start();
    const second = new EngineProcess(settings);
    const starting = second.start();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await first.stop();
    await starting;
    await second.stop();
    removeFolder(folder);
  });
});
