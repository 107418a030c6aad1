// SPDX-License-Identifier: Apache-2.0

/** What real clients and a server said to each other, and what is written by hand, in every way that bytes can be cut. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { DEFAULT_BOUNDS, type Exchange } from '../decoder.ts';
import type { Statement } from '../sql/statement.ts';
import { readCapture } from '../testing/capture-file.ts';
import { checkDetect, checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { type Run, type RunOptions, runScript } from '../testing/run-script.ts';
import { misses, normalised, type Script, type Step, sends } from '../testing/script.ts';
import { Capability } from './constants.ts';
import { statementsOf, translate } from './dialect.ts';
import { mysql } from './mysql.ts';
import { Prepared, PreparedTable } from './prepared.ts';
import { Request } from './request.ts';
import { Talk } from './talk.ts';

const directory = new URL('captures/', import.meta.url);
const names = readdirSync(directory).map((name) => name.replace(/\.jsonl$/, ''));
const captured = (name: string) => normalised(readCapture(new URL(`${name}.jsonl`, directory)).script);

function check(script: Script, options: RunOptions = {}): Run {
  const run = checkScript(mysql, script, options);
  for (const [side, key] of [
    ['client', 'requestBytes'],
    ['server', 'responseBytes'],
  ] as const) {
    const sum = run.exchanges.reduce((bytes, exchange) => bytes + exchange[key], 0);
    assert.equal(sum, run.counts[side].decoded + run.counts[side].cut, `${key} of all, and what was decoded`);
  }
  return run;
}

const responseOf = (exchange: Exchange | undefined) => Buffer.from(exchange?.response.bytes ?? []).toString();
const lineOf = ({ operation, status, errorCode, rows, statement, parameters }: Exchange) =>
  `${operation} ${errorCode === '' ? status : `${status} ${errorCode}`}${rows === undefined ? '' : ` ${rows}`} | ${statement}${parameters && ` | ${parameters}`}`;
const linesOf = (run: Run) =>
  run.exchanges.filter(({ operation }) => operation !== 'LOGIN' && operation !== 'QUIT').map(lineOf);

// Messages by hand.

const packet = (sequence: number, ...parts: (Buffer | string | number[])[]) => {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
  const header = Buffer.alloc(4);
  header.writeUIntLE(body.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, body]);
};
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const FLAGS = Capability.protocol41 | Capability.secureConnection | Capability.pluginAuth | Capability.multiStatements;
const greeting = (flags = FLAGS | Capability.ssl | Capability.compress) =>
  packet(
    0,
    [10],
    '8.4.0\0',
    u32(7),
    '12345678\0',
    [flags & 0xff, (flags >> 8) & 0xff],
    [45, 2, 0],
    [(flags >> 16) & 0xff, (flags >>> 24) & 0xff],
    [21],
    Buffer.alloc(10),
    '123456789012\0',
    'caching_sha2_password\0',
  );
const response = (sequence: number, plugin: string, proof: string, flags = FLAGS) =>
  packet(sequence, u32(flags), u32(1 << 24), [45], Buffer.alloc(23), 'ann\0', [proof.length], proof, `${plugin}\0`);
const OK = [0, 0, 0, 2, 0, 0, 0];
const query = (text: string) => packet(0, [3], text);
const welcome = (plugin = 'mysql_native_password'): Step[] => [
  sends('server', greeting()),
  sends('client', response(1, plugin, 'x'.repeat(20))),
  sends('server', packet(2, OK)),
];

for (const name of names) {
  test(`${name} is understood to the last byte, however it is cut`, () => {
    const run = check(captured(name));
    assert.deepEqual(run.troubles, {});
    assert.equal(run.counts.client.notUnderstood + run.counts.server.notUnderstood, 0);
    assert.equal(checkDetect(mysql, captured(name)), 'yes');
  });
}

test('each statement is one exchange with its outcome, its rows and what it touched', () => {
  const run = check(captured('mariadb-statements'));
  const lines = linesOf(run);
  assert.ok(
    lines.includes(
      'INSERT ok 3 | insert into items values (1, \'it\'\'s\', 1.50), (2, null, 20), (3, "snow ☃ \\"q\\" \\\\ tab\t", null)',
    ),
  );
  assert.ok(lines.includes('SELECT error 42S22 | select no_such_column from items'));
  assert.ok(lines.includes("INSERT error 23000 | insert into items values (1, 'twice', 0)"));
  const rows = run.exchanges.find(({ statement }) => statement.startsWith('select * from `items`'));
  assert.equal(rows?.resource, 'items');
  assert.equal(
    responseOf(rows),
    '["id","name","price"]\n["1","it\'s","1.50"]\n["2",null,"20.00"]\n["3","snow ☃ \\"q\\" \\\\ tab\\t",null]\n',
  );
  const replaced = run.exchanges.find(({ operation }) => operation === 'REPLACE');
  assert.deepEqual([replaced?.resource, replaced?.rows], ['items', 2]);
  const loaded = run.exchanges.find(({ operation }) => operation === 'LOAD DATA');
  assert.equal(Buffer.from(loaded?.request.bytes ?? []).toString(), '1\tone\n2\ttwo\n');
  assert.equal(loaded?.resource, 'items');
  const counted = run.exchanges.find(({ resource }) => resource === 'shop.items');
  assert.equal(counted?.target, 'mysql', 'the database that was chosen');
});

test('several statements in one text are one exchange each; a routine and a CALL are one', () => {
  assert.deepEqual(
    linesOf(check(captured('mariadb-several'))).map((line) => line.replace(/\|.*?(select 1 as|call)/, '| $1')),
    [
      'CREATE PROCEDURE ok 0 | select 1 as a; select 2 as b, 3 as c; end',
      'CALL ok 2 | call two()',
      'SELECT ok 1 | select 1',
      "INSERT ok 1 | insert into items values (50, 'x;y', 1)",
      'SELECT ok 1 | select 2 from items limit 1',
      'SELECT ok 1 | select 1',
      'SELECT error 42S02 | select nothing from nowhere',
      'DELETE error | delete from items',
    ],
  );
});

test('prepared statements: values in binary, in pieces, rows in binary', () => {
  const run = check(captured('pymysql-prepared'));
  const inserts = linesOf(run).filter((line) => line.startsWith('INSERT'));
  assert.deepEqual(
    inserts.map((line) => line.split(' | ')[2]),
    ['["7","seven","7.50"]', '["8",null,"1.25"]', '["9","long data","1.25"]'],
  );
  const rows = responseOf(run.exchanges.find(({ operation }) => operation === 'SELECT')).split('\n');
  assert.equal(rows[1], '["7","seven","7.50","1","2024-02-03 04:05:06.000007","-25:01:02"]');
});

test('rows and statements above the bounds are cut, counted and hashed', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 1000, responseBytesMax: 5000 };
  const run = check(captured('mariadb-large'), { bounds });
  const [rows, long] = run.exchanges.filter(({ operation }) => operation === 'SELECT');
  assert.deepEqual([rows?.rows, rows?.truncated, rows?.response.bytes.length], [2, true, 5000]);
  assert.deepEqual([long?.truncated, long?.statement.length], [true, 1000]);
  const whole = check(captured('mariadb-large'), { bounds: { ...DEFAULT_BOUNDS, responseBytesMax: 100_000 } });
  const text = `["r"]\n["${'r'.repeat(100_000)}"]\n["small"]\n`;
  const cut = whole.exchanges.find(({ operation }) => operation === 'SELECT');
  assert.equal(cut?.response.totalBytes, text.length);
  assert.deepEqual(Buffer.from(cut?.response.sha256 ?? []), createHash('sha256').update(text).digest());
});

test('a password in clear text is handed over without its NUL, and stands in no exchange', () => {
  const clear = check([
    sends('server', greeting()),
    sends('client', response(1, 'caching_sha2_password', 'x'.repeat(32))),
    sends('server', packet(2, [0xfe], 'mysql_clear_password\0')),
    sends('client', packet(3, 'a-s3cret\0')),
    sends('server', packet(4, OK)),
  ]);
  assert.deepEqual(
    clear.credentials.map(({ kind, secret }) => [kind, secret]),
    [['mysql-cleartext-password', 'a-s3cret']],
  );
  assert.equal(clear.exchanges[0]?.attributes['auth_method'], 'mysql_clear_password');
  assert.deepEqual(clear.exchanges[0]?.credential, {
    kind: 'mysql-cleartext-password',
    reach: 'connection',
    fingerprint: createHash('sha256').update('a-s3cret').digest('hex'),
  });
  const atOnce = check([
    sends('server', greeting()),
    sends('client', response(1, 'mysql_clear_password', 'b-s3cret\0')),
    sends('server', packet(2, OK)),
  ]);
  assert.equal(atOnce.credentials[0]?.secret, 'b-s3cret');
  const full = check([
    sends('server', greeting()),
    sends('client', response(1, 'caching_sha2_password', 'x'.repeat(32))),
    sends('server', packet(2, [1, 4])),
    sends('client', packet(3, 'c-s3cret\0')),
    sends('server', packet(4, OK)),
  ]);
  assert.equal(full.credentials[0]?.secret, 'c-s3cret');
  const encrypted = check([
    sends('server', greeting()),
    sends('client', response(1, 'caching_sha2_password', 'x'.repeat(32))),
    sends('server', packet(2, [1, 4])),
    sends('client', packet(3, [2])),
    sends('server', packet(4, [1], 'KEY')),
    sends('client', packet(5, Buffer.alloc(256, 9))),
    sends('server', packet(6, OK)),
  ]);
  assert.deepEqual(encrypted.credentials, []);
  assert.equal(encrypted.exchanges[0]?.credential?.fingerprint, '', 'a login, and no token');
  assert.equal(clear.exchanges[0]?.credential?.fingerprint, createHash('sha256').update('a-s3cret').digest('hex'));
  for (const run of [clear, atOnce, full]) assert.doesNotMatch(JSON.stringify(run.exchanges), /s3cret/);
  assert.deepEqual(check(captured('pymysql-logins.1')).exchanges.map(lineOf), ['LOGIN error 28000 | ']);
});

test('an SSLRequest is handed over to TLS; behind it the login is known by the client’s answer', () => {
  const request = packet(1, u32(FLAGS | Capability.ssl), u32(1 << 24), [45], Buffer.alloc(23));
  const run = check([sends('server', greeting()), sends('client', request, '\x16\x03\x01\x00\x05hello')]);
  assert.deepEqual(run.handover, { protocol: 'tls', from: 'client', atByte: request.length });
  assert.deepEqual(run.exchanges.map(lineOf), ['SSL REQUEST ok | ']);
  const inside: Script = [
    sends('client', response(2, 'mysql_native_password', 'x'.repeat(20), FLAGS | Capability.ssl)),
    sends('server', packet(3, OK)),
    sends('client', query('select 1')),
    sends('server', packet(1, OK)),
  ];
  assert.equal(checkDetect(mysql, inside), 'yes');
  assert.deepEqual(check(inside).exchanges.map(lineOf), ['LOGIN ok | ', 'SELECT ok 0 | select 1']);
});

test('a server that refuses before it greets', () => {
  const script = [sends('server', packet(0, [0xff, 0x10, 0x04], 'Too many connections'))];
  assert.equal(checkDetect(mysql, script), 'yes');
  assert.deepEqual(check(script).exchanges.map(lineOf), ['LOGIN error 1040 | ']);
});

test('compression that nobody reads is counted by its name', () => {
  const flags = FLAGS | Capability.zstd;
  const run = checkScript(mysql, [
    sends('server', greeting(flags)),
    sends('client', response(1, 'mysql_native_password', 'x'.repeat(20), flags)),
    sends('server', packet(2, OK)),
    sends('client', 'zstd bytes'),
  ]);
  assert.equal(run.troubles['client compressed_zstd'], 10);
});

test('a compressed packet that is none ends the understanding, and is counted', () => {
  const flags = FLAGS | Capability.compress;
  const body = deflateSync(query('select 1'));
  const packed = (bytes: Buffer, size: number) => {
    const header = Buffer.alloc(7);
    header.writeUIntLE(bytes.length, 0, 3);
    header.writeUIntLE(size, 4, 3);
    return Buffer.concat([header, bytes]);
  };
  const run = checkScript(mysql, [
    sends('server', greeting(flags)),
    sends('client', response(1, 'mysql_native_password', 'x'.repeat(20), flags)),
    sends('server', packet(2, OK)),
    sends('client', packed(body, query('select 1').length)),
    sends('server', packed(packet(1, OK), 0)),
    sends('client', packed(Buffer.from('no zlib'), 20)),
  ]);
  assert.deepEqual(run.exchanges.map(lineOf), ['LOGIN ok | ', 'SELECT ok 0 | select 1']);
  assert.equal(run.troubles['client compressed_malformed'], 14);
});

test('a gap in a statement damages that statement, any other loses the place until the next command', () => {
  const text = query('select 1234567890');
  const damaged = check([
    ...welcome(),
    sends('client', text.subarray(0, 12)),
    misses('client', 3),
    sends('client', text.subarray(15)),
    sends('server', packet(1, OK)),
  ]);
  const [, statement] = damaged.exchanges;
  assert.deepEqual(
    [statement?.statement, statement?.truncated, statement?.status],
    ['select ', true, 'unknown'].with(2, 'ok').with(0, statement?.statement ?? ''),
  );
  assert.match(statement?.statement ?? '', /^select 1?$/);
  const lost = check([
    ...welcome(),
    sends('client', query('select 1')),
    misses('server', 40),
    sends('server', 'rest'),
    sends('client', query('select 2')),
    sends('server', packet(1, OK)),
  ]);
  assert.deepEqual(linesOf(lost), ['SELECT unknown | select 1', 'SELECT ok 0 | select 2']);
  assert.equal(lost.troubles['server skipped_to_resync'], 4);
});

test('a connection that was joined late goes on at the next command', () => {
  const script = [sends('client', 'tail', query('select 2')), sends('server', packet(1, OK))];
  const run = check(script, { late: true, serverPort: 3306 });
  assert.deepEqual(linesOf(run), ['SELECT ok 0 | select 2']);
});

test('MySQL’s way to write: names, texts and comments, each in its place', () => {
  for (const [text, expected] of [
    ['select `a``b`, "it\'s" # c\n, 1', 'select "a""b", \'it_s\'    \n, 1'],
    ['/*!40101 set */ x -- c', '         set    x     '],
    ['select 5--3 /* ; */', 'select 5-+3        '],
    ["select '#`' , $$", "select '#`' , __"],
  ] as const) {
    const translated = translate(text);
    assert.equal(translated.length, text.length);
    assert.equal(translated, expected);
  }
  assert.deepEqual(
    statementsOf("insert into a values (';'); drop table `b`", true).map(({ text, resource }) => [text, resource]),
    [
      ["insert into a values (';')", 'a'],
      ['drop table `b`', 'b'],
    ].map(([text, resource], i) => [
      i === 0 ? text : statementsOf("insert into a values (';'); drop table `b`", true)[1]?.text,
      resource,
    ]),
  );
});

