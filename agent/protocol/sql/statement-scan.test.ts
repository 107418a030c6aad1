// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SHAPE_LENGTH_MAX } from './shape-writer.ts';
import { scanStatements } from './statement-scan.ts';

const operationOf = (text: string) => scanStatements(text).map((one) => one.operation);
const shapeOf = (text: string) => scanStatements(text).map((one) => one.shape);
const unboundedIn = (text: string) => scanStatements(text).map((one) => one.unbounded);
const resourceOf = (text: string) => scanStatements(text).map((one) => one.resource)[0];

test('a text is split at the semicolons that end statements', () => {
  const texts = (text: string) => scanStatements(text).map((one) => one.text);
  assert.deepEqual(texts("select ';'; /* ; */ select $$;$$ -- ;\n; ;"), ["select ';'", '/* ; */ select $$;$$ -- ;']);
  assert.deepEqual(texts(' select 1 ; '), [' select 1 ; '], 'a single statement keeps its text as it was sent');
  assert.deepEqual(texts('-- nothing\n ; ;'), []);
  assert.equal(texts('create rule r as on insert to t do (select 1; select 2); select 3').length, 2);
  const atomic = 'create function f() returns int begin atomic select case when true then 1 end; select 2; end';
  assert.deepEqual(texts(`${atomic}; select 3`), [atomic, 'select 3']);
});

test('the operation is the command, in the words of SQL', () => {
  for (const [text, operation] of [
    ['select 1', 'SELECT'],
    ['(select 1) union select 2', 'SELECT'],
    ['values (1)', 'VALUES'],
    ['table t', 'TABLE'],
    ['select * into t from u', 'SELECT INTO'],
    ['create table t (a int)', 'CREATE TABLE'],
    ['create temp table t as select 1', 'CREATE TABLE AS'],
    ['create or replace view v as select 1', 'CREATE VIEW'],
    ['CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)', 'CREATE INDEX'],
    ['drop materialized view if exists v', 'DROP MATERIALIZED VIEW'],
    ['alter default privileges grant select on tables to x', 'ALTER DEFAULT PRIVILEGES'],
    ['create user mapping for u server s', 'CREATE USER MAPPING'],
    ['start transaction read only', 'START TRANSACTION'],
    ['rollback to savepoint a', 'ROLLBACK TO'],
    ["commit prepared 'x'", 'COMMIT PREPARED'],
    ['set local role admin', 'SET ROLE'],
    ['set session authorization bob', 'SET SESSION AUTHORIZATION'],
    ["set x = 'y'", 'SET'],
    ['explain delete from t', 'EXPLAIN'],
    ['explain (analyze false) select 1', 'EXPLAIN ANALYZE'],
    ['prepare p as delete from t', 'PREPARE'],
    ["do 'begin null; end'", 'DO'],
    ['IDENTIFY_SYSTEM', 'IDENTIFY_SYSTEM'],
    ['selec 1', 'SELEC'],
    ['', undefined],
  ] as const) {
    assert.equal(operationOf(text)[0], operation, text);
  }
});

test('what changes data is not hidden by what it stands in', () => {
  for (const [text, operation, verbs] of [
    ['with d as (delete from t returning *) select * from d', 'DELETE', 'DELETE, SELECT'],
    [
      'with a as (select 1), b as not materialized (update t set x = 1) insert into u select 1',
      'UPDATE',
      'SELECT, UPDATE, INSERT',
    ],
    ['with "with (" as (delete from t) select 1', 'DELETE', 'DELETE, SELECT'],
    ['explain analyze verbose delete from t', 'DELETE', 'EXPLAIN ANALYZE, DELETE'],
    ['explain (costs off, analyze) update t set a = 1', 'UPDATE', 'EXPLAIN ANALYZE, UPDATE'],
    ['copy (delete from t returning *) to stdout', 'DELETE', 'COPY, DELETE'],
    ['do $x$ begin if true then delete from t; end if; end $x$', 'DELETE', 'DO, DELETE'],
    ["do language plpgsql 'begin insert into t values (''delete''); end'", 'INSERT', 'DO, INSERT'],
  ] as const) {
    const [statement] = scanStatements(text);
    assert.deepEqual([statement?.operation, statement?.verbs], [operation, verbs], text);
  }
});

test('words in comments, literals and names are not verbs', () => {
  for (const text of [
    "select 'delete from t' /* delete from t */ -- delete from t",
    'select 1 as delete from t',
    'with delete as (select 1) select * from delete',
    'with "delete" as (select 1) select * from "delete"',
    'select $$;delete from t$$',
    'select "a;delete from t" from u',
    "select E'\\';delete from t;'",
  ]) {
    assert.deepEqual(operationOf(text), ['SELECT'], text);
  }
  assert.deepEqual(operationOf('create policy p on t for delete using (true)'), ['CREATE POLICY']);
  assert.deepEqual(operationOf('create trigger g after delete or update on t execute function f()'), [
    'CREATE TRIGGER',
  ]);
  assert.deepEqual(operationOf('insert into t values (1) on conflict (a) do update set b = 1 where t.a = 1'), [
    'INSERT',
  ]);
});

