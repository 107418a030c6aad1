// SPDX-License-Identifier: Apache-2.0

/**
 * npm run test:evasion -- [--json] [--write-docs] [WORD…]
 *
 * Takes the ways whose names have a word in them, or all, and says what the record holds of each. Ends with 1 when it
 * holds less than is expected of one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Evasion } from './evasion.ts';
import type { Outcome } from './try-way.ts';
import { ways } from './ways.ts';

const page = join(import.meta.dirname, '../../docs/EVASION.md');
const BEGIN = '<!-- written by npm run test:evasion -- --write-docs -->';
const END = '<!-- end -->';

function stateOf({ ok, isClosed }: Outcome): string {
  return isClosed ? 'closed' : ok ? 'ok' : 'NOT OK';
}

function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const { name, does, expected, got } = outcome;
    return `| ${[name, does, expected, got, stateOf(outcome)].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| way | what is done | the record must hold | it held | |', '|---|---|---|---|---|', ...rows].join('\n');
}

function writePage(outcomes: readonly Outcome[]): void {
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${page} has no place for the table`);
  writeFileSync(page, `${text.slice(0, from)}${BEGIN}\n\n${tableOf(outcomes)}\n\n${text.slice(to)}`);
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, 'write-docs': { type: 'boolean' } },
  allowPositionals: true,
});
const wanted = ways.filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)));
const evasion = await Evasion.open();
const outcomes: Outcome[] = [];
for (const way of wanted) {
  const outcome = await evasion.try(way);
  outcomes.push(outcome);
  if (!values.json) console.log(`${stateOf(outcome).padEnd(9)} ${outcome.name.padEnd(36)} ${outcome.got}`);
}
await evasion.close();
if (values.json) console.log(JSON.stringify(outcomes, undefined, 1));
if (values['write-docs']) writePage(outcomes);
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;