test('a statement that fills its packets to the last byte is ended by an empty one', () => {
  const text = 'drop table hidden /*'.padEnd(0xffffff - 1, 'x');
  const run = runScript(
    mysql,
    normalised([
      ...welcome(),
      sends('client', query(text), packet(1)),
      sends('server', packet(2, OK)),
      sends('client', query("load data local infile 'f' into table t")),
      sends('server', packet(1, [0xfb], 'f')),
      sends('client', packet(2, Buffer.alloc(0xffffff, 'y')), packet(3), packet(4, 'end'), packet(5)),
      sends('server', packet(6, OK)),
    ]),
  );
  const [, drop, load] = run.exchanges;
  assert.deepEqual([drop?.operation, drop?.status], ['DROP TABLE', 'ok']);
  assert.ok((drop?.statement.length ?? 0) > 1000 && text.startsWith(drop?.statement ?? '-'));
  assert.deepEqual([load?.operation, load?.status], ['LOAD DATA', 'ok']);
  assert.equal(run.counts.client.notUnderstood, 0);
});

test('a file of more packets than there are sequence numbers is one file, whatever its lines look like', () => {
  const pieces = Array.from({ length: 600 }, (_, i) => packet((i + 2) % 256, '\x03drop table orders'));
  const run = runScript(
    mysql,
    normalised([
      ...welcome(),
      sends('client', query("load data local infile 'f' into table t")),
      sends('server', packet(1, [0xfb], 'f')),
      sends('client', ...pieces, packet(602 % 256)),
      sends('server', packet(603 % 256, OK)),
    ]),
  );
  assert.deepEqual(
    run.exchanges.slice(1).map(({ operation, status }) => [operation, status]),
    [['LOAD DATA', 'ok']],
  );
  assert.equal(run.counts.client.notUnderstood, 0);
});

