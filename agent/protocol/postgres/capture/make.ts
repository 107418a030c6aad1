// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures in `../captures/` anew: real clients, a real server, a proxy between them that writes down the bytes.
 *
 *     bin/node agent/protocol/postgres/capture/make.ts [case …]
 *
 * Besides the packaged server it wants psql, pgbench, pg_recvlogical and python3 of Debian, and, for one case, the server
 * of Debian's postgresql-15 in /usr/lib. Captures differ from run to run in salts, process ids and times.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeCapture } from '../../testing/capture-file.ts';
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts';
import { SERVER_FILES, startServer, type ThrowawayServer } from './throwaway-server.ts';

const captures = new URL('../captures/', import.meta.url);
const here = fileURLToPath(new URL('.', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'sworn-capture-'));
const DEBIAN_15 = '/usr/lib/postgresql/15/bin';
const SECONDS_MAX = 60;

interface Case {
  readonly name: string;
  readonly client: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** The client is meant to fail (exit status not 0). */
  readonly fails?: boolean;
  readonly remark?: string;
  /** End the client after so many milliseconds: it would not end by itself. */
  readonly endAfterMs?: number;
}

const PSQL = 'psql 15 (Debian)';
const PLAIN = 'sslmode=disable';

function psql(name: string, stdin: string, more: Partial<Case> & { conninfo?: string; args?: string[] } = {}): Case {
  const { conninfo = 'user=postgres dbname=postgres sslmode=disable', args = [], ...rest } = more;
  const command = ['psql', '-X', '-q', '-A', `host=127.0.0.1 port=PORT ${conninfo}`, ...args];
  return { name, client: PSQL, command, ...(args.length > 0 ? {} : { stdin }), ...rest };
}

function libpq(name: string, version: 15 | 18, more: Partial<Case> = {}): Case {
  const libraryOf = { 15: 'libpq.so.5', 18: join(SERVER_FILES, 'lib', 'libpq.so.5') };
  return {
    name: `libpq-${name}`,
    client: `libpq ${version} through ctypes`,
    command: [
      'python3',
      join(here, 'libpq_client.py'),
      libraryOf[version],
      `host=127.0.0.1 port=PORT user=postgres dbname=postgres ${PLAIN} gssencmode=disable`,
      name.replaceAll('-', '_'),
    ],
    ...(version === 18 ? { env: { LD_LIBRARY_PATH: join(SERVER_FILES, 'lib') } } : {}),
    ...more,
  };
}

function node(name: string): Case {
  const command = [process.execPath, join(here, 'node-postgres-client.ts'), 'PORT', name];
  return { name: `node-postgres-${name}`, client: 'node-postgres 8.23.1', command };
}

function pgbench(name: string, args: string[], script?: string, fails = false): Case {
  const file = join(scratch, `${name}.sql`);
  if (script !== undefined) writeFileSync(file, script);
  const command = ['PGBENCH', '-n', '-c1', '-j1', '-h', '127.0.0.1', '-p', 'PORT', '-U', 'postgres', ...args];
  if (script !== undefined) command.push('-f', file);
  return { name: `pgbench-${name}`, client: 'pgbench 15 (Debian)', command: [...command, 'postgres'], fails };
}

