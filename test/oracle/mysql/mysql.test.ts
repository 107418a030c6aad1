// SPDX-License-Identifier: Apache-2.0

/**
 * mariadb, PyMySQL and mysql2 against the server's general log: every statement once, in order, unaltered, with the values that it
 * was executed with; also compressed and in TLS.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromDebian } from '../../runtimes/toolbox.ts';
import { fromNpm, pythonWith } from '../../runtimes/tools.ts';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type LoggedCommand, type MariadbServer, startMariadb } from './mariadb-server.ts';

const PASSWORD = 'ann-Passwort-77';
const CLI_STATEMENTS = `create table cli_items (id int primary key, name varchar(40));
insert into cli_items values (1, 'it''s'), (2, "zwei
Zeilen");
select * from \`cli_items\`;
replace into cli_items values (1, 'other');
delete from cli_items;
select no_such_column from cli_items;
use other;
`;
const skip = whyNoRecording();

describe('clients of MySQL against the general log', { skip }, () => {
  let server: MariadbServer;
  let recording: Recording;
  let record: RunRecord;
  let commands: RecordedCommand[];
  let logged: LoggedCommand[];
  /** Commands by the server's number of their connection. */
  const byConnection = new Map<number, RecordedCommand[]>();

  before(async () => {
    server = await startMariadb();
    server.ask(
      `create database shop; create database other; create user ann identified by '${PASSWORD}'; grant all on *.* to ann`,
    );
    recording = await startRecording({ identities: ['mysql-agent'] });
    const port = String(server.port);
    const cli = fromDebian('mariadb', 'mariadb-client-core');
    const cliArgs = [
      '-h127.0.0.1',
      `-P${port}`,
      '-uann',
      `-p${PASSWORD}`,
      '--force',
      '--default-character-set=utf8mb4',
      'shop',
    ];
    await recording.run('mysql-agent', [cli, ...cliArgs], { input: CLI_STATEMENTS });
    const python = pythonWith('databases', ['PyMySQL==1.1.1', 'redis==5.2.1']);
    await recording.run('mysql-agent', [python, join(import.meta.dirname, 'drivers/pymysql_driver.py'), port]);
    const driver = join(import.meta.dirname, 'drivers/mysql2.ts');
    await recording.run('mysql-agent', [node, driver, fromNpm('mysql2', '3.11.5'), port]);
    record = await recording.finish();
    logged = server.log();
    commands = record.commands.filter(({ protocol }) => protocol === 'mysql');
    const numberOf = new Map<string, number>();
    for (const { connectionId, attributes } of commands) {
      const number = attributes['connection_id'];
      if (number !== undefined) numberOf.set(connectionId, Number(number));
    }
    for (const command of commands) {
      const number = numberOf.get(command.connectionId) ?? 0;
      byConnection.set(number, [...(byConnection.get(number) ?? []), command]);
    }
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every statement is recorded once, unaltered, in order', (t) => {
    let compared = 0;
    for (const [number, seen] of byConnection) {
      const queries = logged.filter(({ connection, command }) => connection === number && command === 'Query');
      const statements = seen.filter(
        ({ operation, statement, attributes }) =>
          statement !== '' &&
          attributes['statement_id'] === undefined &&
          operation !== 'CLOSE' &&
          !isExecution(seen, statement),
      );
      const texts = textsOf(statements);
      assert.deepEqual(
        texts,
        queries.map(({ text }) => text.trim().replace(/;$/, '')),
        `connection ${number}`,
      );
      compared += texts.length;
    }
    assert.ok(compared > 120, `${compared} statements`);
    t.diagnostic(`${compared} statements on ${byConnection.size} connections, MariaDB ${server.version}`);
  });

  test('prepared statements are recorded as often as they were executed, with the values', (t) => {
    let compared = 0;
    for (const [number, seen] of byConnection) {
      const executed = logged.filter(({ connection, command }) => connection === number && command === 'Execute');
      const executions = seen.filter(
        ({ statement, attributes }) =>
          attributes['statement_id'] === undefined &&
          isExecution(seen, statement) &&
          attributes['user'] !== undefined &&
          statement !== '',
      );
      const runs = executions.filter(({ operation }) => operation !== 'CLOSE' && operation !== 'PREPARE');
      assert.deepEqual(
        runs.map(withValues).map(plainNumbers),
        executed.map(({ text }) => plainNumbers(text)),
        `connection ${number}`,
      );
      compared += runs.length;
    }
    assert.equal(compared, 3 * 51);
    t.diagnostic(`${compared} executions`);
  });

  test('nothing is lost, every byte is accounted for and understood, also compressed and in TLS', () => {
    assertWhole(record);
    assertUnderstood(record, 'mysql');
    const rows = commands.filter(({ statement }) => statement === "select repeat('x', 100000) as x");
    assert.deepEqual(
      rows.map(({ response }) => response.toString()),
      Array(3).fill(`["x"]\n["${'x'.repeat(100_000)}"]\n`),
    );
  });

  test('rows in binary are the text of their values', () => {
    const selected = commands.filter(
      ({ statement, operation }) => operation === 'SELECT' && statement.includes('where id >= ?'),
    );
    assert.equal(selected.length, 3);
    for (const { response, rows } of selected) {
      const [names, first] = response.toString().split('\n');
      assert.deepEqual([rows, names], [40, '["id","name","at","n"]']);
      assert.equal(first, `["10","Größe 10 ☃ '\\"\\\\","2024-02-03 04:05:06.120000","${2 ** 40 + 10}"]`);
    }
  });

  test('outcomes, logins and databases', () => {
    const codes = commands.filter(({ errorCode }) => errorCode !== '').map(({ errorCode }) => errorCode);
    assert.deepEqual(codes.sort(), ['23000', '28000', '42S02', '42S02', '42S02', '42S02', '42S22']);
    const logins = commands.filter(({ operation }) => operation === 'LOGIN');
    const accepted = logged.filter(
      ({ command, text }) => command === 'Connect' && text.startsWith('ann@') && !text.includes('denied'),
    );
    assert.ok(logins.length >= 5 && accepted.length >= 5);
    assert.ok(commands.some(({ operation }) => operation === 'SSL REQUEST'));
    for (const { attributes } of logins) assert.equal(attributes['user'], 'ann');
    assert.ok(commands.some(({ operation, resource }) => operation === 'USE' && resource === 'other'));
  });

  test('the passwords are in no line', () => {
    const text = JSON.stringify(commands, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    assert.doesNotMatch(text, /Passwort-7/);
  });
});

