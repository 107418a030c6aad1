// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { PARSED_LENGTH_MAX, parse, parserCounts } from './parser.ts';
import { forgetShapes, readStatements } from './statement-reader.ts';
import { scanStatements } from './statement-scan.ts';

beforeEach(forgetShapes);

const read = (text: string) => readStatements(text).map(({ operation, resource }) => [operation, resource]);

test('operation and resource are what the server understands', () => {
  for (const [text, ...statements] of [
    [
      'select * from a.b, only c x, "D e" join lateral f(1) on true where i in (select 1 from j)',
      ['SELECT', 'a.b, c, D e, j'],
    ],
    ['with d as (delete from t where a = 1 returning *) select * from d', ['DELETE', 't']],
    ['with t as (select 1) insert into t select * from t', ['INSERT', 't']],
    ['with a as (select * from a) select * from a', ['SELECT', 'a']],
    ['with recursive a as (select * from b union select * from a) select * from a', ['SELECT', 'b']],
    ['with recursive g(f) as (select 1) search depth first by f set s select * from g, h', ['SELECT', 'h']],
    ['with a as (with b as (select * from c) select * from b) select * from a, b', ['SELECT', 'c, b']],
    ['with a as (select 1) select * from s.a', ['SELECT', 's.a']],
    ['merge into t using u on t.a = u.a when matched then delete', ['MERGE', 't, u']],
    ['select a into b.c from d', ['SELECT INTO', 'b.c, d']],
    ['select 1 from t for update of t', ['SELECT', 't']],
    ['values (1)', ['VALUES', '']],
    ['table a.b', ['TABLE', 'a.b']],
    ['call p.q(1, (select 2))', ['CALL', 'p.q']],
    ['explain (analyze, verbose) update t set a = 1 from u', ['UPDATE', 't, u']],
    ['explain (analyze off) delete from t', ['EXPLAIN', 't']],
    ['explain execute p(1)', ['EXPLAIN', 'p']],
    ['explain analyze execute p(1)', ['EXPLAIN ANALYZE', 'p']],
    ['create table t as execute p(1)', ['CREATE TABLE AS', 't, p']],
    ['explain create table t as execute p(1)', ['EXPLAIN', 't, p']],
    ['copy t (a) from stdin', ['COPY', 't']],
    ['copy (delete from t returning *) to stdout', ['DELETE', 't']],
    ['prepare p (int) as delete from t where a = $1', ['PREPARE', 't']],
    ['execute p(1)', ['EXECUTE', 'p']],
    ['deallocate all', ['DEALLOCATE', '']],
    ['do $x$ begin delete from t; end $x$', ['DELETE', 't']],
    ['begin; update t set a = 1; end', ['BEGIN', ''], ['UPDATE', 't'], ['END', '']],
    ['select 1 /* ; delete from t */; -- ; x\n select $$;$$ from u', ['SELECT', ''], ['SELECT', 'u']],
    [String.raw`select 1 from U&"d\0061ta"`, ['SELECT', 'data']],
    ['set role admin', ['SET ROLE', 'admin']],
    ['set local session authorization bob', ['SET SESSION AUTHORIZATION', 'bob']],
    ['set statement_timeout = 5', ['SET', 'statement_timeout']],
    ['create table a (b int references c)', ['CREATE TABLE', 'a, c']],
    ['create table a as select * from b', ['CREATE TABLE AS', 'a, b']],
    ['create view s.v as select * from a', ['CREATE VIEW', 's.v, a']],
    ['create user u', ['CREATE USER', 'u']],
    ['drop user u, v', ['DROP USER', 'u, v']],
    ['drop trigger t on a.b', ['DROP TRIGGER', 'a.b']],
    ['drop function f(int), s.g', ['DROP FUNCTION', 'f, s.g']],
    ['alter table a rename constraint b to c', ['ALTER TABLE', 'a']],
    ['alter table a attach partition b default', ['ALTER TABLE', 'a, b']],
    ['create function s.f() returns int begin atomic select 1 from t; end', ['CREATE FUNCTION', 's.f']],
    ['grant select on a, b.c to d', ['GRANT', 'a, b.c']],
    ['comment on column a.b.c is null', ['COMMENT', 'a.b']],
    ['vacuum (full) a; reindex (verbose) table b', ['VACUUM', 'a'], ['REINDEX', 'b']],
    ['truncate a, b.c cascade', ['TRUNCATE', 'a, b.c']],
  ] as const) {
    assert.deepEqual(read(text), statements, text);
  }
});

