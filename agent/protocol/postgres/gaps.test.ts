// SPDX-License-Identifier: Apache-2.0

/** Bytes that were not seen: in a message, over the end of one, before the connection was joined. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDetect } from '../testing/check-script.ts';
import { misses, normalised, type Script, sends } from '../testing/script.ts';
import { postgres } from './postgres.ts';
import { captured, check, linesOf, responseText } from './testing/captures.ts';
import {
  bind,
  bindComplete,
  columns,
  complete,
  copyData,
  execute,
  hello,
  i16,
  message,
  parse,
  query,
  ready,
  row,
  sync,
  welcome,
} from './testing/hand-made-messages.ts';

const session = (...script: Script) => check([sends('client', hello()), sends('server', welcome()), ...script]);
const reply = (...rows: string[]) =>
  Buffer.concat([columns(['a']), ...rows.map((text) => row(text)), complete(`SELECT ${rows.length}`), ready()]);
/** The step with the bytes [from, to) lost. */
const holed = (side: 'client' | 'server', bytes: Buffer, from: number, to: number): Script => [
  sends(side, bytes.subarray(0, from)),
  misses(side, to - from),
  sends(side, bytes.subarray(to)),
];

test('a gap in a row costs that row, and what was not seen has no hash', () => {
  const bytes = reply('first', 'second', 'third');
  const at = bytes.indexOf('second');
  const run = session(sends('client', query('select a from t')), ...holed('server', bytes, at, at + 3));
  assert.equal(responseText(run.exchanges[1]), '["a"]\n["first"]\n{"gap_bytes":3}\n["third"]\n');
  assert.deepEqual([run.exchanges[1]?.status, run.exchanges[1]?.rows, run.exchanges[1]?.truncated], ['ok', 3, true]);
  assert.equal(run.exchanges[1]?.response.sha256, undefined);
  assert.deepEqual(run.troubles, { 'server gap_in_message': 3, 'server behind_gap': 3 });
});

test('a gap up to the very end of a message costs no other', () => {
  const bytes = reply('first', 'second');
  const at = bytes.indexOf('first');
  const run = session(sends('client', query('select a from t')), ...holed('server', bytes, at, at + 5));
  assert.equal(responseText(run.exchanges[1]), '["a"]\n{"gap_bytes":5}\n["second"]\n');
  assert.deepEqual(run.troubles, { 'server gap_in_message': 5 });
});

test('a gap over several messages: the reply goes on with the next that proves itself', () => {
  const bytes = reply('first', 'second', 'third', 'fourth');
  const run = session(
    sends('client', query('select a from t')),
    ...holed('server', bytes, bytes.indexOf('first') + 2, bytes.indexOf('third') + 2),
    sends('client', query('select 2')),
    sends('server', reply('x')),
  );
  assert.deepEqual(linesOf(run), ['SELECT ok 4 | select a from t', 'SELECT ok 1 | select 2']);
  assert.match(responseText(run.exchanges[1]), /gap_bytes.*\n\["fourth"\]\n$/);
});

test('a reply of which the end was lost leaves its request unanswered, not the next one', () => {
  const bytes = reply('first', 'second');
  const run = session(
    sends('client', query('select 1')),
    ...holed('server', bytes, bytes.length - 20, bytes.length),
    sends('client', query('select 2')),
    sends('server', reply('x')),
  );
  assert.deepEqual(linesOf(run), ['SELECT unknown | select 1', 'SELECT ok 1 | select 2']);
  assert.equal(run.exchanges[1]?.attributes['reply_lost'], 'true');
  assert.equal(run.exchanges[2]?.attributes['reply_uncertain'], 'true');
});

test('when several requests wait and a reply is lost, no reply is given to the wrong one', () => {
  const bytes = Buffer.concat([reply('a'), reply('b'), reply('c')]);
  const run = session(
    sends('client', query('select 1'), query('select 2'), query('select 3')),
    ...holed('server', bytes, 40, 80),
    sends('client', query('select 4')),
    sends('server', reply('d')),
  );
  assert.deepEqual(linesOf(run), [
    'SELECT unknown | select 1',
    'SELECT unknown | select 2',
    'SELECT unknown | select 3',
    'SELECT ok 1 | select 4',
  ]);
});

test('a gap in a statement keeps its head', () => {
  const bytes = query("select a from t where b = 'x'");
  const run = session(...holed('client', bytes, 20, 25), sends('server', reply('r')));
  assert.deepEqual(linesOf(run), ['SELECT ok 1 | select a from t']);
  assert.deepEqual([run.exchanges[1]?.attributes['request_gap_bytes'], run.exchanges[1]?.truncated], ['5', true]);
});

test('a statement that was lost altogether shows by its reply', () => {
  const run = session(
    misses('client', 20),
    sends('server', complete('DELETE 7'), ready()),
    sends('client', query('select 1')),
    sends('server', reply('r')),
  );
  assert.deepEqual(linesOf(run), ['DELETE ok 7 | ', 'SELECT ok 1 | select 1']);
  assert.equal(run.exchanges[1]?.attributes['request_unseen'], 'true');
});

