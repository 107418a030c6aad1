// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../collector/store/clickhouse/client.ts';
import { WRITER_ROLE } from '../../collector/store/clickhouse/engine/engine-config.ts';
import {
  ATTACK,
  HOSTILE,
  QUIET,
  type RecordedCollector,
  startRecordedCollector,
} from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runSworn, startSworn } from '../testing/run-sworn.ts';

const COMMANDS_OF_QUIET = `SELECT operation, status, rows FROM sworn.commands WHERE session_id = '${QUIET}' ORDER BY time`;
/** Hours of work. */
const ENDLESS = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';

describe('sworn query', () => {
  let recorded: RecordedCollector;
  const query = (...words: string[]): Promise<Ended> =>
    runSworn(['query', ...words], { environment: recorded.environment });
  before(async () => {
    recorded = await startRecordedCollector({
      api: { query: { seconds_max: 600, rows_max: 100_000 } as never },
    });
  });
  after(() => recorded.stop());

  it('prints a table, numbers to the right, and counts the rows', async () => {
    const { code, out, err } = await query(COMMANDS_OF_QUIET);
    assert.deepEqual([code, err], [0, '']);
    assert.equal(
      out,
      [
        'operation  status  rows',
        'GET        ok      NULL',
        'INSERT     ok         1',
        'SELECT     error  NULL',
        'DELETE     ok        12',
        '4 rows',
        '',
      ]
        .join('\n')
        .replace('error  NULL', 'error   NULL'),
    );
  });

  it('gives JSON Lines for programs, without colours even on a terminal', async () => {
    const { code, out } = await query('--json', COMMANDS_OF_QUIET);
    assert.equal(code, 0);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(rows[3], { operation: 'DELETE', status: 'ok', rows: '12' });
    assert.equal(rows.length, 4);
    const shown = await onTerminal(['query', '--json', COMMANDS_OF_QUIET], 40, { environment: recorded.environment });
    assert.equal(shown.out.replaceAll('\r', ''), out);
  });

  it('gives every byte of what was recorded in JSON', async () => {
    const { out } = await query('--json', `SELECT statement FROM sworn.commands WHERE protocol LIKE 'x%'`);
    assert.deepEqual(JSON.parse(out), { statement: ATTACK });
  });

  it('gives CSV with names', async () => {
    const { code, out } = await query('--csv', COMMANDS_OF_QUIET);
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n').slice(0, 3), ['"operation","status","rows"', '"GET","ok",\\N', '"INSERT","ok",1']);
  });

  it('shows one column a line when asked', async () => {
    const { out } = await query('--vertical', `SELECT operation, target FROM sworn.commands WHERE rows = 12`);
    assert.equal(out, 'operation  DELETE\ntarget     bank@127.0.0.1:5432\n1 row\n');
  });

  it('shows one column a line when the names do not fit the terminal', async () => {
    const wide = 'SELECT * FROM sworn.commands WHERE rows = 12';
    const { out } = await onTerminal(['query', wide], 80, { environment: recorded.environment });
    assert.match(out, /^operation +DELETE\r?$/m);
  });

  it('takes values apart from the SQL', async () => {
    const hostile = `' OR 1 = 1 --`;
    const sql = 'SELECT count() AS n FROM sworn.commands WHERE identity_name = {who:String}';
    assert.equal((await query('--csv', '--param', 'who=invoice-agent', sql)).out, '"n"\n4\n');
    assert.equal((await query('--csv', '--param', `who=${hostile}`, sql)).out, '"n"\n0\n');
  });

  it('reads the SQL from standard input', async () => {
    const { out } = await runSworn(['query', '--csv', '-'], {
      environment: recorded.environment,
      input: 'SELECT 1 AS a\n',
    });
    assert.equal(out, '"a"\n1\n');
  });

  const refusals: [title: string, sql: string, code: number, reason: RegExp][] = [
    ['a syntax error, with its position', 'SELECT 1 FORM x y', 2, /position \d+.*\(query_invalid\)\n.*SCHEMA\.md/],
    ['a column that there is not, by its name', 'SELECT colour FROM commands', 2, /`colour`.*\(query_invalid\)/],
    ['what does more than read', 'DROP TABLE sworn.activities', 2, /\(query_refused\)/],
    ['what reads elsewhere', "SELECT * FROM file('/etc/passwd')", 2, /\(query_refused\)/],
    // Some of it may have been on its way when the limit was reached, or nothing yet.
    [
      'an answer that is not whole',
      'SELECT number FROM numbers(200000)',
      1,
      /broke off.*\n.*not whole|\(query_limit\)/,
    ],
  ];
  for (const [title, sql, expected, reason] of refusals) {
    it(`explains ${title}`, async () => {
      const { code, out, err } = await query(sql);
      assert.deepEqual([code, out], [expected, '']);
      assert.match(err, reason);
      assert.ok(err.length < 800, err);
    });
  }

  it('says when the token is not the right one, and never what it was', async () => {
    const environment = { ...recorded.environment, SWORN_TOKEN: 'not-the-token-at-all' };
    const { code, err } = await runSworn(['query', 'SELECT 1'], { environment });
    assert.equal(code, 2);
    assert.match(err, /does not take this token\n.*--token-file/);
    assert.ok(!err.includes('not-the-token'));
    // What cannot be in a header would stand in the message of whoever refuses to send it.
    const broken = { ...recorded.environment, SWORN_TOKEN: 'two words\u0001' };
    const refused = await runSworn(['query', 'SELECT 1'], { environment: broken });
    assert.equal(refused.code, 2);
    assert.ok(!refused.err.includes('two words'));
  });

  it('takes the token from a file', async () => {
    const file = join(recorded.collector.stateDir, 'copy-of-token');
    writeFileSync(file, `${recorded.collector.apiToken}\n`);
    const words = ['query', '--csv', '--url', recorded.collector.apiUrl, '--token-file', file, 'SELECT 1 AS a'];
    assert.equal((await runSworn(words)).out, '"a"\n1\n');
  });

  it('says where the collector was looked for when it is not there', async () => {
    const environment = { ...recorded.environment, SWORN_URL: 'http://127.0.0.1:9' };
    const { code, err } = await runSworn(['query', 'SELECT 1'], { environment });
    assert.equal(code, 2);
    assert.match(err, /http:\/\/127\.0\.0\.1:9 cannot be reached.*\n.*--url/);
  });

  it('leaves the terminal alone, whatever was recorded', async () => {
    for (const words of [[], ['--vertical'], ['--csv'], ['--json']]) {
      const all = `SELECT * FROM sworn.activities WHERE session_id = '${HOSTILE}' ORDER BY seq`;
      const environment = { ...recorded.environment, NO_COLOR: '1' };
      const { code, out } = await onTerminal(['query', ...words, all], 120, { environment });
      assert.equal(code, 0);
      assert.match(out, /DELETE FROM/);
      assertTame(out);
      // In CSV a line may end within quotes.
      if (words[0] !== '--csv') assert.doesNotMatch(out, /^forged line/m);
    }
  });

  it('colours on a terminal only, and not when NO_COLOR or the terminal asks for none', async () => {
    const colours = async (more: Record<string, string>): Promise<boolean> => {
      const { out } = await onTerminal(['query', 'SELECT 1'], 80, {
        environment: { ...recorded.environment, ...more },
      });
      return out.includes('\u001b[');
    };
    assert.equal(await colours({}), true);
    assert.equal(await colours({ NO_COLOR: '1' }), false);
    assert.equal(await colours({ TERM: 'dumb' }), false);
    assert.equal((await query('SELECT 1')).out.includes('\u001b['), false);
  });

  it('ends well when its reader has enough', async () => {
    const { child, ended } = startSworn(
      ['query', '--csv', 'SELECT number, repeat(toString(number), 50) FROM numbers(99999)'],
      {
        environment: recorded.environment,
      },
    );
    child.stderr.resume();
    await once(child.stdout, 'data');
    child.stdout.destroy();
    assert.deepEqual(await ended, [0, null]);
  });

  it('ends the query in ClickHouse when Ctrl-C ends it here', async () => {
    const data = join(recorded.collector.stateDir, 'store');
    const engine = { socketPath: join(data, 'engine.sock'), incomingFolder: data, role: WRITER_ROLE };
    const client = connect({ engine }, 1);
    const running = async (expected: number): Promise<void> => {
      const sql = `SELECT toUInt32(count()) AS n FROM system.processes WHERE startsWith(query, 'SELECT sum(sipHash64')`;
      for (const until = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
        const [row] = await (await client.query({ query: sql, format: 'JSONEachRow' })).json<{ n: number }>();
        if (row?.n === expected) return;
        assert.ok(Date.now() < until, `${expected} should run, and ${row?.n} do`);
      }
    };
    const { child, ended } = startSworn(['query', ENDLESS], { environment: recorded.environment });
    for (const output of [child.stdout, child.stderr]) output.resume();
    try {
      await running(1);
      child.kill('SIGINT');
      assert.deepEqual(await ended, [null, 'SIGINT']);
      await running(0);
    } finally {
      child.kill('SIGKILL');
      await client.close();
    }
  });
});