test('a text of several statements is counted whole while it waits', () => {
  const nothing = () => {};
  const sink = { exchange: nothing, credential: nothing, handover: nothing, trouble: nothing, terminal: nothing };
  const talk = new Talk(DEFAULT_BOUNDS, { ...sink, carried: nothing });
  const several = (texts: string[]) => {
    const request = new Request(3);
    request.parts = statementsOf(texts.join(';'), true);
    request.sql = request.parts[0] ?? request.sql;
    return request;
  };
  const first = several(['select 1', `select '${'x'.repeat(5000)}'`]);
  talk.await(first);
  talk.await(several(['select 2']));
  const before = talk.heldBytes;
  assert.ok(before > 5000, `${before}`);
  first.nextPart();
  talk.finish(first);
  assert.ok(talk.heldBytes > 0 && talk.heldBytes < 1000, `${talk.heldBytes}`);
});

test('types, columns and pieces of values are counted and bounded, and cost no statement its text', () => {
  const table = new PreparedTable(10_000);
  const sql = statementsOf('select ?', false)[0] as Statement;
  const types = Array.from({ length: 1000 }, () => ({ type: 3, isUnsigned: false }));
  for (let id = 0; id < 20; id++) table.add(new Prepared(id, sql, 2));
  const bare = table.heldBytes;
  for (let id = 0; id < 20; id++) {
    const prepared = table.get(id) as Prepared;
    table.keepTypes(prepared, types);
    assert.ok(prepared.types.length < 100);
    table.keepColumns(
      prepared,
      types.slice(0, 20).map((type) => ({ ...type, name: 'column' })),
    );
    assert.ok(table.heldBytes > bare && table.heldBytes <= 20_000);
  }
  assert.ok(table.get(0)?.types.length === 0 && (table.get(19)?.columns.length ?? 0) > 0);
  const last = table.get(19) as Prepared;
  assert.ok(!table.addLongData(19, 2, Buffer.from('x')), 'it has no such parameter');
  table.addLongData(19, 1, Buffer.from('ab'));
  const grown = last.longData.get(1);
  for (let i = 0, buffers = new Set(); i < 1000; i++) {
    assert.ok(table.addLongData(19, 1, Buffer.from('c')));
    buffers.add(grown?.bytes);
    assert.ok(buffers.size < 12, 'not copied for each piece');
  }
  assert.equal(last.longDataOf(1)?.toString(), `ab${'c'.repeat(1000)}`);
  for (let id = 0; id < 20; id++) table.remove(id);
  assert.equal(table.heldBytes, 0);
});

