// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Script, sends } from '../testing/script.ts';
import { check, linesOf, responseText } from './testing/captures.ts';
import {
  bind,
  bindComplete,
  close,
  closeComplete,
  columns,
  complete,
  copyData,
  copyDone,
  describe,
  error,
  execute,
  flush,
  hello,
  i16,
  i32,
  message,
  noData,
  notice,
  parse,
  parseComplete,
  query,
  ready,
  row,
  sync,
  value,
  welcome,
} from './testing/hand-made-messages.ts';

const session = (...script: Script) => check([sends('client', hello()), sends('server', welcome()), ...script]);
const INT4 = 23;

test('Parse, Bind and Execute with a round trip after each are still told apart', () => {
  const run = session(
    sends('client', parse('', 'select $1::int', INT4), describe('S'), flush()),
    sends('server', parseComplete(), message('t', i16(1), i32(INT4)), columns(['int4', INT4])),
    sends('client', bind('', '', [i32(5)], [1], [1]), execute(), sync()),
    sends('server', bindComplete(), row(i32(6)), complete('SELECT 1'), ready()),
  );
  assert.deepEqual(linesOf(run), ['PREPARE ok | select $1::int', 'SELECT ok 1 | select $1::int | ["5"]']);
  assert.equal(responseText(run.exchanges[2]), '["int4"]\n["6"]\n');
});

test('parameters in binary are read with the types that the server tells only later', () => {
  const run = session(
    sends('client', parse('', 'select $1'), bind('', '', [i32(5)], [1]), describe('S'), execute(), sync()),
    sends('server', parseComplete(), bindComplete(), message('t', i16(1), i32(INT4)), columns(['x', INT4])),
    sends('server', row('5'), complete('SELECT 1'), ready()),
  );
  assert.deepEqual(linesOf(run), ['SELECT ok 1 | select $1 | ["5"]']);
});

test('two portals that are bound before they are run keep their parameters and rows apart', () => {
  const run = session(
    sends('client', parse('s', 'select $1'), bind('a', 's', ['1']), bind('b', 's', ['2'])),
    sends('client', describe('P', 'b'), execute('b'), execute('a'), close('P', 'a'), sync()),
    sends('server', parseComplete(), bindComplete(), bindComplete(), columns(['x'])),
    sends('server', row('two'), complete('SELECT 1'), row('one'), complete('SELECT 1'), closeComplete(), ready()),
  );
  assert.deepEqual(linesOf(run), [
    'PREPARE ok | select $1',
    'SELECT ok 1 | select $1 | ["2"]',
    'SELECT ok 1 | select $1 | ["1"]',
  ]);
  assert.equal(responseText(run.exchanges[2]), '["x"]\n["two"]\n');
  assert.equal(run.exchanges[3]?.attributes['portal'], 'a');
});

test('what is prepared or bound and not run is said so', () => {
  const run = session(
    sends('client', parse('', 'delete from t'), sync()),
    sends('server', parseComplete(), ready()),
    sends('client', parse('', 'delete from t'), bind('', ''), sync()),
    sends('server', parseComplete(), bindComplete(), ready()),
    sends('client', sync(), flush()),
    sends('server', ready()),
  );
  assert.deepEqual(linesOf(run), [
    'PREPARE ok | delete from t',
    'BIND ok | delete from t',
    'FLUSH ok | ',
    'SYNC ok | ',
  ]);
  assert.equal(run.exchanges[1]?.attributes['unbounded'], undefined, 'it did not run');
});

test('messages that are sent behind an error are skipped up to the Sync, also when they come later', () => {
  const run = session(
    sends('client', parse('', 'selec'), flush()),
    sends('server', error('42601')),
    sends('client', bind('', ''), execute(), parse('p', 'select 2'), query('select 3')),
    sends('client', sync()),
    sends('server', ready()),
    sends('client', bind('', 'p'), execute(), sync()),
    sends('server', error('26000'), ready()),
  );
  assert.deepEqual(linesOf(run), [
    'PREPARE error 42601 | selec',
    'EXECUTE error | ',
    'PREPARE error | select 2',
    'SELECT error | select 3',
    'SYNC ok | ',
    'EXECUTE error 26000 | ',
  ]);
  const skipped = run.exchanges.filter((one) => one.attributes['skipped'] === 'true');
  assert.equal(skipped.length, 3);
});

test('a statement closed behind an error is still there', () => {
  const run = session(
    sends('client', parse('p', 'select 1'), sync()),
    sends('server', parseComplete(), ready()),
    sends('client', parse('', 'selec'), close('S', 'p'), sync()),
    sends('server', error('42601'), ready()),
    sends('client', bind('', 'p'), execute(), sync()),
    sends('server', bindComplete(), complete('SELECT 0'), ready()),
  );
  assert.equal(linesOf(run).at(-1), 'SELECT ok 0 | select 1');
});