test('a second reply to a request that was not seen is one to another that was not seen', () => {
  const bytes = reply('a');
  const run = session(
    misses('client', 60),
    // Without its ReadyForQuery, and the reply to the next request behind it.
    sends('server', bytes.subarray(0, -6)),
    misses('server', 6),
    sends('server', complete('DELETE 3'), ready()),
  );
  assert.deepEqual(linesOf(run), ['SELECT ok 1 | ', 'DELETE ok 3 | ']);
  for (const exchange of run.exchanges.slice(1)) assert.equal(exchange.attributes['request_unseen'], 'true');
});

test('a reply behind a lost end of one to a known statement is not said to be to that statement', () => {
  const bytes = reply('a');
  const run = session(
    sends('client', query('select 1')),
    sends('server', bytes.subarray(0, -6)),
    misses('client', 20),
    misses('server', 6),
    sends('server', reply('b')),
  );
  assert.deepEqual(linesOf(run), ['SELECT ok 1 | select 1', 'SELECT ok 1 | ']);
  assert.equal(run.exchanges[2]?.attributes['request_unseen'], 'true');
});

test('who of several statements is answered behind a loss is uncertain, in a Query and before a Sync', () => {
  const results = ['1', '2', '3'].map((text) => Buffer.concat([columns(['a']), row(text), complete('SELECT 1')]));
  const simple = Buffer.concat([...results, ready()]);
  const inQuery = session(
    sends('client', query('select 1; select 2; select 3')),
    ...holed('server', simple, results[0]?.length ?? 0, 2 * (results[0]?.length ?? 0)),
  );
  const texts = ['select 1', 'select 2', 'select 3'];
  const answered = Buffer.concat([message('1'), bindComplete(), row('1'), complete('SELECT 1')]);
  const piped = session(
    sends('client', ...texts.flatMap((text) => [parse('', text), bind('', ''), execute()]), sync()),
    ...holed('server', Buffer.concat([answered, answered, answered, ready()]), answered.length, 2 * answered.length),
  );
  for (const run of [inQuery, piped]) {
    const marks = run.exchanges
      .slice(1)
      .map(({ attributes }) => attributes['response_gap_bytes'] ?? attributes['reply_uncertain']);
    assert.deepEqual([marks.length, marks[0]], [3, undefined]);
    assert.ok(
      marks.slice(1).every((mark) => mark !== undefined),
      JSON.stringify(linesOf(run)),
    );
  }
});

test('a gap in a Query is told by each of its statements', () => {
  const bytes = query("select 1; select 'x', 2; select 3");
  const results = ['1', '2', '3'].flatMap((text) => [columns(['a']), row(text), complete('SELECT 1')]);
  const run = session(...holed('client', bytes, 22, 25), sends('server', ...results, ready()));
  assert.equal(run.exchanges.length, 4);
  for (const exchange of run.exchanges.slice(1)) assert.equal(exchange.attributes['request_gap_bytes'], '3');
});

test('a request that is had only after its reply does not shift the replies to later ones', () => {
  // A hole in the client's bytes is waited for; what comes behind it is then late.
  const run = session(
    sends('client', query('select 1')),
    sends('server', reply('1'), reply('2')),
    misses('client', 10),
    sends('client', query('select 2')),
    ...[3, 4, 5].flatMap((i) => [sends('client', query(`select ${i}`)), sends('server', reply(`${i}`))]),
  );
  assert.deepEqual(linesOf(run), [
    'SELECT ok 1 | select 1',
    'SELECT ok 1 | ',
    'SELECT unknown | select 2',
    'SELECT ok 1 | select 3',
    'SELECT ok 1 | select 4',
    'SELECT ok 1 | select 5',
  ]);
  assert.equal(responseText(run.exchanges.at(-1)), '["a"]\n["5"]\n');
  assert.equal(run.exchanges.at(-2)?.attributes['reply_uncertain'], undefined);
});

test('COPY data goes on behind a gap: three messages in a row prove themselves', () => {
  const data = Buffer.concat(Array.from({ length: 20 }, (_, i) => copyData(`line ${i}\n`)));
  const run = session(
    sends('client', query('copy t to stdout')),
    sends('server', message('H', 0, i16(1), i16(0)), data.subarray(0, 30)),
    misses('server', 40),
    sends('server', data.subarray(70), message('c'), complete('COPY 20'), ready()),
  );
  assert.deepEqual(linesOf(run), ['COPY ok 20 | copy t to stdout']);
  assert.match(responseText(run.exchanges[1]), /^line 0\nline 1\n[\s\S]*line 6\n[\s\S]*line 19\n$/);
});

test('garbage between messages is passed over', () => {
  const run = session(
    sends('client', query('select 1')),
    sends('server', 'garbage \x00\x00 Z \x01\x02\x03', reply('x')),
    sends('client', 'more garbage', query('select 2')),
    sends('server', reply('y')),
  );
  assert.deepEqual(linesOf(run), ['SELECT ok 1 | select 1', 'SELECT ok 1 | select 2']);
  assert.equal(run.counts.client.notUnderstood, 'more garbage'.length);
});

