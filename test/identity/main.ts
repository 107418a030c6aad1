// SPDX-License-Identifier: Apache-2.0

/** `npm run test:identity`: every SDK that workloads bring, against the broker of a real agent. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNoRecording } from '../oracle/recording/recording.ts';
import { documentOf } from './document.ts';
import { runMatrix } from './matrix.ts';
import { plannedRows, type Row, rowName } from './row.ts';
import { TABLES, type TableRow } from './tables.ts';

const HELP = `npm run test:identity -- [--only WORD] [--json] [--write-docs FILE] [--list]

Real Azure SDKs ask the broker of a real agent for tokens; what they hold is compared with what the stand-in for Entra
issued and with the record. Needs what \`sworn doctor\` asks of a host, and root. Clients are installed at their first use;
that takes some minutes and the network.

  --only WORD         rows whose name has it; may be repeated
  --json              the rows as an array, as the last line
  --write-docs FILE   the rows of the SDKs as a table of Markdown; those of the attacks
                      beside it, as ATTACKS.md
  --list              only the names of the rows

Exit codes: 0 every row is ok, 1 one is not, 2 asked wrongly or the host cannot be recorded.`;

const startedMs = performance.now();

function say(text: string): void {
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${text}`);
}

/** Some clients print pages. The whole reason is in the array. */
const SAID_MAX = 300;

function tell({ name, ok, reason }: TableRow): void {
  say(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(48)} ${reason.replaceAll('\n', ' ').slice(0, SAID_MAX)}`.trimEnd());
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      'write-docs': { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { only, json, 'write-docs': docs } = values;
  const planned = plannedRows(only);
  const tables = TABLES.map((table) => ({ table, names: table.names(only) }));
  const names = [...planned.map(rowName), ...tables.flatMap(({ names: theirs }) => theirs)];
  if (names.length === 0) throw new TypeError('no row is called so; --list tells their names');
  if (values.list) {
    for (const name of names) console.log(name);
    return 0;
  }
  const missing = whyNoRecording() || (process.getuid?.() === 0 ? false : 'a network of its own wants root');
  if (missing !== false) {
    console.error(missing);
    return 2;
  }
  const rows: Row[] = planned.length === 0 ? [] : await runMatrix(planned, { isTimed: true, say });
  rows.forEach(tell);
  if (docs !== undefined && rows.length > 0) writeFileSync(docs, documentOf(rows));
  const others: TableRow[] = [];
  for (const { table, names: theirs } of tables) {
    if (theirs.length === 0) continue;
    const their = await table.run(theirs, say);
    their.forEach(tell);
    others.push(...their);
    const { document } = table;
    if (docs !== undefined && document !== undefined)
      writeFileSync(join(dirname(docs), document.file), document.of(their));
  }
  const all = [...rows, ...others];
  const good = all.filter(({ ok }) => ok).length;
  say(`${good} of ${names.length} rows are ok`);
  if (json) console.log(JSON.stringify(all));
  return good === names.length ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isAskedWrongly = error instanceof TypeError;
  console.error(isAskedWrongly ? `${error.message}\n\n${HELP}` : error);
  process.exitCode = isAskedWrongly ? 2 : 1;
}
