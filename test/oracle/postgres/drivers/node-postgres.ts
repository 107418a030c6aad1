// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: node-postgres, used in all the ways that it can be. Prints what it sent and was told, one object a line
 * (../told.ts). Where to connect stands in PGHOST and the like.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Told } from '../told.ts';

/** What pg takes beyond what its type declarations say. */
type Options = { name?: string; rows?: number; binary?: boolean; queryMode?: 'extended'; executes?: number };
/** A value and how pg writes it on the wire. */
type Value = readonly [value: unknown, sent: string | null];

const BIG = 5 * 1024 * 1024;
const asText = { getTypeParser: () => (value: unknown) => value };
const tag = process.argv[2] ?? '';

function say(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

const plain = (...values: (string | number | null)[]): Value[] =>
  values.map((value) => [value, value === null ? null : String(value)]);

async function connected(options: object = {}): Promise<pg.Client> {
  const client = new pg.Client(options as pg.ClientConfig);
  await client.connect();
  return client;
}

function pidOf(client: pg.ClientBase): number {
  return (client as unknown as { processID: number }).processID;
}

/** One statement; whatever comes of it is said. */
async function ask(client: pg.ClientBase, text: string, values: readonly Value[] = [], options: Options = {}) {
  const about = { serverPid: pidOf(client), text, parameters: values.map(([, sent]) => sent) };
  const { executes, ...rest } = options;
  const config = {
    text,
    ...rest,
    ...(values.length > 0 && { values: values.map(([value]) => value) }),
    rowMode: 'array',
    types: asText,
  };
  try {
    const result = (await client.query(config as unknown as pg.QueryConfig)) as unknown as pg.QueryResult<string[]>;
    const columns = result.fields.map(({ name }) => name);
    const isTable = columns.length > 0 && options.binary !== true;
    say({
      ...about,
      rows: result.rowCount,
      error: '',
      ...(isTable && { table: [columns, ...result.rows] }),
      ...(executes !== undefined && { executes }),
    });
  } catch (error) {
    say({ ...about, rows: null, error: (error as pg.DatabaseError).code ?? String(error) });
  }
}

/** Several statements in one query: pg gives a result for each; the last may be an error. */
async function askSeveral(client: pg.Client, texts: readonly string[]): Promise<void> {
  const about = { serverPid: pidOf(client), parameters: [] };
  const results = (await client.query({ text: texts.join(';'), rowMode: 'array', types: asText } as never)) as unknown;
  for (const [index, result] of (results as pg.QueryResult<string[]>[]).entries()) {
    const columns = result.fields.map(({ name }) => name);
    const table = columns.length > 0 ? { table: [columns, ...result.rows] } : {};
    say({ ...about, text: texts[index] as string, rows: result.rowCount, error: '', ...table });
  }
}

async function statements(): Promise<void> {
  const client = await connected({ application_name: `statements ${tag}` });
  await ask(
    client,
    `CREATE TABLE things_${tag} (id int PRIMARY KEY, name text, data bytea, more jsonb, at timestamptz, ok bool)`,
  );
  const insert = `INSERT INTO things_${tag} VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, name, more`;
  const at = new Date('2024-02-29T12:34:56.789Z');
  const all: Value[] = [
    [1, '1'],
    [`O'Neil & "Söhne" 東京 🎉\n\\x`, `O'Neil & "Söhne" 東京 🎉\n\\x`],
    [Buffer.from([0, 255, 39]), '\\x00ff27'],
    [{ a: [1, null, 'ü'] }, '{"a":[1,null,"ü"]}'],
    [at, '2024-02-29T12:34:56.789+00:00'],
    [true, 'true'],
  ];
  await ask(client, insert, all);
  await ask(client, insert, plain(2, '', null, null, null, null));
  for (const id of [3, 4, 5])
    await ask(client, insert, plain(id, `named ${id}`, null, '[]', null, 'f'), { name: 'insert' });
  await ask(client, insert, plain(5, 'again', null, null, null, null), { name: 'insert' });
  await ask(client, `SELECT * FROM things_${tag} ORDER BY id`);
  await ask(client, `SELECT id, name, ok FROM things_${tag} WHERE id = ANY($1) ORDER BY id`, [
    [[1, 2, 99], '{"1","2","99"}'],
  ]);
  await ask(client, `SELECT name, at FROM things_${tag} WHERE id = $1`, plain(1), { name: 'by-id' });
  await ask(client, `SELECT name, at FROM things_${tag} WHERE id = $1`, plain(99), { name: 'by-id' });
  await ask(client, `SELECT id, data, more, at, ok, 1.5::float8 FROM things_${tag}`, [], {
    binary: true,
    queryMode: 'extended',
  });
  await ask(client, `UPDATE things_${tag} SET ok = $1 WHERE id > $2`, [
    [false, 'false'],
    [2, '2'],
  ]);
  await ask(client, `DELETE FROM things_${tag} WHERE id = 4`);
  await ask(client, '', [], { queryMode: 'extended' });
  await ask(client, '-- a comment\nSELECT /* in; it */ $1::text AS t -- and behind', plain('x'));
  // Wrong at Parse, at Bind, when it runs.
  await ask(client, 'SELEC $1', plain(1));
  await ask(client, 'SELECT * FROM nothing WHERE id = $1', plain(1));
  await ask(client, 'SELECT $1::int', plain('no number'));
  await ask(client, 'SELECT 1 / $1::int', plain(0));
  await ask(client, `INSERT INTO things_${tag} (id, name) SELECT g, $1 FROM generate_series(1, 3) g`, plain('double'));
  await ask(client, 'SELECT 1 AS one');
  await client.end();
}

async function transactions(): Promise<void> {
  const client = await connected({ application_name: `transactions ${tag}` });
  await ask(client, `CREATE TABLE notes_${tag} (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)`);
  await ask(client, 'BEGIN');
  await ask(client, `INSERT INTO notes_${tag} VALUES ($1)`, plain(1));
  await ask(client, 'SAVEPOINT s');
  await ask(client, `INSERT INTO notes_${tag} VALUES ($1)`, plain('x'));
  await ask(client, 'SELECT $1::int', plain(1));
  await ask(client, 'ROLLBACK TO s');
  await ask(client, 'COMMIT');
  await ask(client, 'BEGIN');
  await ask(client, `INSERT INTO notes_${tag} VALUES ($1)`, plain(1));
  await ask(client, 'COMMIT');
  // The constraint is looked at when the Sync commits.
  await ask(client, `INSERT INTO notes_${tag} VALUES ($1)`, plain(1));
  await ask(client, `SELECT count(*) FROM notes_${tag}`);
  await client.end();
}

async function results(): Promise<void> {
  const client = await connected({ application_name: `results ${tag}` });
  // Three rows at a time: 3, 3, and the last with the end.
  await ask(client, 'SELECT g, $1::text AS t FROM generate_series(1, 8) g', plain('page'), { rows: 3, executes: 3 });
  await ask(client, `SELECT g, repeat('ä', 100) AS padding FROM generate_series(1, $1::int) g`, plain(12_000));
  await ask(client, 'SELECT length($1::text) AS length', plain('x'.repeat(BIG)));
  await ask(client, 'SELECT length($1::bytea) AS length', [[Buffer.alloc(BIG, 7), `\\x${'07'.repeat(BIG)}`]]);
  await ask(client, `SELECT repeat('y', $1::int) AS big, NULL AS nothing`, plain(BIG));
  await askSeveral(client, [
    'SELECT 1 AS a',
    `SELECT 'x' AS b, NULL AS c`,
    'CREATE TEMP TABLE several (n int)',
    'INSERT INTO several VALUES (1), (2)',
  ]);
  await client.end();
}

async function pipeline(): Promise<void> {
  const client = await connected({ application_name: `pipeline ${tag}`, pipeline: true });
  await Promise.all([
    ask(client, 'SELECT $1::int AS n', plain(1)),
    ask(client, 'SELECT 1 / $1::int', plain(0)),
    ask(client, 'SELECT 3 AS n'),
    ask(client, 'SELECT $1::int AS n', plain(4), { name: 'named' }),
    ask(client, 'SELECT $1::int AS n', plain(5), { name: 'named' }),
  ]);
  await client.end();
}

/** Channels, cancelling in two ways, and being thrown out. */
async function betweenConnections(): Promise<void> {
  const listener = await connected({ application_name: `listener ${tag}` });
  listener.on('error', () => {});
  const other = await connected({ application_name: `other ${tag}` });
  await ask(listener, `LISTEN jobs_${tag}`);
  const notified = new Promise((resolve) => listener.once('notification', resolve));
  await ask(other, 'SELECT pg_notify($1, $2)', plain(`jobs_${tag}`, 'Grüße'));
  await notified;
  const sleeping = ask(listener, `SELECT pg_sleep(${600 + Number(tag)})`);
  await untilRuns(other, pidOf(listener));
  await ask(other, 'SELECT pg_cancel_backend($1)', plain(pidOf(listener)));
  await sleeping;
  await ask(listener, `SET statement_timeout = 20`);
  await ask(listener, 'SELECT pg_sleep(600)');
  const ended = new Promise<void>((resolve) => listener.once('end', () => resolve()));
  await ask(other, 'SELECT pg_terminate_backend($1)', plain(pidOf(listener)));
  await ended;
  await other.end();
}

/** Looked for without saying so: it is asked until it is true. */
async function untilRuns(client: pg.Client, pid: number): Promise<void> {
  for (;;) {
    const text = `SELECT count(*)::text AS n FROM pg_stat_activity WHERE pid = ${pid} AND query LIKE '%pg_sleep%'`;
    const { rows } = await client.query<{ n: string }>(text);
    const n = rows[0]?.n ?? '';
    say({ serverPid: pidOf(client), text, parameters: [], rows: 1, error: '', table: [['n'], [n]] });
    if (n === '1') return;
    await sleep(20);
  }
}

async function pool(): Promise<void> {
  const clients = new pg.Pool({ max: 5, application_name: `pool ${tag}` });
  const one = async (n: number): Promise<void> => {
    const client = await clients.connect();
    await ask(
      client,
      'SELECT $1::int AS n, $2::text AS t',
      plain(n, `of the pool ${tag}`),
      n % 2 === 0 ? { name: 'pooled' } : {},
    );
    client.release();
  };
  await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)));
  await clients.end();
}

await Promise.all([statements(), transactions(), results(), pipeline(), betweenConnections(), pool()]);