const CASES: readonly Case[] = [
  psql(
    'psql-statements',
    `create table items(id int primary key, name text, price numeric(8,2));
insert into items values (1, 'it''s', 1.50), (2, null, 20), (3, 'snow ☃ "q" \\ tab	', null);
select * from items order by id;
select from items;
select 1 where false;
update items set price = price + 1 where id < 3;
delete from items where id = 2;
/* nothing */ ;
do $$ begin raise notice 'careful: %', 42; raise warning 'hm'; end $$;
select no_such_column from items;
insert into items values (1, 'twice', 0);
begin;
savepoint a;
select 1/0;
rollback to a;
commit;
set application_name = 'renamed';
set timezone = 'Europe/Berlin';
declare c cursor with hold for select id from items order by id;
fetch 1 from c;
fetch all from c;
explain (costs off) select 1;
truncate items;
drop table items;
`,
  ),
  psql('psql-many-in-one', '', {
    args: [
      '-c',
      "create temp table m(i int); insert into m values (1),(2);; select i, ';' as semi from m; drop table m",
    ],
  }),
  psql('psql-many-in-one-error', '', {
    args: ['-c', 'create temp table m(i int); insert into m values (1); select 1/0; delete from m; select 2'],
    fails: true,
  }),
  psql('psql-empty', '', { args: ['-c', '', '-c', ' -- only a comment', '-c', 'select 1;;'] }),
  psql(
    'psql-copy',
    `create temp table c(a int, b text);
copy c from stdin;
1	one
2	\\N
\\.
copy c to stdout;
copy (select b, a from c order by a) to stdout with (format csv, header);
copy c from stdin;
not a number
\\.
copy missing from stdin;
copy missing to stdout;
select count(*) from c;
`,
    { remark: 'the fourth COPY fails on its data, the fifth and sixth on the table' },
  ),
  psql('psql-latin1', "set client_encoding = latin1; select 'caf' || chr(233) as c, 1 as n;\nselect 'plain';\n", {
    env: { PGCLIENTENCODING: 'LATIN1' },
  }),
  psql('psql-ssl-refused', 'select 1;\n', { conninfo: 'user=postgres dbname=postgres sslmode=prefer' }),
  psql('psql-login-options', 'select 1;\n', {
    conninfo: `user=postgres dbname=postgres application_name='an agent' ${PLAIN} options='-c work_mem=8MB -c statement_timeout=9s'`,
  }),
  psql('psql-login-cleartext', 'select 1;\n', {
    conninfo: `user=clear dbname=postgres ${PLAIN} password=clear-s3cret`,
  }),
  psql('psql-login-md5', 'select 1;\n', { conninfo: `user=digest dbname=postgres ${PLAIN} password=digest-s3cret` }),
  psql('psql-login-scram', 'select 1;\n', { conninfo: `user=scram dbname=postgres ${PLAIN} password=scram-s3cret` }),
  psql('psql-login-wrong-password', '', {
    conninfo: `user=scram dbname=postgres ${PLAIN} password=wrong-s3cret`,
    args: ['-c', 'select 1'],
    fails: true,
  }),
  psql('psql-login-wrong-cleartext', '', {
    conninfo: `user=clear dbname=postgres ${PLAIN} password=wrong-s3cret`,
    args: ['-c', 'select 1'],
    fails: true,
  }),
  psql('psql-login-no-database', '', {
    conninfo: `user=postgres dbname=nowhere ${PLAIN}`,
    args: ['-c', 'select 1'],
    fails: true,
  }),
  psql('psql-login-rejected', '', {
    conninfo: `user=barred dbname=postgres ${PLAIN}`,
    args: ['-c', 'select 1'],
    fails: true,
  }),
  psql(
    'psql-replication-commands',
    'IDENTIFY_SYSTEM;\nSHOW wal_level;\nCREATE_REPLICATION_SLOT sworn_temp TEMPORARY LOGICAL test_decoding NOEXPORT_SNAPSHOT;\nselect 1;\n',
    { conninfo: `user=postgres dbname=postgres replication=database ${PLAIN}` },
  ),
  {
    name: 'pg-recvlogical',
    client: 'pg_recvlogical 15 (Debian)',
    command: [
      `${DEBIAN_15}/pg_recvlogical`,
      '-d',
      `host=127.0.0.1 port=PORT user=postgres dbname=postgres ${PLAIN}`,
      '--slot=sworn_slot',
      '--start',
      '-f',
      '-',
      '--no-loop',
      '-s1',
    ],
    endAfterMs: 1500,
  },
  pgbench('simple', ['-M', 'simple', '-S', '-t', '3']),
  pgbench('extended', ['-M', 'extended', '-S', '-t', '3']),
  pgbench('prepared', ['-M', 'prepared', '-S', '-t', '3']),
  pgbench('tpcb', ['-M', 'prepared', '-t', '2']),
  pgbench(
    'pipeline',
    ['-M', 'prepared', '-t', '2'],
    '\\set a 3\n\\startpipeline\nselect :a + 1;\nselect :a * 2, null;\nupdate pgbench_accounts set abalance = :a where aid = :a;\n\\endpipeline\n',
  ),
  pgbench(
    'pipeline-error',
    ['-M', 'extended', '-t', '1'],
    '\\set a 0\n\\startpipeline\nselect :a + 1;\nselect 1 / :a;\ndelete from pgbench_accounts;\n\\endpipeline\n',
    true,
  ),
  node('statements'),
  node('portal'),
  node('pipeline'),
  node('notifications'),
  node('terminated'),
  libpq('types-text-and-binary', 15),
  libpq('binary-parameters', 15),
  libpq('prepared-statements', 18),
  libpq('pipeline', 15),
  libpq('pipeline-error', 15),
  libpq('deferred-constraint', 15),
  libpq('copy-extended', 15),
  libpq('function-call', 15),
  libpq('cancel', 15),
  libpq('large-rows', 15),
  libpq('copy-large', 15),
  libpq('protocol-3-2', 18),
];

/** These want the server in another state; `make` puts it there. */
const TLS_CASE = psql('psql-ssl-granted', 'select 1;\n', { conninfo: 'user=postgres dbname=postgres sslmode=require' });
const OLD_SERVER_CASE: Case = {
  ...libpq('protocol-negotiated', 18),
  remark: 'the client asks for protocol 3.2, the server knows 3.0 only',
};

