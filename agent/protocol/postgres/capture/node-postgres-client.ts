// SPDX-License-Identifier: Apache-2.0

/**
 * Drives node-postgres for captures: `node-postgres-client.ts PORT CASE`. Its statements go by the extended protocol as
 * soon as they have values, a name or a row count.
 */
import pg from 'pg';

const [port, name] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), user: 'postgres', database: 'postgres' };

/** What pg takes beyond what its type declarations say. */
type QueryOptions = pg.QueryConfig & { rows?: number; binary?: boolean; portal?: string; queryMode?: 'extended' };

const cases: Record<string, () => Promise<void>> = {
  async statements() {
    const client = await opened({ application_name: 'node agent' });
    await client.query('select $1::int as n, $2::text as t, $3::jsonb as j, $4::timestamptz as at', [
      42,
      'it’s "quoted"',
      { a: [1, null] },
      new Date('2024-02-29T12:34:56.789Z'),
    ]);
    await client.query({ name: 'by-id', text: 'select relname from pg_class where oid = $1', values: [1259] });
    await client.query({ name: 'by-id', text: 'select relname from pg_class where oid = $1', values: [1247] });
    await failing(client.query('select * from missing where id = $1', [1]));
    await failing(client.query('select $1::int', ['not a number']));
    await failing(client.query({ name: 'bad', text: 'selec 1', values: [] }));
    await client.query(withOptions({ text: '', queryMode: 'extended' }));
    await client.query(
      withOptions({
        text: 'select $1::bytea, true, 1.5::float8, now() - now()',
        values: [Buffer.from([0, 255])],
        binary: true,
      }),
    );
    await client.query('begin');
    await client.query('create temp table n(i int)');
    await client.query('insert into n select generate_series(1, 7)');
    await failing(client.query('insert into n values ($1)', ['x']));
    await failing(client.query('select 1'));
    await client.query('rollback');
    await client.end();
  },

  async portal() {
    const client = await opened({});
    // Three rows at a time: Execute with a row count and Flush, PortalSuspended, Execute, …, then Sync.
    await client.query(withOptions({ text: 'select g from generate_series(1, $1::int) g', values: [7], rows: 3 }));
    await client.query(
      withOptions({ text: 'select g from generate_series(1, 4) g', rows: 2, portal: 'pages', name: 'series' }),
    );
    await client.end();
  },

  async pipeline() {
    const client = await opened({ pipeline: true });
    await Promise.all([
      client.query('select $1::int', [1]),
      failing(client.query('select 1 / $1::int', [0])),
      client.query('select $1::int', [3]),
      client.query('select 4'),
    ]);
    await client.end();
  },

  async notifications() {
    const client = await opened({});
    await client.query('listen jobs');
    await client.query(`notify jobs, 'to myself'`);
    const other = await opened({});
    const arrived = new Promise((resolve) => client.once('notification', resolve));
    await other.query('select pg_notify($1, $2)', ['jobs', 'from another']);
    await arrived;
    await other.end();
    await client.end();
  },

  async terminated() {
    const client = await opened({});
    client.on('error', () => {});
    const { rows } = await client.query('select pg_backend_pid() as pid');
    const other = await opened({});
    const ended = new Promise((resolve) => client.once('end', resolve));
    await other.query('select pg_terminate_backend($1)', [rows[0].pid]);
    await ended;
    await other.end();
  },
};

async function opened(options: Record<string, unknown>): Promise<pg.Client> {
  const client = new pg.Client({ ...connection, ...options } as pg.ClientConfig);
  await client.connect();
  return client;
}

function withOptions(options: QueryOptions): pg.QueryConfig {
  return options;
}

async function failing(query: Promise<unknown>): Promise<void> {
  await query.then(
    () => console.log('did not fail'),
    (error: Error) => console.log(error.message),
  );
}

await cases[name ?? '']?.();