test('values of one byte before values of four are not taken for messages', () => {
  const rows = Array.from({ length: 50 }, () => row('1', 'abcd', 'Z', 'Ipsum', 'S', 'four'));
  const bytes = Buffer.concat([columns(['a']), ...rows, complete('SELECT 50'), ready()]);
  const run = session(sends('client', query('select 1')), ...holed('server', bytes, 10, 60));
  const text = responseText(run.exchanges[1]);
  assert.ok(text.split('\n').filter((line) => line === '["1","abcd","Z","Ipsum","S","four"]').length >= 48, text);
});

test('joined late: statements as they come, those that were prepared before by name', () => {
  const script = captured('pgbench-prepared.2').slice(6);
  const run = check(script, { late: true });
  assert.deepEqual(
    linesOf(run).map((line) => line.replace(/\d+"/, 'n"').replace(/ \d /, ' 0 ')),
    Array.from({ length: 3 }, () => 'SELECT ok 0 |  | ["n"]'),
  );
  const { statement_name, statement_unknown } = run.exchanges[0]?.attributes ?? {};
  assert.deepEqual([statement_name, statement_unknown], ['P_0', 'true']);
  assert.deepEqual(run.troubles, {});
});

test('joined late before anything was said: read from its login on', () => {
  const script = captured('psql-statements');
  assert.equal(checkDetect(postgres, script, { late: true, serverPort: 6000 }), 'yes');
  assert.deepEqual(linesOf(check(script, { late: true })), linesOf(check(script)));
});

test('joined late in the middle of a reply: the rest of it is shown, its request was not seen', () => {
  const [first, ...rest] = normalised([sends('server', reply('first', 'second', 'third'))]);
  assert.ok(first?.kind === 'bytes');
  const run = check(
    [
      sends('server', first.bytes.subarray(50)),
      ...rest,
      sends('client', query('select 2')),
      sends('server', reply('x')),
    ],
    { late: true },
  );
  assert.equal(linesOf(run).at(-1), 'SELECT ok 1 | select 2');
  assert.deepEqual([run.exchanges[0]?.operation, run.exchanges[0]?.rows], ['SELECT', 3]);
});

test('an unnamed statement that may have been replaced out of sight is not known any more', () => {
  const run = session(
    sends('client', parse('', 'select 1'), sync()),
    sends('server', message('1'), ready()),
    misses('client', 30),
    sends('client', bind('', ''), execute(), sync()),
    sends('server', bindComplete(), complete('DELETE 3'), ready()),
  );
  assert.equal(linesOf(run).at(-1), 'DELETE ok 3 | ');
  assert.equal(run.exchanges.at(-1)?.attributes['statement_unknown'], 'true');
});

test('every capture, joined late at any step, accounts for its bytes', () => {
  for (const name of ['psql-statements', 'libpq-pipeline-error', 'libpq-copy-extended', 'node-postgres-statements']) {
    const script = captured(name);
    for (let skipped = 1; skipped < script.length; skipped += 5) check(script.slice(skipped), { late: true });
  }
});

test('detection of a connection that was joined late', () => {
  const script = captured('psql-statements').slice(6);
  assert.equal(checkDetect(postgres, script, { late: true, serverPort: 5432 }), 'yes');
  assert.equal(checkDetect(postgres, script, { late: true, serverPort: 6000 }), 'yes');
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    '\x17\x03\x03\x00\x20secret',
  ]) {
    for (const late of [true, false]) {
      const other = [
        sends('client', bytes.padEnd(1000, '\x00x')),
        sends('server', 'HTTP/1.1 200 OK\r\n\r\n'.padEnd(1000, 'y')),
      ];
      assert.notEqual(checkDetect(postgres, other, { late, serverPort: 5432 }), 'yes');
      assert.equal(checkDetect(postgres, other, { late, serverPort: 80 }), 'no');
    }
  }
});

test('a connection that was joined late in the middle of a large reply is known by its port and the rows that follow', () => {
  const rows = sends('server', ...Array.from({ length: 60 }, (_, i) => row(`value ${i}`.repeat(3))));
  const script = normalised([
    { ...rows, bytes: rows.kind === 'bytes' ? rows.bytes.subarray(20) : Buffer.of() } as typeof rows,
  ]);
  assert.equal(checkDetect(postgres, script, { late: true, serverPort: 5432 }), 'yes');
  assert.notEqual(checkDetect(postgres, script, { late: true, serverPort: 6000 }), 'yes');
});

test('detection from the beginning', () => {
  for (const first of [
    'GET / HTTP/1.1',
    '\x16\x03\x01\x00',
    'SSH-2.0-x',
    '\x00\x00\x00\x08\x04\xd2\x16\x2a',
    '\x00\x00\x00\x00\x00\x03\x00\x00',
  ]) {
    assert.equal(checkDetect(postgres, [sends('client', first)]), 'no', first);
  }
  assert.equal(checkDetect(postgres, [sends('client', hello().subarray(0, 5))]), 'not-yet');
  assert.equal(checkDetect(postgres, [sends('server', 'SSH-2.0-x')]), 'no');
});