test('a COPY whose data is sent without waiting has its Sync behind the data', () => {
  const run = session(
    sends('client', parse('', 'copy t from stdin'), bind('', ''), execute(), sync()),
    sends('client', copyData('1\n'), copyDone(), sync()),
    sends('server', parseComplete(), bindComplete(), message('G', 0, i16(1), i16(0)), complete('COPY 1'), ready()),
    sends('client', query('select 1')),
    sends('server', columns(['x']), row('1'), complete('SELECT 1'), ready()),
  );
  assert.deepEqual(linesOf(run), ['COPY ok 1 | copy t from stdin', 'SYNC ok | ', 'SELECT ok 1 | select 1']);
});

test('the rows of a statement that was described once are named and read by that', () => {
  const run = session(
    sends('client', parse('p', 'select 1'), describe('S', 'p'), sync()),
    sends('server', parseComplete(), message('t', i16(0)), columns(['a', INT4], ['b']), ready()),
    sends('client', bind('', 'p', [], [], [1, 0]), execute(), sync()),
    sends('server', bindComplete(), row(i32(7), null), complete('SELECT 1'), ready()),
  );
  assert.equal(responseText(run.exchanges[2]), '["a","b"]\n["7",null]\n');
});

test('a value whose type is not known is hexadecimal, a row that does not add up says so', () => {
  const run = session(
    sends('client', parse('', 'select 1'), bind('', '', [], [], [1]), describe('P'), execute(), sync()),
    sends('server', parseComplete(), bindComplete(), columns(['a', 99_999])),
    sends(
      'server',
      row('\x00\xff'),
      message('D', i16(2), value('x')),
      message('D', i16(1), i32(-2)),
      complete('SELECT 3'),
      ready(),
    ),
  );
  assert.equal(
    responseText(run.exchanges[1]),
    '["a"]\n["binary(99999) \\\\x00ff"]\n{"malformed_bytes":7}\n{"malformed_bytes":6}\n',
  );
});

test('an empty statement, notices, a statement that gives nothing', () => {
  const run = session(
    sends('client', parse('', ''), bind('', ''), describe('P'), execute(), sync()),
    sends('server', parseComplete(), notice('look'), bindComplete(), noData(), message('I'), ready()),
  );
  assert.deepEqual(linesOf(run), ['EMPTY ok | ']);
  assert.equal(run.exchanges[1]?.attributes['notices'], '["NOTICE: look"]');
});

test('a function call shows its arguments and its value', () => {
  const call = (...values: (string | null)[]) =>
    message('F', i32(177), i16(1), i16(0), i16(values.length), ...values.map(value), i16(0));
  const run = session(
    sends('client', call('40', null)),
    sends('server', message('V', value('42')), ready()),
    sends('client', call()),
    sends('server', error('42883'), ready()),
  );
  assert.deepEqual(linesOf(run), ['FUNCTION CALL ok |  | ["40",null]', 'FUNCTION CALL error 42883 | ']);
  assert.equal(responseText(run.exchanges[1]), 'null\n["42"]\n'.slice(5));
  assert.equal(run.exchanges[1]?.resource, 'function 177');
});

test('a fatal error in the middle leaves what was sent behind it unanswered', () => {
  const run = session(
    sends('client', parse('', 'select 1'), bind('', ''), execute(), sync(), query('delete from t')),
    sends('server', parseComplete(), error('57P01', 'shutdown', 'FATAL')),
  );
  assert.deepEqual(linesOf(run), ['SELECT error 57P01 | select 1', 'DELETE unknown | delete from t']);
});

test('EXPLAIN of an EXECUTE is about what was prepared; only EXPLAIN ANALYZE runs it', () => {
  const says = (text: string, tag: string) => [sends('client', query(text)), sends('server', complete(tag), ready())];
  const { exchanges } = session(
    ...says('prepare p as delete from t', 'PREPARE'),
    ...says('prepare q as select 1 from u', 'PREPARE'),
    ...says('explain execute p', 'EXPLAIN'),
    ...says('explain analyze execute p', 'EXPLAIN'),
    ...says('explain analyze execute q', 'EXPLAIN'),
    ...says('explain execute other', 'EXPLAIN'),
  );
  assert.deepEqual(
    exchanges
      .slice(-4)
      .map(({ operation, resource, attributes }) => [operation, resource, attributes['verbs'], attributes['executes']]),
    [
      ['EXPLAIN', 't', undefined, 'delete from t'],
      ['DELETE', 't', 'EXPLAIN ANALYZE, EXECUTE, DELETE', 'delete from t'],
      ['EXPLAIN ANALYZE', 'u', 'EXPLAIN ANALYZE, EXECUTE, SELECT', 'select 1 from u'],
      ['EXPLAIN', 'other', undefined, undefined],
    ],
  );
});
