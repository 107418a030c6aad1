// SPDX-License-Identifier: Apache-2.0

/** What real clients and servers said to each other, each capture in every way that bytes can be cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDetect } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { totalBytes } from '../testing/script.ts';
import { postgres } from './postgres.ts';
import {
  allUnderstood,
  bytesAddUp,
  captured,
  captureNames,
  check,
  linesOf,
  requestText,
  responseText,
} from './testing/captures.ts';

for (const name of captureNames()) {
  test(`${name} is understood to the last byte, however it is cut`, () => {
    const run = check(captured(name));
    allUnderstood(run);
    assert.ok(run.exchanges.length > 0);
    assert.equal(checkDetect(postgres, captured(name)), 'yes');
  });
}

test('psql: each statement is one exchange with its outcome, its rows and what it touched', () => {
  const run = check(captured('psql-statements'));
  assert.deepEqual(linesOf(run), [
    'CREATE TABLE ok | create table items(id int primary key, name text, price numeric(8,2));',
    `INSERT ok 3 | insert into items values (1, 'it''s', 1.50), (2, null, 20), (3, 'snow ☃ "q" \\ tab\t', null);`,
    'SELECT ok 3 | select * from items order by id;',
    'SELECT ok 3 | select from items;',
    'SELECT ok 0 | select 1 where false;',
    'UPDATE ok 2 | update items set price = price + 1 where id < 3;',
    'DELETE ok 1 | delete from items where id = 2;',
    'EMPTY ok | /* nothing */ ;',
    "DO ok | do $$ begin raise notice 'careful: %', 42; raise warning 'hm'; end $$;",
    'SELECT error 42703 | select no_such_column from items;',
    "INSERT error 23505 | insert into items values (1, 'twice', 0);",
    'BEGIN ok | begin;',
    'SAVEPOINT ok | savepoint a;',
    'SELECT error 22012 | select 1/0;',
    'ROLLBACK TO ok | rollback to a;',
    'COMMIT ok | commit;',
    "SET ok | set application_name = 'renamed';",
    "SET ok | set timezone = 'Europe/Berlin';",
    'DECLARE ok | declare c cursor with hold for select id from items order by id;',
    'FETCH ok 1 | fetch 1 from c;',
    'FETCH ok 1 | fetch all from c;',
    'EXPLAIN ok | explain (costs off) select 1;',
    'TRUNCATE ok | truncate items;',
    'DROP TABLE ok | drop table items;',
  ]);
  const rows = run.exchanges.find((one) => one.statement.startsWith('select * from items'));
  assert.equal(
    responseText(rows),
    '["id","name","price"]\n["1","it\'s","1.50"]\n["2",null,"20.00"]\n["3","snow ☃ \\"q\\" \\\\ tab\\t",null]\n',
  );
  const withoutColumns = run.exchanges.find((one) => one.statement === 'select from items;');
  assert.equal(responseText(withoutColumns), '[]\n[]\n[]\n[]\n');
  const failed = run.exchanges.find((one) => one.errorCode === '23505');
  assert.equal(failed?.attributes['constraint'], 'items_pkey');
  assert.equal(failed?.attributes['detail'], 'Key (id)=(1) already exists.');
  const block = run.exchanges.find((one) => one.operation === 'DO');
  assert.equal(block?.attributes['notices'], '["NOTICE: careful: 42","WARNING: hm"]');
  const renamed = run.exchanges.filter((one) => one.attributes['application_name'] === 'renamed');
  assert.ok(
    renamed.some((one) => one.operation === 'TRUNCATE'),
    'the new application_name is shown from then on',
  );
});

test('several statements in one Query are one exchange each, with its share of the bytes', () => {
  const run = check(captured('psql-many-in-one'));
  assert.deepEqual(linesOf(run), [
    'CREATE TABLE ok | create temp table m(i int)',
    'INSERT ok 2 | insert into m values (1),(2)',
    "SELECT ok 2 | select i, ';' as semi from m",
    'DROP TABLE ok | drop table m',
  ]);
  const [first, , , last] = run.exchanges.slice(1);
  assert.equal(first?.attributes['statement_count'], '4');
  assert.equal(last?.attributes['statement_index'], '4');
  assert.equal(last?.requestBytes, 'drop table m'.length);
});

