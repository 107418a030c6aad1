// SPDX-License-Identifier: Apache-2.0

/** mysql2 against a server: the folder of the package and the port are given. Prepared statements, compression, TLS. */
import { createRequire } from 'node:module';
import { connect } from 'node:net';

const [folder = '', port = ''] = process.argv.slice(2);
const mysql = createRequire(import.meta.url)(`${folder}/promise.js`);
const about = {
  timezone: 'Z',
  host: '127.0.0.1',
  port: Number(port),
  user: 'ann',
  password: 'ann-Passwort-77',
  database: 'shop',
};

for (const [name, more] of [
  ['plain', {}],
  ['packed', { compress: true }],
  // A name is wanted for TLS, and one way to it.
  ['tls', { host: 'localhost', stream: () => connect(Number(port), '127.0.0.1'), ssl: { rejectUnauthorized: false } }],
] as const) {
  const connection = await mysql.createConnection({ ...about, ...more });
  await connection.query(`create table node_${name} (id int primary key, name varchar(100), at datetime(6), n bigint)`);
  for (let n = 0; n < 50; n++) {
    const values = [
      n,
      n % 7 === 0 ? null : `Größe ${n} ☃ '"\\`,
      new Date('2024-02-03T04:05:06.120Z'),
      String(2 ** 40 + n),
    ];
    await connection.execute(`insert into node_${name} values (?, ?, ?, ?)`, values);
  }
  await connection.execute(`select * from node_${name} where id >= ?`, [10]);
  await connection.query(`select repeat('x', 100000) as x`);
  await connection.execute('select nothing from nowhere').catch(() => {});
  await connection.ping();
  await connection.end();
}
