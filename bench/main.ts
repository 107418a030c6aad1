// SPDX-License-Identifier: Apache-2.0

/**
 * `npm run bench -- NAME`: runs one bench and stores what it measured in bench/results/NAME.json. Each bench is one
 * question; its file says which, and how it is answered.
 *
 *   npm run bench                          the list
 *   npm run bench -- overhead              a table, and the stored result
 *   npm run bench -- overhead --json       the same, and one JSON object last
 *   npm run bench -- overhead --quick      few rounds, nothing stored: does it work at all?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { describeMachine } from './machine.ts';

const loaders: Readonly<Record<string, () => Promise<Bench>>> = {
  overhead: async () => (await import('./overhead.ts')).overhead,
  tls: async () => (await import('./tls.ts')).tls,
  outsiders: async () => (await import('./outsiders.ts')).outsiders,
  ingest: async () => (await import('./ingest.ts')).ingest,
  broker: async () => (await import('./broker.ts')).broker,
  decode: async () => (await import('./decode.ts')).decode,
  seal: async () => (await import('./seal.ts')).seal,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
});
const name = positionals[0] ?? '';
const load = loaders[name];
if (load === undefined) {
  if (name !== '') console.error(`there is no bench '${name}'\n`);
  console.error('npm run bench -- NAME [--json] [--quick]\n');
  for (const [known, loadOne] of Object.entries(loaders))
    console.error(`  ${known.padEnd(10)} ${(await loadOne()).question}`);
  process.exit(name === '' ? 0 : 2);
}

const bench = await load();
const machine = describeMachine();
const startedMs = performance.now();
console.error(bench.question);
const result = await bench.run({
  quick: values.quick === true,
  say: (what) => console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${what}`),
});
console.log(bench.table(result));
if (!values.quick) {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ bench: name, machine, ...result }, null, 1)}\n`);
}
if (values.json) console.log(JSON.stringify(result.summary));
