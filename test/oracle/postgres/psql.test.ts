// SPDX-License-Identifier: Apache-2.0

/**
 * psql, all that people do with it, against the server's log and against what psql says that it was told: SQLSTATE, row
 * counts and rows of every statement.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { type PsqlAnswer, type PsqlStep, psqlAnswers, psqlScript } from './psql-script.ts';
import { responseOf, sha256, tableOf } from './response-rows.ts';
import {
  assertProved,
  judgeByServer,
  type SeenStatement,
  type ServerVerdict,
  unloggedCounts,
} from './server-verdict.ts';
import { askServer } from './statement-statistics.ts';

const IDENTITY_OF_ROLE = { reader_role: 'reader-agent', writer_role: 'writer-agent', batch_role: 'batch-agent' };
const RESPONSE_BYTES_MAX = 1024 * 1024;
const BIG_TEXT = 'sworn '.repeat(900_000);

/** One session; each step makes one command unless it says otherwise. */
const STEPS: readonly PsqlStep[] = [
  `CREATE TABLE items (id int PRIMARY KEY, name text, note text, price numeric(10,2), made timestamptz, data bytea);`,
  `INSERT INTO items VALUES (1, 'Größe „M“ 東京 🎉', NULL, 12.50, '2024-02-29 12:00:00+00', '\\x00ff10'),
     (2, E'it''s\\n"two" lines,\\t\\\\', '', -0.01, NULL, NULL) RETURNING id, name;`,
  `INSERT INTO items (id, name) SELECT g, 'row ' || g FROM generate_series(10, 509) g;`,
  `SELECT * FROM items WHERE id < 10 ORDER BY id;`,
  `SELECT id AS "a ""quoted"" name", note, price, data, made FROM items ORDER BY id LIMIT 3;`,
  `SELECT id FROM items WHERE false;`,
  `SELECT;`,
  `UPDATE items SET price = id WHERE id BETWEEN 10 AND 19;`,
  `DELETE FROM items WHERE id > 500 RETURNING id;`,
  `SELECT -- a comment to the end; of the line
     /* and; one 'within' /* another */ */ count(*) FROM items -- the end
     ;`,
  `;`,
  `/* only a comment */;`,
  `SELECT $$dollar; 'quoted'$$ AS a, $tag$ $$ $tag$ AS b, U&'d\\0061t\\+000061' AS c, 'x' 'y'
     ;`.replace(` 'x' 'y'`, ` 'x'\n 'y' AS d`),
  `BEGIN;`,
  `SAVEPOINT before_it;`,
  `INSERT INTO items (id) VALUES (1);`,
  `SELECT 'not looked at';`,
  `ROLLBACK TO SAVEPOINT before_it;`,
  `RELEASE SAVEPOINT before_it;`,
  `COMMIT;`,
  `BEGIN ISOLATION LEVEL SERIALIZABLE;`,
  `SELECT 1 / 0;`,
  `ROLLBACK;`,
  `COMMIT;`,
  `SELEC 1;`,
  `SELECT * FROM no_such_table;`,
  `SELECT no_such_column FROM items;`,
  `SELECT 'x'::int;`,
  `DO $$ BEGIN RAISE NOTICE 'first %', 1; RAISE WARNING 'second: "%"', E'a\\nb'; RAISE INFO 'third'; END $$;`,
  `DO $$ BEGIN RAISE EXCEPTION 'refused by %', 'us' USING ERRCODE = 'P7777', HINT = 'a hint'; END $$;`,
  `CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';`,
  `SELECT twice(21), generate_series(1, 3);`,
  `CREATE PROCEDURE note(text) LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'noted %', $1; END $$;`,
  `CALL note('this');`,
  `PREPARE by_id (int) AS SELECT name FROM items WHERE id = $1;`,
  `EXECUTE by_id(11);`,
  `DEALLOCATE by_id;`,
  `EXECUTE by_id(11);`,
  `BEGIN;`,
  `DECLARE pages SCROLL CURSOR FOR SELECT id FROM items ORDER BY id;`,
  `FETCH 3 FROM pages;`,
  `MOVE 5 IN pages;`,
  `FETCH BACKWARD 2 FROM pages;`,
  `CLOSE pages;`,
  `END;`,
  `COPY items (id, name) FROM STDIN;\n1001\tfrom the script\n1002\t\\N\n\\.`,
  `COPY items (id) FROM STDIN;\n1003\nnot a number\n\\.`,
  `COPY (SELECT id, name FROM items WHERE id < 12 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER);`,
  `WITH gone AS (DELETE FROM items WHERE id > 1000 RETURNING *) SELECT count(*) FROM gone;`,
  `MERGE INTO items USING (VALUES (1, 'merged'), (2000, 'new')) AS v (id, name) ON items.id = v.id
     WHEN MATCHED THEN UPDATE SET name = v.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, v.name);`,
  `VALUES (1, 'a'), (2, NULL);`,
  `TABLE items LIMIT 2;`,
  `EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 1;`,
  `CREATE TABLE copied AS SELECT id, name FROM items;`,
  `SELECT id INTO copied_again FROM items;`,
  `CREATE INDEX ON copied (id);`,
  `ALTER TABLE copied ADD COLUMN more int DEFAULT 7;`,
  `ANALYZE copied;`,
  `TRUNCATE copied;`,
  `GRANT SELECT ON items TO PUBLIC;`,
  `SHOW server_encoding;`,
  `SET statement_timeout = '50ms';`,
  `SELECT pg_sleep(60);`,
  `RESET statement_timeout;`,
  `SET LOCAL work_mem = '1MB';`,
  `LISTEN jobs;`,
  `NOTIFY jobs, 'to myself';`,
  `SELECT 'Größe' AS größe, chr(8364) AS euro;`,
  `SELECT g, repeat(md5(g::text), 4) AS padding FROM generate_series(1, 12000) g;`,
  `INSERT INTO items (id, note) VALUES (3000, '${BIG_TEXT}');`,
  `SELECT length(note), note FROM items WHERE id = 3000;`,
  `DROP TABLE copied, copied_again;`,
].map((text) => ({ text, ...(/not a number\n|TO STDOUT/.test(text) && { untold: true as const }) }));