test('it says all verbs when there are several, and whether a clause bounds them', () => {
  for (const [text, verbs, unbounded] of [
    ['with d as (delete from t returning *) insert into u select * from d', 'DELETE, INSERT', true],
    ['merge into t using u on true when matched then delete', 'MERGE, DELETE', false],
    ['explain analyze delete from t where a = 1', 'EXPLAIN ANALYZE, DELETE', false],
    ['delete from t where a = 5 or 1 = 1', '', true],
    ['delete from t where a = 5', '', false],
    ['explain delete from t', '', false],
    ['select 1 where true', '', false],
  ] as const) {
    const [statement] = readStatements(text);
    assert.deepEqual([statement?.verbs, statement?.unbounded], [verbs, unbounded], text);
  }
});

test('what the server would refuse, and what is too long, is scanned', () => {
  for (const text of [
    'delete from t wher a = 1',
    'select 1 from',
    `select '${'x'.repeat(PARSED_LENGTH_MAX)}' from t`,
    'select 1\0',
  ]) {
    assert.deepEqual(readStatements(text), scanStatements(text), text.slice(0, 40));
  }
});

test('where backslashes escape in all strings the scanner answers', () => {
  const text = String.raw`select 'a\'; delete from t; --'`;
  assert.deepEqual(readStatements(text, { backslashQuotes: true }), scanStatements(text, { backslashQuotes: true }));
});

test('the parser is asked once for texts that differ in values', () => {
  const before = parserCounts.parsed;
  for (let i = 0; i < 100; i++)
    assert.deepEqual(read(`delete from t where a = ${i} and b = '${i}'`), [['DELETE', 't']]);
  assert.equal(parserCounts.parsed, before + 1);
  // Quoted names show in part in a shape: each text is asked for.
  assert.deepEqual(read('with "A B" as (select 1) select * from "A-B"'), [['SELECT', 'A-B']]);
  assert.deepEqual(read('with "A-B" as (select 1) select * from "A-B"'), [['SELECT', '']]);
});

test('statements beyond the scanner’s bound stay one', () => {
  const text = 'select 1;'.repeat(900).slice(0, PARSED_LENGTH_MAX - 20);
  assert.equal(readStatements(text).length, scanStatements(text).length);
});

test('a text of the longest kind, however it is nested, gives an answer and leaves the parser whole', () => {
  const failed = parserCounts.failed;
  for (const part of [
    'a+',
    '- ',
    'not ',
    '(',
    'case when ',
    '(select ',
    'f(',
    'array[',
    '((1),',
    'x in (select 1 where ',
    'select 1 union ',
    'from (',
    'with a as (',
  ]) {
    const text = `select ${part.repeat((PARSED_LENGTH_MAX - 20) / part.length)}`;
    readStatements(`${text}1`);
    readStatements(text);
  }
  assert.equal(parserCounts.failed, failed);
  assert.deepEqual(read('delete from t'), [['DELETE', 't']]);
});

/** Statements whose operation and relations are known by how they were made. */
interface Made {
  readonly text: string;
  readonly operation: string;
  readonly relations: readonly string[];
}

const RANK = ['DELETE', 'UPDATE', 'MERGE', 'INSERT', 'SELECT'];
const consequence = (...operations: readonly string[]): string =>
  RANK.find((one) => operations.includes(one)) ?? 'SELECT';
const relation = fc.constantFrom('orders', 'public.users', '"Mixed Case"', 'x1.y2', 'données');
const plain = (name: string): string => name.replaceAll('"', '');
const space = fc.constantFrom(' ', '\n', ' /* delete from c */ ', ' -- drop table d\n', '\t');
const value = fc.constantFrom(
  '1',
  "'a''; delete from b'",
  '$1',
  '$q$ update $q$',
  "E'\\'x'",
  'null',
  "U&'\\0041'",
  '-2.5e3',
);