test('a DELETE or UPDATE is unbounded when its own clause has no WHERE', () => {
  for (const text of [
    'delete from t',
    'delete from t;',
    'DELETE FROM ONLY "My Table" AS t',
    'delete from t using (select 1 from u where u.a = 1) s',
    'delete from t returning (select a from u where u.b = t.b)',
    'update t set a = (select max(b) from u where u.c = 1)',
    'update t set a = 1 from u',
    'with d as (delete from t returning *) select * from d where a = 1',
    'with s as (select 1 from u where true) delete from t',
    'delete from t where true',
    'delete from t where (1 = 1)',
    "update t set a = 1 where 'x' = 'x'",
    'delete from t where a = 5 or 1 = 1',
    'delete from t where not false',
    'do $$ begin delete from t where a = 1; update t set b = 2; end $$',
    'explain analyze delete from t',
    'delete from t /* where a = 1 */ -- where b = 2',
    'delete from "t where a"',
  ]) {
    assert.deepEqual(unboundedIn(text), [true], text);
  }
});

test('it is bounded by any WHERE of its own that can be false', () => {
  for (const text of [
    'delete from t where a = 1',
    'delete from t where(a = 1)',
    'delete from t where a in (select a from u)',
    'update t set a = 1 where current of c',
    'delete from t where a = 1 and 1 = 1',
    'delete from t where a = 1 and (b = 2 or 1 = 1)',
    'delete from t where 1 = 1 and a = 1',
    'delete from t where a = a',
    'update t set a = case when b then 1 else 2 end where c = 3',
    'do $$ begin update t set a = case when b then 1 else 2 end where c = 3; end $$',
    'explain delete from t',
    'prepare p as delete from t',
    'merge into t using u on t.a = u.a when matched then delete',
    'insert into t select * from u',
    'create function f() returns void as $$ delete from t $$ language sql',
  ]) {
    assert.deepEqual(unboundedIn(text), [false], text);
  }
  assert.deepEqual(unboundedIn('delete from a where x = 1; delete from b; select 1'), [false, true, false]);
});

test('the shape is the same for statements that differ in values, white space and comments', () => {
  for (const [first, ...others] of [
    [
      'select a from t where b = ?',
      'SELECT a\n FROM t -- c\n WHERE b = 42',
      "select/**/a from t where b='x'",
      'select a from t where b = $1',
      'select "a" from "t" where b = -1.5e3',
      'select a from t where b = null',
    ],
    [
      'select f(?) from t where a in (?)',
      'select f(1, 2) from t where a in (1, 2, 3)',
      "select f($1) from t where a in ('x')",
    ],
    [
      'insert into t(a, b) values (?)',
      'insert into t (a,b) values (1,2)',
      "insert into t(a, b) values (1, true), (3, 'x'), ($1, null)",
    ],
    ['insert into t values (?, now(), ?)', 'insert into t values (1, now(), 2), (3, now(), 4)'],
    ['select array[?], ?::int, a.b.c, count(*)', "select array[1,2], '5' :: int, a . b . c, count ( * )"],
  ] as const) {
    for (const text of others) assert.equal(shapeOf(text)[0], first, text);
  }
});

test('NULL, TRUE and FALSE stay words where they are no values', () => {
  assert.deepEqual(shapeOf('select 1 from t where a is null and b is not true'), [
    'select ? from t where a is null and b is not true',
  ]);
});

test('quoted names cannot pass for words of the shape', () => {
  assert.deepEqual(shapeOf('delete from "t where a = 1"'), ['delete from "t_where_a___1"']);
  assert.deepEqual(shapeOf('select "where", "From", "x""y" from "t"'), ['select "where", "from", "x_y" from t']);
});

test('a body of DO or CREATE FUNCTION is shown as code', () => {
  assert.deepEqual(shapeOf("do $$ BEGIN DELETE FROM t WHERE a = 'x'; END $$"), [
    'do $$ begin delete from t where a = ?; end $$',
  ]);
  assert.deepEqual(shapeOf("create function f() returns int as 'select 1' language sql"), [
    'create function f() returns int as $$ select ? $$ language sql',
  ]);
});