/** Several statements in one query; commands that send more than what they are given; other ways to send. */
const UNUSUAL: readonly PsqlStep[] = [
  {
    text: `SELECT 1 \\; SELECT 2 AS two, 'a;b' \\; CREATE TABLE several (n int) \\; INSERT INTO several VALUES (1), (2);`,
    commands: 4,
  },
  { text: `INSERT INTO several VALUES (3) \\; SELECT 1 / 0 \\; SELECT 'never';`, commands: 3 },
  { text: `SELECT 1 \\; SELEC 2;`, commands: 2 },
  { text: `BEGIN \\; INSERT INTO several VALUES (4) \\; COMMIT \\; SELECT count(*) FROM several;`, commands: 4 },
  { text: `SELECT n, n::text AS t FROM several \\gdesc`, commands: 3 },
  { text: `SELECT count(*) AS counted FROM several \\gset` },
  { text: `SELECT :counted AS told;` },
  {
    text: `SELECT format('INSERT INTO several VALUES (%s);', g) FROM generate_series(5, 7) g \\gexec`,
    commands: 4,
    told: 0,
  },
];

const skip = whyNoRecording();

describe('psql against the log of the server and what psql was told', { skip }, () => {
  let server: PostgresServer;
  let recording: Recording;
  let record: RunRecord;
  let verdict: ServerVerdict;
  let answers: PsqlAnswer[];
  let unusual: PsqlAnswer[];
  let objects: string[];

  before(async () => {
    server = await startPostgres();
    for (const role of Object.keys(IDENTITY_OF_ROLE)) {
      askServer(server, `CREATE ROLE ${role} LOGIN; GRANT ALL ON SCHEMA public TO ${role};`);
    }
    recording = await startRecording({ identities: Object.values(IDENTITY_OF_ROLE) });
    const at = (name: string): string => join(recording.folder, name);
    const psql = (role: keyof typeof IDENTITY_OF_ROLE, args: readonly string[], fails = false) => {
      const environment = { ...server.environment, PGUSER: role };
      return recording.run(IDENTITY_OF_ROLE[role], ['/usr/bin/psql', '-X', '-q', ...args], { environment, fails });
    };

    writeFileSync(at('steps.sql'), psqlScript(STEPS));
    answers = psqlAnswers((await psql('writer_role', ['-f', at('steps.sql')])).stdout, STEPS);
    writeFileSync(at('unusual.sql'), psqlScript(UNUSUAL));
    unusual = psqlAnswers((await psql('batch_role', ['-f', at('unusual.sql')])).stdout, UNUSUAL);

    writeFileSync(at('object'), Buffer.alloc(40_000, 'large object '));
    const large = [
      `\\lo_import ${at('object')} 'a comment'`,
      `\\lo_export :LASTOID ${at('exported')}`,
      '\\lo_unlink :LASTOID',
    ];
    writeFileSync(at('large.sql'), large.join('\n'));
    objects = (await psql('reader_role', ['-f', at('large.sql')])).stderr.split('\n');
    await psql('reader_role', [
      '-c',
      'SELECT 1; SELECT 2',
      '-c',
      '',
      '-c',
      'SELECT 3',
      '-c',
      `\\copy (SELECT 4) TO ${at('four')}`,
    ]);
    await psql('reader_role', ['-1', '-c', 'CREATE TEMP TABLE t (n int)', '-c', 'INSERT INTO t VALUES (1)']);
    await psql('reader_role', ['-v', 'FETCH_COUNT=100', '-c', 'SELECT g FROM generate_series(1, 250) g']);
    await psql('reader_role', [
      '-v',
      'ON_ERROR_ROLLBACK=on',
      '-f',
      writeScript(at('rollback.sql'), ['BEGIN;', 'SELECT 1 / 0;', 'SELECT 5;', 'COMMIT;']),
    ]);
    await psql('reader_role', [
      '-f',
      writeScript(at('latin.sql'), [`\\encoding LATIN1`, `SELECT E'\\u00e9t\\u00e9' AS \u00e9t\u00e9;`], 'latin1'),
    ]);
    await psql(
      'reader_role',
      ['-v', 'ON_ERROR_STOP=1', '-f', writeScript(at('stop.sql'), ['SELECT 1 / 0;', `SELECT 'not sent';`])],
      true,
    );
    await interrupted();
    record = await recording.finish();
    verdict = judgeByServer(record, server.logText(), IDENTITY_OF_ROLE);
  });

  /** As a person presses Ctrl-C: psql asks the server to cancel, on a connection of its own. */
  async function interrupted(): Promise<void> {
    const environment = { ...server.environment, PGUSER: 'reader_role' };
    const psql = recording.start('reader-agent', ['/usr/bin/psql', '-X', '-c', 'SELECT pg_sleep(600)'], {
      environment,
    });
    while (!server.logText().includes('pg_sleep(600)')) await sleep(20);
    psql.child.kill('SIGINT');
    assert.match((await psql.finished).stderr, /canceling statement due to user request/);
  }

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every statement is recorded once, unaltered, in order, with its identity', (t) => {
    assertProved(record, verdict, IDENTITY_OF_ROLE);
    t.diagnostic(`${verdict.matches.length} statements matched on ${verdict.logins.length} connections`);
  });

  test('SQLSTATE and row count of every statement are what psql was told', () => {
    const mine = commandsOf('writer_role');
    assert.equal(mine.length, STEPS.length);
    for (const [index, { text, untold }] of STEPS.entries()) {
      const answer = answers[index] as PsqlAnswer;
      if (untold === undefined) assertTold(mine[index] as SeenStatement, answer, text);
    }
  });

  test('queries of several statements give a command for each, and the last is what psql was told', () => {
    const mine = commandsOf('batch_role');
    let at = 0;
    for (const [index, { text, commands = 1, told = -1 }] of UNUSUAL.entries()) {
      const answer = unusual[index] as PsqlAnswer;
      const parts = mine.slice(at, at + commands);
      at += commands;
      assert.equal(parts.length, commands, text);
      const failed = parts.find(({ attributes, status }) => status === 'error' && attributes['skipped'] === undefined);
      assert.equal(failed?.errorCode ?? '00000', answer.sqlstate, text);
      if (failed === undefined) assertTold(parts.at(told) as SeenStatement, answer, text);
    }
    assert.equal(at, mine.length, 'nothing else was sent');
    const undone = mine.find(({ attributes }) => attributes['undone_statements'] !== undefined);
    assert.deepEqual([undone?.statement, undone?.attributes['undone_statements']], ['SELECT 1 / 0', '1']);
  });

  test('rows that were returned are in the response, and the digest of those that are too many', (t) => {
    const mine = commandsOf('writer_role');
    let rows = 0;
    let cut = 0;
    for (const [index, command] of mine.entries()) {
      const { table } = answers[index] as PsqlAnswer;
      const isShown = command.status === 'ok' && command.attributes['copy'] === undefined && table.length > 0;
      // psql shows rows without columns as empty lines.
      if (command.statement === 'SELECT;') continue;
      if (!isShown) continue;
      rows += table.length - 1;
      const whole = responseOf(table);
      assert.equal(command.responsePayloadBytes, whole.length, command.statement.slice(0, 200));
      if (command.truncated) {
        cut++;
        assert.equal(command.response.length, RESPONSE_BYTES_MAX);
        assert.equal(command.responseSha256, sha256(whole));
        assert.ok(command.response.equals(whole.subarray(0, RESPONSE_BYTES_MAX)), 'what is kept is the head of it');
      } else {
        assert.deepEqual(tableOf(command.response), table, command.statement.slice(0, 200));
      }
    }
    assert.equal(cut, 2, 'responses above the bound');
    t.diagnostic(`${rows} rows compared`);
  });

  test('COPY data is in the request or the response', () => {
    const copies = commandsOf('writer_role').filter(({ statement }) => statement.startsWith('COPY'));
    assert.deepEqual(
      copies.map(({ request, response }) => [request.toString(), response.toString()]),
      [
        ['1001\tfrom the script\n1002\t\\N\n\\.\n', ''],
        ['1003\nnot a number\n\\.\n', ''],
        ['', 'id,name\n1,Größe „M“ 東京 🎉\n2,"it\'s\n""two"" lines,\t\\"\n10,row 10\n11,row 11\n'],
      ],
    );
  });

  test('function calls, cancel requests and the like are recorded, though the log does not tell all of them', () => {
    assert.match(objects.join('\n'), /^$/, 'psql had no complaint');
    const calls = verdict.commands.filter(({ operation }) => operation === 'FUNCTION CALL');
    assert.ok(calls.length >= 8, `${calls.length} function calls`);
    const cancelled = verdict.commands.find(({ statement }) => statement.includes('pg_sleep(600)'));
    assert.equal(cancelled?.errorCode, '57014');
    const [cancel] = verdict.unlogged['CANCEL'] ?? [];
    const login = verdict.commands.find(
      ({ operation, connectionId }) => operation === 'LOGIN' && connectionId === cancelled?.connectionId,
    );
    assert.equal(cancel?.attributes['backend_pid'], login?.attributes['backend_pid'], 'what was cancelled');
    const notified = commandsOf('writer_role').find(({ statement }) => statement.startsWith('NOTIFY'));
    const [notification = '{}'] = JSON.parse(notified?.attributes['notifications'] ?? '[]') as string[];
    assert.deepEqual([JSON.parse(notification).channel, JSON.parse(notification).payload], ['jobs', 'to myself']);
    assert.deepEqual(unloggedCounts(verdict), { LOGIN: verdict.logins.length, CANCEL: 1, DESCRIBE: 1 });
  });

  function commandsOf(role: string): SeenStatement[] {
    return verdict.commands.filter(({ attributes, operation }) => attributes['user'] === role && operation !== 'LOGIN');
  }
});

function assertTold(command: SeenStatement, { rowCount, sqlstate }: PsqlAnswer, text: string): void {
  const what = text.slice(0, 200);
  assert.equal(command.errorCode === '' ? '00000' : command.errorCode, sqlstate, what);
  assert.equal(command.status, sqlstate === '00000' ? 'ok' : 'error', what);
  assert.equal(command.rows ?? 0, rowCount, what);
}

function writeScript(file: string, lines: readonly string[], encoding: BufferEncoding = 'utf8'): string {
  writeFileSync(file, `${lines.join('\n')}\n`, encoding);
  return file;
}
