// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exchangeOf, expectedOf, markOf, plainOf, redactor } from './testing/marked.ts';

const FOUND: Readonly<Record<string, readonly string[]>> = {
  'commands about roles': [
    "ALTER USER bob PASSWORD '«hunter2»'",
    "ALTER ROLE bob WITH LOGIN ENCRYPTED PASSWORD '«hunter2»' VALID UNTIL '2030-01-01'",
    'CREATE USER bob PASSWORD $$«hunter2»$$',
    "CREATE ROLE x PASSWORD E'«hunter2»'",
    "ALTER USER bob PASSWORD '«not closed»",
    'ALTER USER bob PASSWORD «hunter2»',
    "CREATE USER 'bob'@'%' IDENTIFIED BY '«hunter2»'",
    "SET PASSWORD FOR bob = '«hunter2»'",
  ],
  'foreign servers and connections': [
    "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password '«secret1»')",
    "ALTER USER MAPPING FOR bob SERVER s OPTIONS (SET password '«secret1»')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h user=u password=«hunter2» dbname=d' PUBLICATION p",
    "SELECT dblink_connect('host=h password=«hunter2»')",
    "SELECT dblink('postgres://u:«pw1»@h/d', 'select 1')",
    "ALTER SYSTEM SET primary_conninfo = 'host=h password=«hunter2»'",
    "COPY t TO PROGRAM 'curl -u a:«b1» https://x'",
  ],
  columns: [
    "INSERT INTO users (name, password) VALUES ('bob', '«hunter2»'), ('al', '«hunter3»')",
    `INSERT INTO users (name, "passWord") VALUES ('a','«b»')`,
    "UPDATE users SET password='«hunter2»', name='bob'",
    "UPDATE users SET (name, password) = ('bob', '«hunter2»') WHERE id = 1",
    "UPDATE users SET (name, password) = ROW ('bob', '«hunter2»')",
    "SELECT * FROM users u WHERE u.name = 'bob' AND u.api_key = '«abc»'",
    "SELECT * FROM users WHERE password <> '«abc»'",
    "SELECT 1 WHERE secret IN ('«aaa»', '«bbb»') AND name IN ('c')",
    "SELECT 1 WHERE secret NOT IN ('«aaa»', '«bbb»')",
    "SELECT name, CASE WHEN secret = '«s1»' THEN 'x' END",
    "MERGE INTO users u USING v ON u.id=v.id WHEN MATCHED THEN UPDATE SET password = '«x1»'",
    "SELECT * FROM t WHERE token = '«abcdef0123456789ABCDEF»'",
    "SELECT * FROM users u WHERE '«hunter2»' = u.password AND 'x' = u.name",
    "SELECT '«hunter2»'::text AS password, 'x' AS name",
    `SELECT '«hunter2»' AS "apiKey"`,
  ],
  functions: [
    "UPDATE users SET password_hash = crypt('«hunter2»', gen_salt('bf'))",
    "SELECT pgp_sym_encrypt('data', '«key1»')",
    "SELECT pgp_sym_decrypt(data, '«key1»') FROM t",
    "SELECT encrypt('data', '«key1»', 'aes')",
    "SELECT hmac('data', '«key1»', 'sha256')",
    "SELECT set_config('app.secret_key', '«abc»', false)",
    "SET app.password = '«abc»'",
    "SELECT jsonb_build_object('password', '«x1»', 'user', 'bob')",
  ],
  'bodies and commands in literals': [
    "CREATE FUNCTION f() RETURNS void AS $body$ UPDATE users SET password = '«hunter2»' $body$ LANGUAGE sql",
    "DO $$ BEGIN EXECUTE 'ALTER USER bob PASSWORD ''«hunter2»'''; END $$",
    "DO $a$ BEGIN EXECUTE $b$ ALTER USER bob PASSWORD '«hunter2»' $b$; END $a$",
  ],
  'comments and payloads': [
    '-- password: «hunter2»\nSELECT 1',
    '/* postgres://u:«pw1»@h/d */ SELECT 1',
    "SELECT 'Bearer «abcdef0123456789»'",
    `INSERT INTO log (body) VALUES ('{"password":"«hunter2»"}')`,
    "SELECT aws_s3.query_export_to_s3('q', '«AKIAIOSFODNN7EXAMPLE»')",
  ],
};