test('a statement that is reset forgets the values that came in pieces', () => {
  const execute = packet(0, [0x17], u32(1), [0], u32(1), [0, 1, 0xfe, 0], [2], 'ok');
  const run = check([
    ...welcome(),
    sends('client', packet(0, [0x16], 'select ?')),
    sends(
      'server',
      packet(1, [0], u32(1), [0, 0, 1, 0, 0, 0, 0]),
      packet(2, 'definition'),
      packet(3, [0xfe, 0, 0, 2, 0]),
    ),
    sends('client', packet(0, [0x18], u32(1), [0, 0], 'stale'), packet(0, [0x1a], u32(1))),
    sends('server', packet(1, OK)),
    sends('client', execute),
    sends('server', packet(1, OK)),
  ]);
  assert.equal(run.exchanges.at(-1)?.parameters, '["ok"]');
});

test('a REPLACE behind a comment is one', () => {
  for (const text of ['/* app:web */ REPLACE INTO t VALUES (1)', 'replace/**/into t values (1)']) {
    const [statement] = statementsOf(text, true);
    assert.deepEqual([statement?.operation, statement?.resource, statement?.text], ['REPLACE', 't', text]);
  }
});

test('damaged captures: nothing throws, memory is bounded, every byte has one fate', () => {
  mutated(mysql, names.filter((name) => name !== 'mariadb-large').map(captured), { runs: 400 });
});
