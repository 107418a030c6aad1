// SPDX-License-Identifier: Apache-2.0

/** `npm run test:runtimes`: every client of the matrix in every version of TLS, each with an agent of its own. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { whyNoRecording } from '../oracle/recording/recording.ts';
import { documentOf } from './document.ts';
import { firstBytes } from './first-bytes.ts';
import type { Row } from './judge.ts';
import { rowName, runRow } from './row.ts';
import { RUNTIMES, type Runtime } from './runtimes.ts';
import { setStage, type TlsVersion } from './stage.ts';

const HELP = `npm run test:runtimes -- [--only WORD] [--plain] [--json] [--write-docs FILE] [--list]
npm run test:runtimes -- --first-bytes [--count N] [--plain] [--json]

Real clients ask real servers over TLS; what the record has of it is compared with what the servers had, to the byte. Needs
what \`sworn doctor\` asks of a host. Clients are installed at their first use; that takes some minutes and the network.

  --only WORD         rows whose name has it; may be repeated
  --plain             every client without TLS, those that can: a control of the comparing
  --json              the rows as an array, as the last line
  --write-docs FILE   the rows as a table of Markdown
  --list              only the names of the rows
  --first-bytes       many short-lived clients in a row instead: is the first request of each in the record?
  --count N           so many (default 1000)

Exit codes: 0 every row is ok, 1 one is not, 2 asked wrongly or the host cannot be recorded.`;

/** The control: the same comparing where nothing is encrypted. */
const PLAIN_TOO = new Set(['curl', 'psql']);
const TLS_ONLY = new Set(['openssl-s_client', 'gnutls-cli']);
const VERSIONS: readonly TlsVersion[] = ['TLSv1.3', 'TLSv1.2'];

function* plannedRows(only: readonly string[], isPlain: boolean): Generator<[Runtime, TlsVersion]> {
  for (const runtime of RUNTIMES) {
    for (const tls of versionsFor(runtime, isPlain)) {
      if (only.length === 0 || only.some((word) => rowName(runtime, tls).includes(word))) yield [runtime, tls];
    }
  }
}

function versionsFor({ name }: Runtime, isPlain: boolean): readonly TlsVersion[] {
  if (isPlain) return TLS_ONLY.has(name) ? [] : [''];
  return PLAIN_TOO.has(name) ? ['', ...VERSIONS] : VERSIONS;
}

const startedMs = performance.now();

function say(text: string): void {
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${text}`);
}

function lineOf({ name, version, ok, seen, read, asked, reason }: Row): string {
  return `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(28)} ${version.padEnd(12)} ${seen} ${read}/${asked} ${reason}`.trimEnd();
}

/** The row at hand is ended well, with its servers, and the rows so far are told. */
let isAskedToStop = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    isAskedToStop = true;
    say('ends after this row');
  });
}

type Planned = readonly (readonly [Runtime, TlsVersion])[];

async function runMatrix(planned: Planned, docs: string | undefined, json: boolean): Promise<number> {
  const stage = await setStage();
  const rows: Row[] = [];
  try {
    for (const [runtime, tls] of planned) {
      if (isAskedToStop) break;
      const row = await runRow(stage, runtime, tls);
      rows.push(row);
      say(lineOf(row));
    }
  } finally {
    await stage.stop();
  }
  const good = rows.filter(({ ok }) => ok).length;
  say(`${good} of ${rows.length} rows are ok`);
  if (docs !== undefined) writeFileSync(docs, documentOf(rows));
  if (json) console.log(JSON.stringify(rows));
  return good === planned.length ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      plain: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'write-docs': { type: 'string' },
      list: { type: 'boolean', default: false },
      'first-bytes': { type: 'boolean', default: false },
      count: { type: 'string', default: '1000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { only, json, 'write-docs': docs, 'first-bytes': isFirstBytes } = values;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const planned = [...plannedRows(only, values.plain)];
  if (planned.length === 0) throw new TypeError('no row is called so; --list tells their names');
  if (values.list) {
    for (const one of planned) console.log(rowName(...one));
    return 0;
  }
  const missing = whyNoRecording();
  if (missing !== false) {
    console.error(missing);
    return 2;
  }
  if (!isFirstBytes) return runMatrix(planned, docs, json);
  const count = Number(values.count);
  if (!Number.isSafeInteger(count) || count < 1) throw new TypeError('--count is a whole number');
  const outcome = await firstBytes(count, values.plain);
  say(`${outcome.read} of ${outcome.asked} first requests are in the record`);
  for (const [client, { asked, read }] of Object.entries(outcome.byClient)) say(`  ${client}: ${read} of ${asked}`);
  for (const one of [...outcome.missing, ...outcome.losses]) say(`  missing: ${one}`);
  if (json) console.log(JSON.stringify(outcome));
  return outcome.ok ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isAskedWrongly = error instanceof TypeError;
  console.error(isAskedWrongly ? `${error.message}\n\n${HELP}` : error);
  process.exitCode = isAskedWrongly ? 2 : 1;
}