test('the resource names what is touched, and neither functions nor WITH queries', () => {
  for (const [text, resource] of [
    [
      'select * from a, only b.c as x, "D e" join f on f.a = (select g from h) where i in (select 1 from j)',
      'a, b.c, D e, f, h, j',
    ],
    ['select * from generate_series(1, 3) g, lateral (select 1 from k) l', 'k'],
    ['select extract(year from ts), substring(a from 1), a is distinct from b from t', 't'],
    [
      'select 1 from (a cross join b) as x (c, d) join (e join (select 1, f from g) h on true) on a.i = e.i',
      'a, b, e, g',
    ],
    ['with x as (select * from y), recursive as (select 1) select * from x, recursive', 'y'],
    ['with recursive x as (select 1 union select * from x) select * from x', ''],
    ['with users as (delete from users returning *) select * from users', 'users'],
    ['insert into a (b) select c from d', 'a, d'],
    ['update a set b = 1 from c', 'a, c'],
    ['merge into a using b on a.x = b.x when matched then delete', 'a, b'],
    ['delete from a using b, c where a.x = b.x', 'a, b, c'],
    ['copy a.b (c) from stdin', 'a.b'],
    ['truncate table a, only b', 'a, b'],
    ['create index i on only a using gin (b)', 'a'],
    ['drop table if exists a, b cascade', 'a, b'],
    ['alter table only a.b add column c int', 'a.b'],
    ['comment on table a is null', 'a'],
    ['grant select on table a, b to c', 'a, b'],
    ['vacuum (full, analyze) a', 'a'],
    ['call p.q(1)', 'p.q'],
    ['do $$ begin delete from a; end $$', 'a'],
    ['select 1', ''],
  ] as const) {
    assert.equal(resourceOf(text), resource, text);
  }
});

test('PREPARE, EXECUTE and DEALLOCATE say whom they are about', () => {
  const [prepared] = scanStatements('prepare p (int) as delete from t where a = $1');
  assert.deepEqual(prepared?.prepares, { name: 'p', text: 'delete from t where a = $1' });
  assert.equal(scanStatements('execute "P x"(1)')[0]?.executes, 'P x');
  assert.equal(scanStatements('deallocate prepare p')[0]?.deallocates, 'p');
  assert.equal(scanStatements('deallocate all')[0]?.deallocates, '');
});

test('nothing of a literal, comment or quoted name reaches the shape as it was', () => {
  const secret = fc.stringMatching(/^[a-z]{6,12}$/).map((text) => `zq${text}`);
  const hidden = (text: string) =>
    fc.constantFrom(
      `'${text}'`,
      `E'\\'${text}'`,
      `$t$${text}$t$`,
      `/* ${text} */`,
      `-- ${text}\n`,
      `U&'${text}'`,
      `b'${text}'`,
    );
  fc.assert(
    fc.property(
      secret.chain((text) =>
        fc.tuple(
          fc.constant(text),
          fc.array(fc.oneof(hidden(text), fc.constantFrom('select', ',', '(', ')', '=', 'from', 'x', '1'))),
        ),
      ),
      ([text, parts]) => {
        for (const one of scanStatements(parts.join(' '))) assert.ok(!one.shape.includes(text), one.shape);
      },
    ),
  );
});

test('any text gives an answer, and the parts of the answer are bounded', () => {
  const words = fc.constantFrom(
    'select',
    'with',
    'as',
    '(',
    ')',
    'delete',
    'from',
    'update',
    'set',
    'where',
    ',',
    ';',
    '.',
    'a',
    '"',
    "'",
    '$$',
    'do',
    'begin',
    'end',
    'create',
    'table',
    'copy',
    'explain',
    'analyze',
    '-',
    '1',
    'or',
    '=',
    'null',
    '[',
    ']',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string({ maxLength: 5 })), { maxLength: 60 }), (parts) => {
      for (const one of scanStatements(parts.join(' '))) {
        assert.ok(one.shape.length <= SHAPE_LENGTH_MAX + 300 && one.operation.length <= 200);
      }
    }),
    { numRuns: 2000 },
  );
});

test('long texts of any kind take time that is linear in their length', () => {
  for (const part of [
    '(',
    ')',
    "'",
    '"',
    '$',
    '$a',
    '/*',
    ';',
    '- ',
    'a.',
    'with a as (',
    '(1,(2,',
    'from a,',
    '(1),',
    "E'\\\\",
    'x in (1) or ',
  ]) {
    const time = (length: number) => {
      const text = part.repeat(length / part.length);
      const start = process.hrtime.bigint();
      scanStatements(text);
      return Number(process.hrtime.bigint() - start) / 1e6;
    };
    time(100_000);
    // A quadratic one would need minutes.
    assert.ok(time(2_000_000) < 5000, `${part} repeated`);
  }
});

test('past a thousand statements the rest is one, and what it does is not lost', () => {
  const statements = scanStatements(`${'select 1; '.repeat(5000)} delete from t; select 2`);
  assert.equal(statements.length, 1000);
  assert.deepEqual([statements.at(-1)?.operation, statements.at(-1)?.unbounded], ['DELETE', true]);
});
