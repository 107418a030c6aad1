// SPDX-License-Identifier: Apache-2.0

/** What is kept is bounded, whatever is announced or sent; what is cut is said so. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { DecoderBounds } from '../decoder.ts';
import { heldBytesMaxOf, runScript } from '../testing/run-script.ts';
import { ends, normalised, type Script, sends } from '../testing/script.ts';
import { postgres } from './postgres.ts';
import { check, linesOf, requestText, responseText } from './testing/captures.ts';
import {
  bind,
  columns,
  complete,
  copyData,
  copyDone,
  error,
  execute,
  flush,
  hello,
  i16,
  i32,
  message,
  parse,
  parseComplete,
  query,
  ready,
  row,
  sync,
  value,
  welcome,
} from './testing/hand-made-messages.ts';

const BOUNDS: DecoderBounds = { requestBytesMax: 1000, responseBytesMax: 500, pendingBytesMax: 300, pipelineMax: 5 };
const session = (...script: Script) =>
  check([sends('client', hello()), sends('server', welcome()), ...script], { bounds: BOUNDS });

test('a long statement is cut at the bound of a request', () => {
  const text = `select '${'é'.repeat(2000)}'`;
  const run = session(sends('client', query(text)), sends('server', columns(['a']), complete('SELECT 0'), ready()));
  const [, select] = run.exchanges;
  assert.ok(text.startsWith(select?.statement ?? '-'));
  assert.deepEqual(
    [Buffer.byteLength(select?.statement ?? ''), select?.truncated, select?.operation],
    [1000, true, 'SELECT'],
  );
  assert.equal(run.counts.client.cut, 5 + Buffer.byteLength(text) + 1 - 5 - 1000);
});

test('long parameters are cut so that they are still JSON', () => {
  const run = session(
    sends('client', parse('', 'select $1, $2'), bind('', '', ['x'.repeat(1500), 'y']), execute(), sync()),
    sends('server', parseComplete(), message('2'), complete('SELECT 0'), ready()),
  );
  const [, select] = run.exchanges;
  assert.equal(select?.truncated, true);
  const [first] = JSON.parse(select?.parameters ?? '') as string[];
  assert.ok((first?.length ?? 0) > 900 && (first?.length ?? 0) < 1000);
});

test('rows above the bound are counted and hashed, in the form in which they would have been kept', () => {
  const rows = Array.from({ length: 40 }, (_, i) => [`value ${i} "`, i % 3 === 0 ? null : 'é'.repeat(i)]);
  const whole = `["a","b"]\n${rows.map((one) => `${JSON.stringify(one)}\n`).join('')}`;
  const run = session(
    sends('client', query('select a, b from t')),
    sends(
      'server',
      columns(['a'], ['b']),
      ...rows.map(([a, b]) => row(a ?? null, b === null ? null : Buffer.from(b ?? ''))),
      complete('SELECT 40'),
      ready(),
    ),
  );
  const [, { response }] = run.exchanges as [
    unknown,
    { response: { bytes: Uint8Array; totalBytes: number; sha256: Uint8Array } },
  ];
  assert.deepEqual(Buffer.from(response.bytes), Buffer.from(whole).subarray(0, 500));
  assert.equal(response.totalBytes, Buffer.byteLength(whole));
  assert.deepEqual(Buffer.from(response.sha256), createHash('sha256').update(whole).digest());
});

test('a row that is too long to be collected is shown as one that is not', () => {
  const values = ['short', 'é"\\\n'.repeat(100), null, '', 'x'.repeat(150), 'caf\xe9'];
  const columnsOf = columns(...values.map((_, i) => [`c${i}`] as const));
  const bytes = [
    columnsOf,
    row(...values.map((text) => (text === 'caf\xe9' ? text : text === null ? null : Buffer.from(text)))),
    complete('SELECT 1'),
    ready(),
  ];
  const script = [sends('client', query('select 1')), sends('server', ...bytes)];
  const long = check([sends('client', hello()), sends('server', welcome()), ...script], {
    bounds: { ...BOUNDS, responseBytesMax: 5000 },
  });
  const short = check([sends('client', hello()), sends('server', welcome()), ...script]);
  assert.equal(responseText(long.exchanges[1]), responseText(short.exchanges[1]));
  assert.match(responseText(short.exchanges[1]), /"caf\\u00e9"\]\n$/);
});

test('a long row in binary: text as text, bytea and what is not known as hexadecimal', () => {
  const bytes = Buffer.alloc(70_000, 0xab);
  const run = check(
    [
      sends('client', hello()),
      sends('server', welcome()),
      sends('client', query('fetch c')),
      sends('server', columns(['b', 17, 1], ['t', 25, 1], ['j', 3802, 1], ['u', 99_999, 1], ['n', 23, 1])),
      sends(
        'server',
        row(bytes, 'x'.repeat(70_000), `\x01"${'y'.repeat(70_000)}"`, bytes, i32(7)),
        complete('FETCH 1'),
        ready(),
      ),
    ],
    { bounds: { ...BOUNDS, responseBytesMax: 1_000_000 } },
  );
  const hex = bytes.toString('hex');
  const line = JSON.stringify([
    `\\x${hex}`,
    'x'.repeat(70_000),
    `"${'y'.repeat(70_000)}"`,
    `binary(99999) \\x${hex}`,
    '7',
  ]);
  assert.equal(responseText(run.exchanges[1]).split('\n')[1], line);
});

test('a long row that does not add up says so', () => {
  for (const body of [
    [i16(1), i32(500), 'x'.repeat(400)],
    [i16(2), value('x'.repeat(400))],
    [i16(1), value('x'.repeat(400)), 'y'],
    [i16(1), i32(-5), 'x'.repeat(400)],
  ]) {
    const bytes = message('D', ...body);
    const run = session(
      sends('client', query('select 1')),
      sends('server', columns(['a']), bytes, complete('SELECT 1'), ready()),
    );
    assert.equal(responseText(run.exchanges[1]), `["a"]\n{"malformed_bytes":${bytes.length - 5}}\n`);
  }
});

test('COPY data above the bounds, in long messages and short ones', () => {
  for (const size of [60, 700]) {
    const data = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(size));
    const run = session(
      sends('client', query('copy t from stdin')),
      sends('server', message('G', 0, i16(0))),
      sends('client', ...data.map(copyData), copyDone()),
      sends('server', complete('COPY 10'), ready()),
      sends('client', query('copy t to stdout')),
      sends('server', message('H', 0, i16(0)), ...data.map(copyData), message('c'), complete('COPY 10'), ready()),
    );
    const [, into, out] = run.exchanges;
    const whole = data.join('');
    assert.equal(requestText(into), whole.slice(0, 1000));
    assert.equal(responseText(out), whole.slice(0, 500));
    assert.deepEqual([into?.request.totalBytes, out?.response.totalBytes], [whole.length, whole.length]);
    assert.deepEqual(Buffer.from(out?.response.sha256 ?? []), createHash('sha256').update(whole).digest());
    assert.equal(run.counts.server.cut, whole.length - 500);
  }
});

test('a message that announces more than it may is no message', () => {
  for (const header of [
    'Q\x40\x00\x00\x01',
    'Q\xff\xff\xff\xff',
    'Q\x00\x00\x00\x03',
    'S\x00\x00\x00\x05',
    '?\x00\x00\x00\x04',
  ]) {
    const run = session(
      sends('client', header, 'rest', query('select 1')),
      sends('server', columns(['a']), complete('SELECT 0'), ready()),
    );
    assert.deepEqual(linesOf(run), ['SELECT ok 0 | select 1']);
    assert.equal(run.counts.client.notUnderstood, 9);
  }
});

test('what was only announced takes no memory', () => {
  const steps = [sends('client', hello(), 'Q\x3f\xff\xff\xff', 'select'), sends('server', 'D\x3f\xff\xff\xff\x00\x01')];
  const run = runScript(postgres, normalised(steps));
  assert.ok(run.heldBytesMax < 10_000, `${run.heldBytesMax}`);
});

test('requests beyond the pipeline are given out unanswered, and later replies go to none of them', () => {
  const run = session(
    sends('client', ...Array.from({ length: 20 }, (_, i) => query(`select ${i}`))),
    sends(
      'server',
      ...Array.from({ length: 20 }, (_, i) => [columns(['a']), row(`${i}`), complete('SELECT 1'), ready()]).flat(),
    ),
    sends('client', query('select 20')),
    sends('server', columns(['a']), row('20'), complete('SELECT 1'), ready()),
  );
  const lines = linesOf(run);
  assert.equal(lines.length, 21);
  assert.deepEqual(
    lines.slice(0, 15),
    Array.from({ length: 15 }, (_, i) => `SELECT unknown | select ${i}`),
  );
  assert.deepEqual(
    lines.slice(15),
    Array.from({ length: 6 }, (_, i) => `SELECT ok 1 | select ${i + 15}`),
  );
  assert.equal(run.exchanges[1]?.attributes['given_up'], 'pipeline');
  assert.equal(responseText(run.exchanges.at(-1)), '["a"]\n["20"]\n');
});

test('the same in the extended protocol, with errors in between', () => {
  const one = (i: number) => [parse('', `select ${i}`), bind('', ''), execute(), sync()];
  const answer = (i: number) =>
    i % 3 === 0 ? [error('22012'), ready()] : [parseComplete(), message('2'), complete('SELECT 0'), ready()];
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  const run = session(sends('client', ...numbers.flatMap(one)), sends('server', ...numbers.flatMap(answer)));
  const lines = linesOf(run);
  assert.deepEqual(lines.slice(-2), ['SELECT error 22012 | select 18', 'SELECT ok 0 | select 19']);
  assert.equal(lines.filter((line) => line.startsWith('SELECT unknown')).length, 15);
});

test('a pipeline that is far too long is forgotten, and its replies are passed over until they are through', () => {
  const one = (i: number) => [parse('', `select ${i}`), bind('', ''), execute(), sync()];
  const answer = [parseComplete(), message('2'), complete('SELECT 0'), ready()];
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  const run = session(
    sends('client', ...numbers.flatMap(one)),
    sends('server', ...numbers.flatMap(() => answer)),
    sends('client', ...one(200)),
    sends('server', ...answer),
  );
  const lines = linesOf(run);
  assert.equal(lines.length, 201);
  assert.equal(lines.at(-1), 'SELECT ok 0 | select 200');
  assert.ok(lines.slice(0, 150).every((line) => line.startsWith('SELECT unknown')));
});

test('floods of small messages are held within the bound', () => {
  const floods: Script[] = [
    [sends('client', ...Array.from({ length: 5000 }, () => flush()))],
    [sends('client', ...Array.from({ length: 5000 }, () => sync()))],
    [sends('client', parse('', 'select 1'), bind('', ''), ...Array.from({ length: 5000 }, () => message('D', 'P', 0)))],
    [
      sends(
        'client',
        ...Array.from({ length: 5000 }, (_, i) => parse(`s${i}`, `select ${i} /* ${'x'.repeat(100)} */`)),
      ),
    ],
    [
      sends(
        'client',
        parse('s', 'select 1'),
        ...Array.from({ length: 5000 }, (_, i) => bind(`p${i}`, 's', ['x'.repeat(100)])),
      ),
    ],
    [
      sends('client', query('select 1')),
      sends('server', ...Array.from({ length: 5000 }, () => message('N', 'SNOTICE\0Mx\0', 0))),
    ],
    [sends('server', ...Array.from({ length: 5000 }, () => error('22012')))],
    [sends('server', ...Array.from({ length: 5000 }, () => complete('SELECT 1')))],
  ];
  for (const flood of floods) {
    const script = normalised([
      sends('client', hello()),
      sends('server', welcome()),
      ...flood,
      ends('client'),
      ends('server'),
    ]);
    const run = runScript(postgres, script, { bounds: BOUNDS });
    assert.ok(run.heldBytesMax < heldBytesMaxOf(BOUNDS) && run.counts.client.notUnderstood === 0);
  }
});

test('large parameters, or a large statement, cost no other statement its text', () => {
  const bounds = { ...BOUNDS, requestBytesMax: 100_000 };
  const done = [sends('server', parseComplete(), message('2'), complete('SELECT 0'), ready())];
  const run = check(
    [
      sends('client', hello()),
      sends('server', welcome()),
      sends('client', parse('kept', 'select kept'), sync()),
      sends('server', parseComplete(), ready()),
      sends('client', parse('', 'select $1'), bind('', '', ['x'.repeat(80_000)]), execute(), sync()),
      ...done,
      sends('client', parse('', 'select 2'), bind('', ''), execute(), sync()),
      ...done,
      sends('client', bind('', 'kept'), execute(), sync()),
      sends('server', message('2'), complete('SELECT 0'), ready()),
      sends('client', parse('', `select '${'y'.repeat(90_000)}'`), bind('', ''), execute(), sync()),
      ...done,
    ],
    { bounds },
  );
  const ran = run.exchanges.filter(({ operation }) => operation === 'SELECT');
  assert.deepEqual(
    ran.map(({ statement }) => statement.slice(0, 12)),
    ['select $1', 'select 2', 'select kept', "select 'yyyy"],
  );
  assert.deepEqual(
    ran.map(({ attributes }) => attributes['statement_unknown']),
    [undefined, undefined, undefined, undefined],
  );
});