test('what stands behind an error in a Query was sent and not run, and what stands before it was undone', () => {
  const run = check(captured('psql-many-in-one-error'));
  assert.deepEqual(linesOf(run), [
    'CREATE TABLE ok | create temp table m(i int)',
    'INSERT ok 1 | insert into m values (1)',
    'SELECT error 22012 | select 1/0',
    'DELETE error | delete from m',
    'SELECT error | select 2',
  ]);
  const [, , , failed, skipped] = run.exchanges;
  assert.equal(failed?.attributes['undone_statements'], '2');
  assert.equal(skipped?.attributes['skipped'], 'true');
  assert.match(skipped?.errorMessage ?? '', /not run/);
});

test('COPY: what the client sent is the request, what it got the response, failures included', () => {
  const run = check(captured('psql-copy'));
  const copies = run.exchanges.filter((one) => one.operation === 'COPY');
  assert.deepEqual(
    copies.map((one) => [
      one.status,
      one.errorCode,
      one.rows,
      one.attributes['copy'],
      requestText(one),
      responseText(one),
    ]),
    [
      ['ok', '', 2, 'in', '1\tone\n2\t\\N\n\\.\n', ''],
      ['ok', '', 2, 'out', '', '1\tone\n2\t\\N\n'],
      ['ok', '', 2, 'out', '', 'b,a\none,1\n,2\n'],
      ['error', '22P02', undefined, 'in', 'not a number\n\\.\n', ''],
      ['error', '42P01', undefined, undefined, '', ''],
      ['error', '42P01', undefined, undefined, '', ''],
    ],
  );
});

test('COPY by the extended protocol: the Sync that was sent too early belongs to it, a failing client too', () => {
  const run = check(captured('libpq-copy-extended'));
  assert.deepEqual(linesOf(run), [
    'CREATE TABLE ok | create temp table ct(a int, b text)',
    'COPY ok 3 | copy ct from stdin',
    'COPY error 22P02 | copy ct from stdin',
    'COPY error 57014 | copy ct from stdin',
    'COPY ok 3 | copy ct to stdout',
    'COPY ok 3 | copy (select * from ct) to stdout (format binary)',
  ]);
  assert.equal(run.exchanges[2]?.attributes['transaction_state'], 'idle');
  assert.equal(run.exchanges[4]?.attributes['copy_failed_by_client'], 'the client gave up');
});

test('pgbench: simple, extended and prepared statements have the same shape', () => {
  const shapes = ['simple', 'extended', 'prepared'].map((mode) => {
    const selects = check(captured(`pgbench-${mode}.2`)).exchanges.filter((one) => one.operation === 'SELECT');
    assert.equal(selects.length, 3);
    return selects.map((one) => `${one.statementShape} ${one.resource}`);
  });
  assert.deepEqual(
    new Set(shapes.flat()),
    new Set(['select abalance from pgbench_accounts where aid = ? pgbench_accounts']),
  );
});

test('a pipeline with an error in the middle: before it run, behind it skipped up to the Sync', () => {
  const run = check(captured('libpq-pipeline-error'));
  assert.deepEqual(linesOf(run), [
    'CREATE TABLE ok | create temp table pipe(id int primary key)',
    'INSERT ok 1 | insert into pipe values ($1) | ["1"]',
    'SELECT error 22012 | select 1/$1::int | ["0"]',
    'DELETE error | delete from pipe',
    'PREPARE error | select 1',
    'SELECT ok 1 | select count(*) from pipe',
    'SELECT error 26000 | select 1',
    'SELECT error 42703 | select syntax error',
    'SELECT error | select 2',
  ]);
  const [, , , division, skipped] = run.exchanges;
  assert.equal(division?.attributes['undone_statements'], '1');
  assert.equal(skipped?.attributes['skipped'], 'true');
  assert.equal(skipped?.attributes['unbounded'], 'true');
});

test('a transaction that fails when it is committed fails the statement that was answered with success', () => {
  const run = check(captured('libpq-deferred-constraint'));
  assert.deepEqual(linesOf(run).slice(1), [
    'INSERT error 23505 2 | insert into d values ($1), ($1) | ["1"]',
    'INSERT ok 1 | insert into d values (7)',
    'INSERT error 23505 1 | insert into d values (7)',
  ]);
  assert.equal(run.exchanges[2]?.attributes['failed_at'], 'sync');
  assert.equal(run.exchanges[4]?.attributes['undone_statements'], '2');
});

