// SPDX-License-Identifier: Apache-2.0

/**
 * Attacks on the door for people's SQL, against the real engine. Each line was seen to work, or could have, when the SQL was
 * given to the engine as it is.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { makeActivity } from '../../testing/activity-maker.ts';
import { asReceived } from '../../testing/full-activities.ts';
import { readAnswer, startEmbeddedStore, type TestStore } from '../../testing/test-store.ts';
import { connect } from './client.ts';
import { READER_ROLE } from './engine/engine-config.ts';
import { judgeText } from './read-only-sql.ts';
import { parseSyntaxTree } from './syntax-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'sworn-sql-'));
const secret = join(folder, 'secret');
const outfile = join(folder, 'outfile');
writeFileSync(secret, 'the secret of this host');

const READS_FILES = [
  `SELECT * FROM file('${secret}', LineAsString)`,
  `SELECT file('${secret}')`,
  `SELECT FILE('${secret}')`,
  `SELECT \`file\`('${secret}')`,
  `SELECT "file"('${secret}')`,
  `SELECT arrayMap(x -> file(x), ['${secret}'])`,
  `SELECT * APPLY(file) FROM (SELECT '${secret}' AS p)`,
  `SELECT * APPLY(x -> file(x)) FROM (SELECT '${secret}' AS p)`,
  `SELECT COLUMNS('p') APPLY file FROM (SELECT '${secret}' AS p)`,
  `WITH file('${secret}') AS f SELECT f`,
  `WITH x AS (SELECT * FROM file('${secret}', LineAsString)) SELECT * FROM x`,
  `SELECT * FROM view(SELECT file('${secret}') AS f)`,
  `SELECT (SELECT file('${secret}'))`,
  `SELECT 1 WHERE file('${secret}') LIKE 'the%'`,
  `SELECT 1 ORDER BY file('${secret}')`,
  `SELECT 1 GROUP BY file('${secret}')`,
  `SELECT 1 LIMIT length(file('${secret}'))`,
  `SELECT count() OVER (PARTITION BY file('${secret}'))`,
  `SELECT sum(1) OVER (ORDER BY 1 ROWS BETWEEN length(file('${secret}')) PRECEDING AND CURRENT ROW)`,
  `SELECT * FROM commands ARRAY JOIN [file('${secret}')] AS f`,
  `SELECT * FROM commands AS a JOIN commands AS b ON file('${secret}') = a.host`,
  `SELECT * REPLACE(file('${secret}') AS a) FROM (SELECT 1 AS a)`,
  `SELECT 1 UNION ALL SELECT length(file('${secret}'))`,
  `SELECT 1 AS a INTERSECT SELECT length(file('${secret}'))`,
  `SELECT * FROM default.\`${secret}\``,
  `SELECT * FROM '${secret}'`,
  `SELECT * FROM \`${secret}\``,
  `SELECT 1 IN file('${secret}', CSV, 'a Int8')`,
  `SELECT * FROM merge('default', '.*')`,
  `SELECT * FROM merge(REGEXP('.*'), '.*')`,
  `SELECT * FROM fileCluster('x', '${secret}')`,
  `SELECT * FROM sqlite('${secret}', 't')`,
  `SELECT * FROM format(Template, '')`,
  `SELECT catboostEvaluate('${secret}', 1)`,
  `SELECT structureToCapnProtoSchema('a Int8')`,
  `SELECT filesystemAvailable()`,
  `EXPLAIN SELECT file('${secret}')`,
  `EXPLAIN SYNTAX SELECT file('${secret}')`,
  `EXPLAIN TABLE OVERRIDE file('${secret}') PARTITION BY 1`,
  `DESCRIBE file('${secret}')`,
  `DESCRIBE TABLE (SELECT file('${secret}'))`,
  `DESCRIBE default.\`${secret}\``,
  `SELECT 1 FORMAT Template SETTINGS format_template_row = '${secret}'`,
  `SELECT 1 FORMAT Protobuf SETTINGS format_schema = '${secret}:M'`,
  `SELECT dictGet('d', 'a', 1)`,
];

const WRITES = [
  `SELECT 1 INTO OUTFILE '${outfile}'`,
  `SELECT 1 INTO/**/OUTFILE '${outfile}'`,
  `SELECT 1 into outfile '${outfile}' TRUNCATE FORMAT CSV`,
  `SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '${outfile}'`,
  `(SELECT 1) INTO OUTFILE '${outfile}'`,
  `EXPLAIN SELECT 1 INTO OUTFILE '${outfile}'`,
  `EXPLAIN AST SELECT 1 INTO OUTFILE '${outfile}'`,
  `DESCRIBE commands INTO OUTFILE '${outfile}'`,
  `SHOW TABLES INTO OUTFILE '${outfile}'`,
  `WITH 1 AS a SELECT a INTO OUTFILE '${outfile}' AND STDOUT`,
  `INSERT INTO FUNCTION file('${outfile}', CSV, 'a Int8') VALUES (1)`,
  'INSERT INTO sworn.activities (agent_id, seq) VALUES (1, 1)',
  'INSERT INTO activities SELECT * FROM activities',
  'CREATE TABLE sworn.x (a Int8) ENGINE = Memory',
  'CREATE TEMPORARY TABLE x (a Int8)',
  'CREATE VIEW sworn.x AS SELECT 1',
  'CREATE FUNCTION f AS x -> x',
  'CREATE USER u',
  'DROP TABLE sworn.activities',
  'DROP VIEW sworn.commands',
  'TRUNCATE TABLE sworn.activities',
  'ALTER TABLE sworn.activities DELETE WHERE 1',
  'DELETE FROM sworn.activities WHERE 1',
  "UPDATE sworn.activities SET host = 'x' WHERE 1",
  'OPTIMIZE TABLE sworn.activities FINAL',
  'RENAME TABLE sworn.commands TO sworn.x',
  `BACKUP TABLE sworn.activities TO File('${outfile}')`,
  'DETACH TABLE sworn.activities',
  'SYSTEM STOP MERGES',
  'SYSTEM SHUTDOWN',
  'KILL QUERY WHERE 1',
  'GRANT ALL ON *.* TO default',
  'SET readonly = 0',
  'USE default',
  'EXECUTE AS default SELECT 1',
  'PARALLEL WITH SELECT 1',
  'BEGIN TRANSACTION',
];

const MORE_THAN_ONE = [
  'SELECT 1; DROP TABLE sworn.activities',
  "SELECT ';'; SELECT 2",
  'SELECT 1 /* */; /* */ SELECT 2',
  'SELECT 1;;SELECT 2',
  'SELECT 1 -- x\n; SELECT 2',
  'SELECT 1\0; SELECT 2',
];

const LEAVES_THE_HOST = [
  "SELECT * FROM url('http://127.0.0.1:9/', LineAsString)",
  "SELECT * FROM urlCluster('c', 'http://127.0.0.1:9/')",
  "SELECT * FROM remote('127.0.0.1', system.one)",
  "SELECT * FROM remoteSecure('127.0.0.1', system.one)",
  "SELECT * FROM cluster('default', system.one)",
  "SELECT * FROM s3('http://127.0.0.1:9/bucket/x')",
  "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
  "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
  "SELECT * FROM mongodb('127.0.0.1:1', 'a', 'b', 'c', 'd', 'e Int8')",
  "SELECT * FROM redis('127.0.0.1:1', 'a', 'a Int8')",
  "SELECT * FROM executable('id', TSV, 'a String')",
  "SELECT * FROM hdfs('hdfs://127.0.0.1:1/x')",
  "SELECT * FROM iceberg('http://127.0.0.1:9/bucket/x')",
  "SELECT * FROM jdbc('x', 'y', 'z')",
  "SELECT hasColumnInTable('127.0.0.1:1', 'u', 'p', 'd', 't', 'c')",
  "SELECT aiGenerate('x')",
  "SELECT joinGet('x', 'y', 1)",
];

const LOOKS_AROUND = [
  'SELECT * FROM system.processes',
  'SELECT * FROM system.users',
  'SELECT * FROM system.grants',
  'SELECT * FROM system.query_log',
  'SELECT * FROM system.stack_trace',
  'SELECT * FROM system.disks',
  'SELECT * FROM system.settings',
  'SELECT * FROM system.server_settings',
  'SELECT * FROM system.named_collections',
  'SELECT * FROM `system`.`users`',
  'SELECT * FROM "system".users',
  'SELECT * FROM SYSTEM.users',
  'SELECT * FROM information_schema.tables',
  'SELECT * FROM INFORMATION_SCHEMA.tables',
  "SELECT 'x' IN system.users",
  'SELECT 1 NOT IN (system.users)',
  'SELECT 1 GLOBAL IN system.users',
  'SELECT * FROM commands WHERE host IN system.users',
  'SELECT * FROM {t:Identifier}',
  'DESCRIBE system.users',
  'SHOW DATABASES',
  'SHOW TABLES FROM system',
  "SHOW SETTINGS LIKE '%'",
  'SHOW PROCESSLIST',
  'SHOW GRANTS',
  'SHOW CREATE USER default',
  'SHOW FUNCTIONS',
  "SELECT getSetting('max_threads')",
  "SELECT getServerSetting('x')",
  "SELECT getMacro('x')",
  'SELECT serverUUID()',
  'SELECT tcpPort()',
  'SELECT addressToLine(1)',
  "SELECT getClientHTTPHeader('x')",
  "SELECT * FROM mergeTreeIndex('sworn', 'activities')",
  'SELECT sleep(3)',
  'SELECT sleepEachRow(3) FROM numbers(10)',
  "SELECT __getScalar('x')",
  'SELECT * FROM loop(sworn.activities)',
  "SELECT * FROM generateRandom('a Int8')",
  "SELECT * FROM fuzzJSON('{}')",
  "SELECT * FROM input('a Int8')",
];

const CHANGES_LIMITS = [
  'SELECT 1 SETTINGS max_execution_time = 0',
  'SELECT 1 SETTINGS readonly = 0',
  'SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)',
  'SELECT 1 FORMAT CSV SETTINGS max_result_rows = 0',
  'EXPLAIN SELECT 1 SETTINGS max_threads = 100',
];

const HONEST = [
  'SELECT count() FROM commands',
  'SELECT count(*) FROM sworn.commands;',
  "select Count(distinct host), countIf(status = 'error'), uniqExactIf(seq, 1), quantile(0.9)(duration_ns) from commands",
  "SELECT operation, count() AS n FROM commands WHERE time > now() - INTERVAL 1 DAY AND statement ILIKE '%from%' GROUP BY operation ORDER BY n DESC LIMIT 10",
  "SELECT attributes['user'], mapKeys(attributes), JSONExtractString(parameters, 'a'), lower(hex(request)) FROM commands LIMIT 5",
  'WITH busy AS (SELECT session_id, count() AS n FROM commands GROUP BY session_id) SELECT * FROM busy JOIN sessions USING (session_id)',
  'SELECT toStartOfInterval(time, INTERVAL 5 MINUTE) AS t, count() FROM commands GROUP BY t WITH TOTALS ORDER BY t WITH FILL',
  'SELECT time, row_number() OVER (PARTITION BY host ORDER BY time), lagInFrame(seq) OVER (ORDER BY seq) FROM commands LIMIT 3',
  "SELECT CASE WHEN status = 'ok' THEN 1 ELSE 0 END, CASE status WHEN 'ok' THEN 'a' END, CAST(seq AS String), seq::UInt8, toDate('2026-01-01') FROM commands LIMIT 1",
  'SELECT * EXCEPT (request, response) FROM commands LIMIT 2',
  'SELECT arrayJoin(argv) AS a FROM processes',
  'SELECT x FROM processes ARRAY JOIN argv AS x',
  "SELECT arrayMap(x -> upper(x), argv), arrayFilter(x -> x LIKE '-%', argv) FROM processes",
  'SELECT groupArraySorted(3)(seq), argMax(statement, time), topK(3)(operation), sumMap(map(host, seq)) FROM commands',
  'SELECT host FROM commands WHERE host IN (SELECT host FROM sessions) AND seq NOT IN (1, 2)',
  'SELECT 1 WHERE EXISTS (SELECT 1 FROM losses)',
  'SELECT 1 UNION ALL SELECT 2',
  'SELECT 1 UNION DISTINCT SELECT 2 EXCEPT SELECT 3',
  "SELECT ';', 'INTO OUTFILE', `a` FROM (SELECT 1 AS `a`) -- a comment; with a semicolon\n",
  "SELECT 'it''s', 'a\\nb', '/* no comment */' /* file('x') */",
  'SELECT number FROM numbers(3)',
  "SELECT * FROM values('a Int8, b String', (1, 'x'))",
  "SELECT dateDiff('second', start, end), formatReadableSize(12345), bar(1, 0, 10, 5) FROM sessions",
  "SELECT name, comment FROM system.columns WHERE table = 'activities'",
  "EXPLAIN indexes = 1 SELECT * FROM commands WHERE session_id = 'x'",
  'EXPLAIN PIPELINE SELECT 1',
  'DESCRIBE commands',
  'DESCRIBE TABLE sworn.activities',
  'SHOW TABLES',
  "SHOW TABLES FROM sworn LIKE 'c%'",
  'SELECT version(), currentDatabase(), toTypeName(1)',
  "SELECT extract(statement, 'id = (\\\\d+)'), match(statement, '^SELECT'), replaceRegexpAll(statement, 'a', 'b'), splitByChar(' ', statement)[1] FROM commands LIMIT 1",
  "SELECT domain('http://a.b/c'), IPv4NumToString(1), isIPAddressInRange('10.0.0.1', '10.0.0.0/8'), sipHash64(1), base64Encode('x'), toUUIDOrNull('x')",
];

describe('SQL of people', () => {
  let running: TestStore;

  before(async () => {
    running = await startEmbeddedStore();
    const batch = running.store.newBatch();
    for (const seq of [20, 40, 60]) batch.add('command', asReceived(makeActivity(seq)), { agentId: 'a', host: 'h' });
    await running.store.append([batch]);
  });
  after(async () => {
    await running.stop();
    rmSync(folder, { recursive: true });
  });

  const refused = async (sql: string) => {
    let answer = '';
    try {
      answer = await readAnswer(running.store, sql, 'CSV');
    } catch (error) {
      const { code } = error as { code?: string };
      assert.ok(code === 'query_refused' || code === 'query_invalid', `${sql}: ${code}: ${(error as Error).message}`);
      assert.ok(!(error as Error).message.includes('the secret of this host'), sql);
      return;
    }
    assert.fail(`was answered: ${sql} → ${answer.slice(0, 100)}`);
  };
  const family = (title: string, attacks: readonly string[]) =>
    it(title, async () => {
      for (const attack of attacks) await refused(attack);
      assert.ok(!existsSync(outfile), 'a file was written');
    });

  family('cannot read files', READS_FILES);
  family('cannot write, change or steer', WRITES);
  family('is one statement', MORE_THAN_ONE);
  family('cannot reach other servers or programs', LEAVES_THE_HOST);
  family('cannot look at the engine or at others', LOOKS_AROUND);
  family('cannot change its limits', CHANGES_LIMITS);

  it('would be stopped by the engine too, for all but two things', async () => {
    const { socketPath, incomingFolder } = running.engine!;
    const client = connect({ engine: { socketPath, incomingFolder, role: READER_ROLE } }, 2);
    const passed: string[] = [];
    const direct = [...READS_FILES, ...WRITES, ...MORE_THAN_ONE, ...LEAVES_THE_HOST].filter(
      (sql) => !sql.includes('\0'),
    );
    for (const query of direct) {
      try {
        const { stream } = await client.exec({ query, clickhouse_settings: { readonly: '1' } });
        const text = await readText(stream);
        if (text.includes('the secret of this host') || existsSync(outfile)) passed.push(query);
        rmSync(outfile, { force: true });
      } catch {
        // Refused, as it should be.
      }
    }
    await client.close();
    // The scalar function file() and INTO OUTFILE ask no right in an embedded engine: for them there is only one wall.
    assert.deepEqual(
      passed.filter((sql) => !/file\(|file\b.*\(|APPLY/i.test(sql) && !/OUTFILE/i.test(sql)),
      [],
    );
    assert.ok(!passed.some((sql) => /FROM file\(/i.test(sql)), 'the table function file() asks a right');
    assert.equal(await readAnswer(running.store, 'SELECT count() FROM activities', 'CSV'), '3\n');
  });

  it('left the record as it was', async () => {
    assert.equal(await readAnswer(running.store, 'SELECT count(), max(seq) FROM activities', 'CSV'), '3,60\n');
  });

  it('may ask what analysts ask', async () => {
    for (const sql of HONEST) {
      await assert.doesNotReject(readAnswer(running.store, sql), sql);
    }
  });

  it('is refused when it is very long or very deep, and nothing falls over', async () => {
    await refused(`SELECT ${'1,'.repeat(40_000)}1`);
    await refused(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`);
    await refused(`SELECT ${'NOT '.repeat(15_000)}1`);
    assert.equal(await readAnswer(running.store, 'SELECT 1', 'CSV'), '1\n');
  });
});

