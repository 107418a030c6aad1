// SPDX-License-Identifier: Apache-2.0

/** The column `effect`, and the page that asks for it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { readStatements } from '../agent/protocol/sql/statement-reader.ts';
import { asReceived } from '../collector/testing/full-activities.ts';
import { readRows, startEmbeddedStore, type TestStore } from '../collector/testing/test-store.ts';
import { analystPagePath, answered } from './testing/analyst-page.ts';
import { storeExampleWeek } from './testing/example-week.ts';

describe('questions across protocols', () => {
  let running: TestStore;
  before(async () => {
    running = await startEmbeddedStore();
  });
  after(() => running.stop());

  test('docs/ANALYST.md shows what the questions of the page answer', async () => {
    await storeExampleWeek(running);
    const page = readFileSync(analystPagePath, 'utf8');
    const now = await answered(page, running);
    assert.equal(now.asked, 10);
    assert.equal(page, now.page, 'docs/ANALYST.md is not current: bin/node cli/testing/analyst-page.ts');
  });

  test('a command has its effect, whatever the protocol', async () => {
    const sql = (text: string, effect: string) => {
      const [{ operation = '', resource = '', verbs = '', shape = '' } = {}] = readStatements(text);
      const attributes: Record<string, string> = verbs === '' ? {} : { verbs };
      return {
        effect,
        protocol: 'postgresql',
        operation,
        resource,
        statement: text,
        statementShape: shape,
        attributes,
      };
    };
    const other = (protocol: string, operation: string, effect: string, attributes: Record<string, string> = {}) => ({
      ...{ effect, protocol, operation, resource: '', statement: operation, statementShape: '', attributes },
    });
    const cases = [
      sql('delete from t', 'delete'),
      sql('with d as (delete from t returning *) select * from d', 'delete'),
      sql('merge into t using u on true when matched then delete', 'delete'),
      sql('merge into t using u on true when not matched then insert default values', 'write'),
      sql('explain analyze delete from t', 'delete'),
      sql('explain delete from t', 'read'),
      sql('do $$ begin delete from t; end $$', 'delete'),
      sql('prepare p as delete from t', 'control'),
      sql('truncate t', 'delete'),
      sql('drop table t', 'delete'),
      sql('drop role r', 'delete'),
      sql('create role r', 'grant'),
      sql('grant select on t to r', 'grant'),
      sql('copy t (a, b) from stdin', 'write'),
      sql('copy t to stdout', 'read'),
      sql('copy (select a from t) to stdout', 'read'),
      sql('alter table t drop column a', 'write'),
      sql('select 1', 'read'),
      sql('select a into b from c', 'write'),
      sql('call p()', 'execute'),
      sql('begin', 'control'),
      other('mysql', 'REPLACE', 'write'),
      other('mysql', 'LOGIN', 'login'),
      other('kubernetes', 'delete', 'delete'),
      other('kubernetes', 'deletecollection', 'delete'),
      other('kubernetes', 'deletecollection', 'read', { k8s_dry_run: 'All' }),
      other('kubernetes', 'connect', 'execute'),
      other('http', 'DELETE', 'delete'),
      other('http', 'HEAD', 'read'),
      other('http', 'BREW', ''),
      other('redis', 'FLUSHALL', 'delete'),
      other('redis', 'HGET', 'read'),
      other('redis', 'CONFIG SET', 'write'),
      other('redis', 'CLIENT SETNAME', 'control'),
      other('ssh', 'sftp remove', 'delete'),
      other('ssh', 'shell', 'execute'),
      other('mcp', 'tools/call', 'execute'),
      other('mcp', 'tools/list', 'read'),
      other('grpc', 'Publish', 'execute'),
      other('ssh', 'tcpip-forward', 'control'),
      other('mcp', 'response', ''),
      other('dns', 'A', 'read'),
      other('dns', 'UPDATE', 'write'),
      other('websocket', 'SEND', ''),
    ];
    const batch = running.store.newBatch();
    for (const [at, { effect: _, ...command }] of cases.entries()) {
      batch.add('command', asReceived({ seq: at + 1, command }), { agentId: 'effects', host: 'h' });
    }
    await running.store.append([batch]);
    const rows = await readRows<{ statement: string; protocol: string; effect: string }>(
      running.store,
      "SELECT protocol, statement, effect FROM sworn.commands WHERE agent_id = 'effects' ORDER BY seq",
    );
    assert.deepEqual(
      rows.map((row) => `${row.protocol} ${row.statement}: ${row.effect}`),
      cases.map((one) => `${one.protocol} ${one.statement}: ${one.effect}`),
    );
  });
});