async function run(one: Case, server: ThrowawayServer, proxy: RecordingProxy): Promise<void> {
  const before = proxy.connections.length;
  const pgbenchFile = [fileURLToPath(new URL('../../../../.setup/pgbench', import.meta.url)), `${DEBIAN_15}/pgbench`];
  const [file = '', ...args] = one.command.map((word) =>
    word.replace('PORT', String(proxy.port)).replace(/^PGBENCH$/, pgbenchFile.find(existsSync) ?? 'pgbench'),
  );
  const env = { PATH: '/usr/bin:/bin', HOME: scratch, LANG: 'C.UTF-8', PSQLRC: '/dev/null', ...one.env };
  const child = spawn(file, args, { env, stdio: [one.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stdout?.on('data', (text) => {
    said += text;
  });
  child.stderr?.on('data', (text) => {
    said += text;
  });
  child.stdin?.end(one.stdin);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const limit = setTimeout(() => child.kill('SIGKILL'), SECONDS_MAX * 1000);
  if (one.endAfterMs !== undefined) setTimeout(() => child.kill('SIGINT'), one.endAfterMs);
  const status = await ended;
  clearTimeout(limit);
  for (let i = 0; i < 100 && proxy.openConnections > 0; i++) await sleep(10);
  if ((status !== 0) !== (one.fails ?? false) || process.env['SHOW'] !== undefined) {
    console.log(`${one.name}: exit ${status}\n${said.slice(0, 20_000)}`);
  }
  const scripts = proxy.connections.slice(before);
  scripts.forEach((script, index) => {
    const name = scripts.length === 1 ? one.name : `${one.name}.${index + 1}`;
    writeCapture(new URL(`${name}.jsonl`, captures), {
      note: {
        server: server.version,
        client: one.client,
        command: [...one.command.map((word) => word.replace(/^.*\/(?=[^/]+$)/, '')), one.stdin ?? ''].join(' ').trim(),
        date: new Date().toISOString().slice(0, 10),
        ...(one.remark === undefined ? {} : { remark: one.remark }),
      },
      script,
    });
  });
  console.log(`${one.name}: ${scripts.length} connection(s)`);
}

function makeCertificate(data: string): void {
  const [key, certificate] = [join(data, 'server.key'), join(data, 'server.crt')];
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  chmodSync(key, 0o600);
  if (process.getuid?.() === 0) for (const file of [key, certificate]) chownSync(file, 65534, 65534);
}

async function make(wanted: readonly string[]): Promise<void> {
  const isWanted = (one: Case) => wanted.length === 0 || wanted.includes(one.name);
  mkdirSync(captures, { recursive: true });
  const host = '127.0.0.1/32';
  const server = await startServer({
    settings: ['log_statement = all', 'log_connections = on', 'wal_level = logical', 'max_wal_senders = 4'],
    hostAccess: [
      `host all clear ${host} password`,
      `host all digest ${host} md5`,
      `host all scram ${host} scram-sha-256`,
      `host all barred ${host} reject`,
      `host all all ${host} trust`,
      `host replication all ${host} trust`,
    ],
    prepare: makeCertificate,
  });
  const admin = (sql: string, ...more: string[]) =>
    execFileSync('psql', ['-X', '-q', '-c', sql, ...more, `host=127.0.0.1 port=${server.port} user=postgres`]);
  try {
    admin("create role clear login password 'clear-s3cret'; create role scram login password 'scram-s3cret';");
    admin("set password_encryption = md5; create role digest login password 'digest-s3cret'; create role barred login");
    admin(
      "create table pgbench_accounts as select g aid, 1 bid, 0 abalance, repeat('f', 84) filler from generate_series(1, 1000) g;" +
        'create table pgbench_branches as select 1 bid, 0 bbalance; create table pgbench_tellers as select g tid, 1 bid, 0 tbalance from generate_series(1, 10) g;' +
        'create table pgbench_history(tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));',
    );
    admin("select pg_create_logical_replication_slot('sworn_slot', 'test_decoding')");
    admin('create table logged(i int); insert into logged values (1), (2); delete from logged where i = 1');
    const proxy = await startRecordingProxy(server.port);
    try {
      for (const one of CASES.filter(isWanted)) await run(one, server, proxy);
      if (isWanted(TLS_CASE)) {
        admin('alter system set ssl = on', '-c', 'select pg_reload_conf()');
        await sleep(500);
        await run(TLS_CASE, server, proxy);
      }
    } finally {
      proxy.close();
    }
  } finally {
    if (process.env['SHOW'] === 'log') console.log(server.log());
    await server.stop();
  }
  if (isWanted(OLD_SERVER_CASE) && existsSync(DEBIAN_15)) {
    const old = await startServer({ bin: DEBIAN_15 });
    try {
      const proxy = await startRecordingProxy(old.port);
      await run(OLD_SERVER_CASE, old, proxy);
      proxy.close();
    } finally {
      await old.stop();
    }
  }
  rmSync(scratch, { recursive: true });
}

await make(process.argv.slice(2));
