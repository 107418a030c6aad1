// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { printable, table } from '../print/table.ts';

const HELP = `
Read only. Tables: sworn.commands, processes, connections, tokens, losses, alerts, sessions, recorders, and activities,
which is all of them. Columns: docs/SCHEMA.md, or: sworn query "DESCRIBE sworn.commands"

Examples:
  sworn query "SELECT time, identity_name, statement, status FROM sworn.commands ORDER BY time DESC LIMIT 20"
  sworn query --json "SELECT operation, count() AS n FROM sworn.commands GROUP BY operation"
  echo "SELECT * FROM sworn.losses" | sworn query --csv -`;

interface QueryOptions extends CollectorOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
}

export function addQuery(program: Command): void {
  addCollectorOptions(program.command('query'))
    .description('run SQL over the record')
    .argument('<sql>', 'one SELECT (or DESCRIBE, EXPLAIN, SHOW); - reads it from standard input')
    .option('--json', 'one JSON object a line')
    .option('--csv', 'comma-separated, with names')
    .addHelpText('after', HELP)
    .action(async (given: string, options: QueryOptions) => {
      const sql = given === '-' ? await text(process.stdin) : given;
      const client = new CollectorClient(options);
      if (options.json || options.csv) {
        await copy(await client.query(sql, options.json ? 'JSONEachRow' : 'CSVWithNames'));
        return;
      }
      const answer = await client.query(sql, 'JSONCompactEachRowWithNamesAndTypes');
      const lines = (await answer.text()).split('\n').filter((line) => line !== '');
      const [header = [], , ...rows] = lines.map((line) => (JSON.parse(line) as unknown[]).map(cellOf));
      console.log(table(header, rows, { width: terminalWidth() }));
      console.log(colour('dim', `${rows.length} row${rows.length === 1 ? '' : 's'}`));
    });
}

function cellOf(value: unknown): string {
  if (value === null) return 'NULL';
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** As it comes, however much it is. */
async function copy(response: Response): Promise<void> {
  if (response.body === null) return;
  for await (const part of response.body) {
    if (!process.stdout.write(part)) await once(process.stdout, 'drain');
  }
}