describe('the text that ClickHouse prints', () => {
  it('may hold what looks dangerous inside quotes', () => {
    assert.equal(judgeText("SELECT ';', 'INTO OUTFILE \\' x', `a;b` FROM t"), undefined);
  });

  it('is refused with a second statement, an output file, or names that could fake a syntax tree', () => {
    assert.match(judgeText('SELECT 1; SELECT 2') ?? '', /one statement/);
    assert.match(judgeText("SELECT 1 INTO OUTFILE 'x'") ?? '', /OUTFILE/);
    assert.match(judgeText('SELECT `a\\n Function x`') ?? '', /escapes/);
    assert.match(judgeText("SELECT 'x") ?? '', /without an end/);
  });
});

describe('a syntax tree as ClickHouse prints it', () => {
  it('is read with its children', () => {
    const tree = parseSyntaxTree(
      'SelectQuery (children 2)\n ExpressionList (children 1)\n  Literal UInt64_1 (alias x)\n Set',
    );
    assert.equal(tree?.children.length, 2);
    assert.equal(tree?.children[0]?.children[0]?.text, 'UInt64_1 (alias x)');
  });

  it('is no tree when its lines do not add up', () => {
    for (const dump of [
      '',
      'A (children 1)',
      'A\nB',
      'A (children 1)\n  B',
      'A (children 1)\n B\n C',
      ' A',
      'A (children 2)\n B',
    ]) {
      assert.equal(parseSyntaxTree(dump), undefined, JSON.stringify(dump));
    }
  });
});