/** Statements that were sent in one text are one line of the log: they are put together again. */
function textsOf(statements: readonly RecordedCommand[]): string[] {
  const texts: string[] = [];
  for (const { statement, attributes } of statements) {
    const text = statement.trim();
    if (Number(attributes['statement_index'] ?? 1) > 1) texts.push(`${texts.pop()}; ${text}`);
    else texts.push(text);
  }
  return texts;
}

/** Was the statement prepared on this connection? Then what carries its text is no query. */
function isExecution(seen: readonly RecordedCommand[], statement: string): boolean {
  return seen.some(({ operation, statement: prepared }) => operation === 'PREPARE' && prepared === statement);
}

/** The log has numbers in quotes or without, as the client typed them, and says of times that they are such. */
function plainNumbers(text: string): string {
  return text.replaceAll(/'(-?\d+)'/g, '$1').replaceAll("TIMESTAMP'", "'");
}

/** As the log has it: the values in the places of the question marks. */
function withValues({ statement, parameters }: RecordedCommand): string {
  const values = parameters === '' ? [] : (JSON.parse(parameters) as (string | null)[]);
  return statement.replaceAll('?', () => {
    const value = values.shift();
    if (value === null || value === undefined) return 'NULL';
    return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('"', '\\"')}'`;
  });
}
