// SPDX-License-Identifier: Apache-2.0

/**
 * The demo's first workload: a program as an AI agent would write and run it. It knows nothing of Sworn; it uses the
 * Azure SDK, a database driver, fetch and a shell as they come.
 */
import { execFileSync } from 'node:child_process';
import { ManagedIdentityCredential } from '@azure/identity';
import pg from 'pg';

const api = process.env.INVOICE_API;

const { token } = await new ManagedIdentityCredential().getToken('https://graph.microsoft.com/.default');
const authorization = `Bearer ${token}`;

await fetch(`${api}/invoices?state=open`, { headers: { authorization } }).then((reply) => reply.json());
await fetch(`${api}/invoices`, {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json' },
  body: JSON.stringify({ customer: 'Contoso', amount: 129.5 }),
});
await fetch(`${api}/invoices/4711`, { headers: { authorization } });
await fetch(`${api}/export`, { method: 'POST', headers: { authorization }, body: 'all' });

const database = new pg.Client();
await database.connect();
await database.query(
  'CREATE TABLE invoices (id serial PRIMARY KEY, customer text NOT NULL, amount numeric, paid boolean)',
);
for (const [customer, amount] of [
  ['Contoso', '129.50'],
  ["O'Neil & Sons", '77.00'],
  ['Fabrikam', '1024.00'],
]) {
  const insert = 'INSERT INTO invoices (customer, amount, paid) VALUES ($1, $2, false) RETURNING id';
  await database.query({ name: 'add-invoice', text: insert, values: [customer, amount] });
}
await database.query('SELECT id, customer, amount FROM invoices WHERE amount > $1 ORDER BY id', [100]);
await database.query("BEGIN; UPDATE invoices SET paid = true WHERE customer = 'Contoso'; COMMIT");
await database.query('SELECT total FROM invoices').catch((error) => console.log(`as expected: ${error.message}`));
const { rowCount } = await database.query('DELETE FROM invoices');
console.log(`deleted ${rowCount} invoices`);
await database.end();

execFileSync('sh', ['-c', 'uname -r | tee /dev/null; ls / | wc -l'], { stdio: 'ignore' });