test('prepared statements: by Parse and by SQL, failing, unknown, closed', () => {
  const run = check(captured('libpq-prepared-statements'));
  assert.deepEqual(linesOf(run), [
    'CREATE TABLE ok | create table if not exists prepared_items(id int primary key, name text, price numeric)',
    'PREPARE ok | insert into prepared_items values ($1, $2, $3)',
    'DESCRIBE ok | insert into prepared_items values ($1, $2, $3)',
    'INSERT ok 1 | insert into prepared_items values ($1, $2, $3) | ["1","one","1.10"]',
    'INSERT ok 1 | insert into prepared_items values ($1, $2, $3) | ["2","two",null]',
    'INSERT error 23505 | insert into prepared_items values ($1, $2, $3) | ["1","again","2"]',
    'PREPARE error 42P05 | select 1',
    'PREPARE error 42P01 | select * from does_not_exist where id = $1',
    'EXECUTE error 26000 | ',
    'PREPARE ok | select name from prepared_items where id = $1',
    'SELECT ok 1 | select name from prepared_items where id = $1 | ["2"]',
    'SELECT ok 1 | select name from prepared_items where id = $1 | ["2"]',
    'PREPARE ok | prepare by_sql(int) as delete from prepared_items where id = $1',
    'DELETE ok 1 | delete from prepared_items where id = $1 | ["2"]',
    'DELETE ok 1 | execute by_sql(1)',
    'DEALLOCATE ok | deallocate by_sql',
    'EXECUTE error 26000 |  | ["1"]',
    'BEGIN ok | begin',
    "DECLARE ok | declare cur binary cursor for select 1 as a, 'x'::text as b",
    'DESCRIBE ok | ',
    'FETCH ok 1 | fetch all from cur',
    'COMMIT ok | commit',
    'CLOSE ok | insert into prepared_items values ($1, $2, $3)',
    'DROP TABLE ok | drop table prepared_items',
  ]);
  const bySql = run.exchanges.find((one) => one.statement === 'execute by_sql(1)');
  assert.equal(bySql?.attributes['executes'], 'delete from prepared_items where id = $1');
  assert.equal(bySql?.resource, 'prepared_items');
});

test('a portal that is read in pages gives one exchange for each Execute', () => {
  const run = check(captured('node-postgres-portal'));
  const pages = run.exchanges.filter((one) => one.operation === 'SELECT' && one.parameters !== '');
  assert.deepEqual(
    pages.map((one) => [one.rows, one.attributes['suspended'], responseText(one)]),
    [
      [3, 'true', '["g"]\n["1"]\n["2"]\n["3"]\n'],
      [3, 'true', '["g"]\n["4"]\n["5"]\n["6"]\n'],
      [1, undefined, '["g"]\n["7"]\n'],
    ],
  );
});

test('notifications come with a reply or on their own, the end of a session by the server too', () => {
  const [, , notify, own] = check(captured('node-postgres-notifications.1')).exchanges;
  assert.match(notify?.attributes['notifications'] ?? '', /to myself/);
  assert.equal(own?.operation, 'NOTIFICATION');
  assert.match(own?.attributes['notifications'] ?? '', /from another/);
  const ended = check(captured('node-postgres-terminated.1')).exchanges.find((one) => one.operation === 'DISCONNECT');
  assert.deepEqual([ended?.status, ended?.errorCode], ['error', '57P01']);
});

test('logins: how the client proved itself, who it is, what it asked for; failures with their code', () => {
  const login = (name: string) => check(captured(name)).exchanges[0];
  const methods = ['psql-login-cleartext', 'psql-login-md5', 'psql-login-scram', 'psql-login-options'].map(login);
  assert.deepEqual(
    methods.map((one) => [one?.operation, one?.status, one?.attributes['user'], one?.attributes['auth_method']]),
    [
      ['LOGIN', 'ok', 'clear', 'password'],
      ['LOGIN', 'ok', 'digest', 'md5'],
      ['LOGIN', 'ok', 'scram', 'scram-sha-256'],
      ['LOGIN', 'ok', 'postgres', 'none'],
    ],
  );
  assert.equal(methods[3]?.attributes['options'], '-c work_mem=8MB -c statement_timeout=9s');
  assert.equal(methods[3]?.attributes['application_name'], 'an agent');
  assert.deepEqual(
    ['wrong-password', 'wrong-cleartext', 'no-database', 'rejected'].map(
      (name) => login(`psql-login-${name}`)?.errorCode,
    ),
    ['28P01', '28P01', '3D000', '28000'],
  );
});

