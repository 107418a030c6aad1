// SPDX-License-Identifier: Apache-2.0

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions, piecesOf, textOf } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { pairsOf } from '../option-values.ts';
import { isTerminal, print, write } from '../output.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { listing, table } from '../print/table.ts';
import { columnsOf, printable, printableJson, printableLines } from '../print/terminal-text.ts';

const HELP = `
Read only. Tables: sworn.commands, processes, connections, tokens, losses, findings, terminals, alerts, sessions,
recorders, activities, which is all of them, and coverage. Columns: docs/SCHEMA.md, or: sworn query "DESCRIBE sworn.commands"

Rows that are too wide for the terminal are shown one below the other.

Examples:
  sworn query "SELECT time, identity_name, statement, status FROM sworn.commands ORDER BY time DESC LIMIT 20"
  sworn query --json "SELECT operation, count() AS n FROM sworn.commands GROUP BY operation"
  sworn query --param who=invoice-agent "SELECT count() FROM sworn.commands WHERE identity_name = {who:String}"
  echo "SELECT * FROM sworn.losses" | sworn query --csv -`;

interface QueryOptions extends CollectorOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly vertical?: boolean;
  readonly param?: Readonly<Record<string, string>>;
}

export function defineQuery(command: Command): void {
  addCollectorOptions(command)
    .argument('<sql>', 'one SELECT (or DESCRIBE, EXPLAIN, SHOW); - reads it from standard input')
    .option('--json', 'one JSON object a line')
    .option('--csv', 'comma-separated, with names')
    .option('--vertical', 'one column a line')
    .option('--param <name=value>', 'value of {name:Type} in the SQL', pairsOf)
    .addHelpText('after', HELP)
    .action(async (given: string, options: QueryOptions) => {
      if (options.json && options.csv) {
        throw new CliError('--json and --csv cannot be had at once', 'Choose one.', EXIT.unusable);
      }
      const sql = given === '-' ? await text(process.stdin) : given;
      if (sql.trim() === '') throw new CliError('there is no SQL', 'See: sworn query --help', EXIT.unusable);
      const client = new CollectorClient(options);
      const ask = (format: string): Promise<Response> => client.query(sql, format, options.param);
      if (options.json) await copy(await ask('JSONEachRow'), printableJson);
      else if (options.csv) await copy(await ask('CSVWithNames'), printable);
      else await show(await ask('JSONCompactEachRowWithNamesAndTypes'), options.vertical === true);
    });
}

async function show(answer: Response, vertical: boolean): Promise<void> {
  const lines = (await textOf(answer)).split('\n').filter((line) => line !== '');
  const [names = [], types = [], ...rows] = lines.map((line) => JSON.parse(line) as unknown[]);
  const header = names.map(cellOf);
  const cells = rows.map((row) => row.map(cellOf));
  const width = terminalWidth();
  if (vertical || (width !== undefined && isTooWide(header, width))) {
    if (cells.length > 0) await print(listing(header, cells));
  } else {
    const right = new Set(
      header.filter((_name, column) => /^(?:Nullable\()?(?:U?Int|Float|Decimal)/.test(String(types[column]))),
    );
    await print(table(header, cells, { width, right }));
  }
  await print(colour('dim', `${rows.length} row${rows.length === 1 ? '' : 's'}`));
}

/** Even the names do not fit beside each other. */
function isTooWide(header: readonly string[], width: number): boolean {
  return header.reduce((sum, name) => sum + columnsOf(name) + 2, -2) > width;
}

function cellOf(value: unknown): string {
  if (value === null) return 'NULL';
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** As it comes, however much it is; on a terminal line by line, with what could act on it written out. */
async function copy(response: Response, fit: (line: string) => string): Promise<void> {
  if (!isTerminal()) {
    for await (const piece of piecesOf(response)) await write(piece);
    return;
  }
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of piecesOf(response)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) await print(fit(line));
  }
  if (rest !== '') await print(fit(printableLines(rest)));
}