const UNTOUCHED = [
  'SELECT password FROM users WHERE id = 5',
  'SELECT * FROM tokens WHERE token IS NULL',
  "SELECT * FROM t WHERE token = 'abc'",
  'SELECT $1::text, password FROM users WHERE password = $2',
  'ALTER USER bob PASSWORD NULL',
  "ALTER USER bob PASSWORD '***'",
  "ALTER USER bob SET search_path = 'a'",
  "SELECT 'a' AS name, password FROM users WHERE name LIKE 'b' AND password IS NULL",
  "ALTER USER bob WITH PASSWORD '[redacted:0123456789ab]'",
  "CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (host 'h', dbname 'd')",
  'CREATE TABLE users (id int PRIMARY KEY, password text NOT NULL, token text)',
  "UPDATE t SET (name, note) = ('bob', 'password')",
  "INSERT INTO users (name, note) VALUES ('bob', 'it is')",
  'COPY users (name, password) FROM STDIN',
  'PREPARE p AS UPDATE users SET password = $1',
];

const clean = (statement: string): string =>
  redactor().exchange('postgresql', exchangeOf({ statement, statementShape: 'kept' })).statement;

describe('secrets in SQL', () => {
  for (const [kind, cases] of Object.entries(FOUND)) {
    it(`are found in ${kind}`, () => {
      for (const marked of cases) {
        assert.equal(clean(plainOf(marked)), expectedOf(marked));
        assert.equal(clean(expectedOf(marked)), expectedOf(marked), 'once more');
      }
    });
  }

  it('are not seen where there are none', () => {
    for (const statement of UNTOUCHED) assert.equal(clean(statement), statement);
  });

  it('have the mark of what the literal means', () => {
    assert.equal(clean("ALTER USER bob PASSWORD 'it''s'"), `ALTER USER bob PASSWORD '${markOf("it's")}'`);
  });

  it('are found among bound parameters by the place of $n', () => {
    const { parameters } = redactor().exchange(
      'postgresql',
      exchangeOf({
        statement: 'UPDATE users SET note = $1, password = $2 WHERE api_key = $3 AND name = $4',
        parameters: '["plain","hun\\"ter2",null,"bob"]',
      }),
    );
    assert.equal(parameters, `["plain","${markOf('hun"ter2')}",null,"bob"]`);
  });

  it('are found in COPY data by the names of its columns', () => {
    const copied = (statement: string, data: string): string => {
      const payload = { bytes: Buffer.from(data), totalBytes: data.length };
      return Buffer.from(
        redactor().exchange('postgresql', exchangeOf({ statement, request: payload })).request,
      ).toString();
    };
    assert.equal(
      copied('COPY users (name, password, note) FROM STDIN', 'bob\thunter2\tx\nal\t\\N\ty\n'),
      `bob\t${markOf('hunter2')}\tx\nal\t\\N\ty\n`,
    );
    assert.equal(
      copied('COPY users (password, name) FROM STDIN (FORMAT csv)', '"hun,ter2",bob\nhunter3,al\n'),
      `"${markOf('hun,ter2')}",bob\n${markOf('hunter3')},al\n`,
    );
  });

  it('are found in rows by the names of their columns', () => {
    const rows = '["id","name","password"]\n["1","bob","hunter2"]\n["2","al",null]\n';
    const { response } = redactor().exchange(
      'postgresql',
      exchangeOf({ statement: 'SELECT * FROM users', response: { bytes: Buffer.from(rows), totalBytes: rows.length } }),
    );
    assert.equal(Buffer.from(response).toString(), rows.replace('hunter2', markOf('hunter2')));
  });

  it('are taken out of what the server says about the statement', () => {
    const { errorMessage, attributes } = redactor().exchange(
      'postgresql',
      exchangeOf({
        statement: "ALTER USER bob PASSWORD 'hunter2hunter2'",
        errorMessage: 'syntax error at or near "hunter2hunter2"',
        attributes: { detail: 'it was hunter2hunter2', user: 'bob' },
      }),
    );
    assert.equal(errorMessage, `syntax error at or near "${markOf('hunter2hunter2')}"`);
    assert.deepEqual({ ...attributes }, { detail: `it was ${markOf('hunter2hunter2')}`, user: 'bob' });
  });

  it('leave the shape of a statement as it is: it has no literals', () => {
    const { statementShape } = redactor().exchange(
      'postgresql',
      exchangeOf({ statement: 'SELECT 1', statementShape: 'select password=?' }),
    );
    assert.equal(statementShape, 'select password=?');
  });
});