test('a password in clear text is handed over as a credential, once, and no password is in any exchange', () => {
  const cleartext = check(captured('psql-login-cleartext'));
  assert.deepEqual(
    cleartext.credentials.map(({ kind, secret }) => [kind, secret]),
    [['postgresql-cleartext-password', 'clear-s3cret']],
  );
  for (const name of captureNames().filter((one) => one.includes('login'))) {
    const run = check(captured(name));
    assert.doesNotMatch(JSON.stringify(run.exchanges), /s3cret|md5[0-9a-f]{32}|SCRAM-SHA-256\$|,p=|,r=/, name);
  }
});

test('encryption: refused it is a remark on the login, granted the rest is TLS', () => {
  assert.equal(check(captured('psql-ssl-refused')).exchanges[0]?.attributes['ssl'], 'refused');
  const granted = check(captured('psql-ssl-granted'));
  assert.deepEqual(granted.handover, { protocol: 'tls', from: 'server', atByte: 1 });
  assert.deepEqual(
    granted.exchanges.map((one) => one.operation),
    ['SSL REQUEST'],
  );
});

test('cancelling: the request on its own connection, the failure on the other; protocol 3.2 has longer keys', () => {
  for (const name of ['libpq-cancel', 'libpq-protocol-3-2']) {
    const [cancel] = check(captured(`${name}.2`)).exchanges;
    const session = check(captured(`${name}.1`)).exchanges;
    assert.deepEqual([cancel?.operation, cancel?.status], ['CANCEL', 'unknown']);
    assert.equal(cancel?.attributes['backend_pid'], session[0]?.attributes['backend_pid']);
    assert.ok(session.some((one) => one.errorCode === '57014'));
  }
  const [login] = check(captured('libpq-protocol-negotiated')).exchanges;
  assert.deepEqual([login?.attributes['protocol_version'], login?.attributes['protocol_negotiated']], ['3.2', '3.0']);
});

test('replication: commands as they are, the stream as one exchange behind the command that began it', () => {
  const run = check(captured('pg-recvlogical'));
  const [begun, stream] = ['START_REPLICATION', 'COPY BOTH'].map((operation) =>
    run.exchanges.find((one) => one.operation === operation),
  );
  assert.deepEqual([begun?.operation, begun?.status, begun?.attributes['copy']], ['START_REPLICATION', 'ok', 'both']);
  assert.match(responseText(stream), /table public\.logged: INSERT: i\[integer\]:1/);
  assert.equal(run.exchanges[0]?.attributes['replication'], 'database');
});

test('rows, parameters and COPY data above a bound are cut, counted and hashed', () => {
  const run = check(captured('libpq-large-rows'));
  const [large, hex, parameter, many] = run.exchanges.filter((one) => one.operation === 'SELECT');
  const { bytes, totalBytes: all, sha256 } = large?.response ?? { bytes: [], totalBytes: 0 };
  assert.deepEqual([bytes.length, all, sha256?.length, large?.truncated], [1_048_576, 3_000_023, 32, true]);
  assert.equal(hex?.response.totalBytes, '["by","small"]\n["\\\\x'.length + 3_000_000 + '","yyyyyyyyyy"]\n'.length);
  assert.equal(parameter?.parameters.length, 2_000_004);
  assert.equal(many?.rows, 8);
  assert.equal(run.counts.server.cut > 3_000_000, true);
});

const SMALL = { requestBytesMax: 200, responseBytesMax: 300, pendingBytesMax: 100, pipelineMax: 3 };
const captures = captureNames()
  .map(captured)
  .filter((script) => totalBytes(script) < 20_000);

test('damaged captures: no throw, bounded memory, every byte accounted for, the same however cut', () => {
  mutated(postgres, captures, { runs: 3000, holds: bytesAddUp });
});

test('the same with bounds so small that everything is cut', () => {
  mutated(postgres, captures, { runs: 3000, bounds: SMALL, holds: bytesAddUp });
});
