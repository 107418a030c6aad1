// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures in `../captures/` anew: real clients, a real server, a proxy between them that writes down the bytes.
 *
 *     bin/node agent/protocol/mysql/capture/make.ts PORT [PYTHON]
 *
 * PORT is that of a MariaDB server on 127.0.0.1 for nothing else, with local_infile, where root needs no password. Wants
 * mariadb of Debian, and a Python that has PyMySQL for the prepared statements and passwords of others.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRecordingProxy } from '../../postgres/capture/recording-proxy.ts';
import { writeCapture } from '../../testing/capture-file.ts';

const [port = '3306', python = 'python3'] = process.argv.slice(2);
const captures = new URL('../captures/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'sworn-mysql-capture-'));
writeFileSync(join(folder, 'lines.txt'), '1\tone\n2\ttwo\n');

const mariadb = ['mariadb', '-h127.0.0.1', '--default-character-set=utf8mb4'];
const SETUP = `create or replace database shop character set utf8mb4; create or replace user ann@localhost identified by 'ann-s3cret';
  grant all on shop.* to ann@localhost;`;
execFileSync('mariadb', ['-h127.0.0.1', `-P${port}`, '-uroot', '-e', SETUP]);

const PREPARED = `
import pymysql, sys
class Raw(pymysql.connections.Connection):
    def raw(self, command, body):
        self._execute_command(command, body)
        return [bytes(self._read_packet()._data)]
c = Raw(host='127.0.0.1', port=int(sys.argv[1]), user='root', database='shop', program_name='an agent')
def more(n):
    for _ in range(n): c._read_packet()
import struct
def prepare(text, rest):
    first = c.raw(22, text)[0]
    more(rest)
    return struct.unpack('<I', first[1:5])[0]
one = prepare(b"insert into items values (?, ?, ?)", 4)
def execute(id, nulls, types, values):
    return c.raw(23, struct.pack('<IBI', id, 0, 1) + nulls + b'\\x01' + types + values)
execute(one, b'\\0', b'\\x03\\0\\xfd\\0\\xf6\\0', struct.pack('<i', 7) + b'\\x05seven' + b'\\x047.50')
execute(one, b'\\2', b'\\x03\\0\\x06\\0\\xf6\\0', struct.pack('<i', 8) + b'\\x041.25')
c._execute_command(24, struct.pack('<IH', one, 1) + b'long ')
c._execute_command(24, struct.pack('<IH', one, 1) + b'data')
execute(one, b'\\0', b'\\x03\\0\\xfc\\0\\xf6\\0', struct.pack('<i', 9) + b'\\x041.25')
c.raw(26, struct.pack('<I', one))
c._execute_command(25, struct.pack('<I', one))
two = prepare(b"select id, name, price, now() > '2000-01-01', cast('2024-02-03 04:05:06.000007' as datetime(6)), cast('-25:01:02' as time) from items where id > ? and id < 20", 9)
r = c.raw(23, struct.pack('<IBI', two, 0, 1) + b'\\0\\x01\\x03\\0' + struct.pack('<i', 6)); more(11)
c.raw(2, b'mysql')
c.ping()
c.close()
`;

const CLEAR = `
import pymysql, sys
pymysql.connections.DEBUG = False
try:
    pymysql.connect(host='127.0.0.1', port=int(sys.argv[1]), user='ann', password='wrong-s3cret')
except Exception as error:
    print(error)
c = pymysql.connect(host='127.0.0.1', port=int(sys.argv[1]), user='ann', password='ann-s3cret', database='shop')
c.cursor().execute('select 1')
c.close()
`;

interface Case {
  readonly name: string;
  readonly command: readonly string[];
  readonly input?: string;
}

const CASES: readonly Case[] = [
  {
    name: 'mariadb-statements',
    command: [...mariadb, '-uroot', '--force', '--comments', 'shop'],
    input: `create or replace table items(id int primary key, name varchar(40), price decimal(8,2));
insert into items values (1, 'it''s', 1.50), (2, null, 20), (3, "snow ☃ \\"q\\" \\\\ tab\t", null);
select * from \`items\` order by id; # the lot
select 1 where false;
update items set price = price + 1 where id < 3;
delete from items;
/* nothing */ ;
select no_such_column from items;
insert into items values (1, 'one', 0);
insert into items values (1, 'twice', 0);
begin;
replace into items values (1, 'replaced', 0);
rollback;
show tables;
use mysql;
select count(*) from shop.items;
use shop;
load data local infile '${join(folder, 'lines.txt')}' replace into table items (id, name);
select id, name from items;
select x'00ff' as bytes, cast('a' as binary), 1.5e0, true;
`,
  },
  {
    name: 'mariadb-several',
    command: [...mariadb, '-uroot', '--delimiter=//', '--force', 'shop'],
    input: `create or replace procedure two() begin select 1 as a; select 2 as b, 3 as c; end//
call two()//
select 1; insert into items values (50, 'x;y', 1); select 2 from items limit 1//
select 1; select nothing from nowhere; delete from items//
`,
  },
  {
    name: 'mariadb-compressed',
    command: [...mariadb, '-uroot', '--compress', 'shop', '-e', `select repeat('long ', 2000) as l; select 1`],
  },
  { name: 'mariadb-tls', command: [...mariadb, '-uroot', '--ssl', 'shop', '-e', 'select 1'] },
  {
    name: 'mariadb-large',
    command: [
      ...mariadb,
      '-uroot',
      '-q',
      'shop',
      '-e',
      `select repeat('r', 100000) as r union all select 'small'; select '${'q'.repeat(50_000)}' as q`,
    ],
  },
  { name: 'pymysql-logins', command: [python, '-c', CLEAR, 'PORT'] },
  { name: 'pymysql-prepared', command: [python, '-c', PREPARED, 'PORT'] },
];

for (const { name, command, input = '' } of CASES) {
  const proxy = await startRecordingProxy(Number(port));
  const [file = '', ...rest] = command.map((arg) => (arg === 'PORT' ? String(proxy.port) : arg));
  const isCli = file === 'mariadb';
  const args = isCli ? [`-P${proxy.port}`, ...rest] : rest;
  const client = spawn(file, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  client.stdin.end(input);
  await once(client, 'exit');
  for (let i = 0; i < 50 && proxy.openConnections > 0; i++) await sleep(20);
  proxy.close();
  const version = execFileSync('mariadb', ['-h127.0.0.1', `-P${port}`, '-uroot', '-Ne', 'select version()'], {
    encoding: 'utf8',
  });
  const note = {
    server: `MariaDB ${version.trim()}`,
    client: isCli ? 'mariadb of Debian 12' : 'PyMySQL 1.1.1',
    command: isCli ? ['mariadb', ...rest.slice(1)].join(' ').slice(0, 100) : 'capture/make.ts',
    date: new Date().toISOString().slice(0, 10),
  };
  proxy.connections.forEach((script, i) => {
    const number = proxy.connections.length > 1 ? `.${i + 1}` : '';
    writeCapture(new URL(`${name}${number}.jsonl`, captures), { note, script });
  });
}
rmSync(folder, { recursive: true, force: true });