const { statement } = fc.letrec<{ query: Made; statement: Made; modifying: Made }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(relation, value, space)
      .map(([name, one, gap]) => made(`select${gap}a from${gap}${name} where b = ${one}`, 'SELECT', name)),
    fc.tuple(relation, relation).map(([a, b]) => made(`select * from (${a} l cross join ${b} r)`, 'SELECT', a, b)),
    fc
      .tuple(tie('query'), relation)
      .map(([inner, name]) =>
        joined(`select 1 from ${name} where a in (${inner.text})`, 'SELECT', made('', '', name), inner),
      ),
    fc.tuple(tie('query'), tie('query')).map(([a, b]) => joined(`(${a.text}) union all (${b.text})`, 'SELECT', a, b)),
    fc
      .tuple(tie('query'), relation)
      .map(([inner, name]) =>
        joined(`with zz as (${inner.text}) select * from zz, ${name}`, 'SELECT', inner, made('', '', name)),
      ),
  ),
  modifying: fc.oneof(
    fc
      .tuple(relation, value, space)
      .map(([name, one, gap]) => made(`delete${gap}from ${name} where c = ${one}`, 'DELETE', name)),
    fc
      .tuple(relation, value)
      .map(([name, one]) => made(`update ${name} as u set c = ${one} where d = 1`, 'UPDATE', name)),
    fc
      .tuple(relation, tie('query'))
      .map(([name, inner]) => joined(`insert into ${name} (a) ${inner.text}`, 'INSERT', made('', '', name), inner)),
    fc
      .tuple(relation, relation)
      .map(([a, b]) => made(`merge into ${a} t using ${b} s on t.a = s.a when matched then do nothing`, 'MERGE', a, b)),
  ),
  statement: fc.oneof(
    tie('query'),
    tie('modifying'),
    fc
      .tuple(tie('modifying'), tie('modifying'))
      .map(([a, b]) =>
        joined(`with ww as (${a.text} returning *) ${b.text}`, consequence(a.operation, b.operation), a, b),
      ),
    tie('modifying').map((inner) => joined(`explain analyze ${inner.text}`, inner.operation, inner)),
    tie('modifying').map((inner) => joined(`prepare p as ${inner.text}`, 'PREPARE', inner)),
  ),
}));

function made(text: string, operation: string, ...names: readonly string[]): Made {
  return { text, operation, relations: names.map(plain) };
}

function joined(text: string, operation: string, ...parts: readonly Made[]): Made {
  return { text, operation, relations: parts.flatMap(({ relations }) => relations) };
}

test('any statement, alone or among others, means what it was made to mean; the scanner finds its operation too', () => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 3 }), space, (statements, gap) => {
      const text = statements.map((one) => one.text).join(`;${gap}`);
      fc.pre(text.length < PARSED_LENGTH_MAX && parse(text) !== undefined);
      const found = readStatements(text);
      assert.deepEqual(
        found.map((one) => [one.operation, one.resource]),
        statements.map((one) => [one.operation, Array.from(new Set(one.relations)).join(', ')]),
        text,
      );
      assert.deepEqual(
        scanStatements(text).map((one) => one.operation),
        statements.map((one) => one.operation),
        text,
      );
    }),
    { numRuns: 300 },
  );
});

test('random words never throw, and shapes stay the scanner’s', () => {
  const words = fc.constantFrom(
    ...'select delete from where with as ( ) , ; . a "b" set update into values 1 $1 union join on explain copy do $$x$$'.split(
      ' ',
    ),
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 30 }), (parts) => {
      const text = parts.join(' ');
      const shapes = readStatements(text).map((one) => one.shape);
      assert.equal(
        shapes.join(';'),
        scanStatements(text)
          .map((one) => one.shape)
          .join(';'),
      );
    }),
    { numRuns: 1000 },
  );
});
