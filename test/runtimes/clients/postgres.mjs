// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: node-postgres over TLS. What it asks for stands in README.md; where, in libpq's environment variables.
 *
 *   postgres.mjs one|several
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import pg from 'pg';

const { RUNTIME_ONE, RUNTIME_UPLOAD, RUNTIME_LARGE, RUNTIME_FAILS, RUNTIME_BODY, PGSSLMODE, PGSSLROOTCERT } =
  process.env;
const ssl = PGSSLMODE === 'disable' ? false : { ca: readFileSync(PGSSLROOTCERT) };
const client = new pg.Client({ ssl });
await client.connect();
if (process.argv[2] === 'one') {
  await client.query(RUNTIME_ONE, ['one']);
} else {
  await client.query(RUNTIME_UPLOAD, [readFileSync(RUNTIME_BODY, 'utf8')]);
  await client.query(RUNTIME_LARGE);
  const error = await client.query(RUNTIME_FAILS).catch((thrown) => thrown);
  if (error.code !== '22012') throw new Error('a division by zero succeeded');
  await client.query(RUNTIME_ONE, ['last']);
}
await client.end();
