// SPDX-License-Identifier: Apache-2.0

/** `npm run test:ssh`: real clients against a real sshd, recorded by the real agent. */
import { parseArgs } from 'node:util';
import { whyNoRecording } from '../oracle/recording/recording.ts';
import { cases } from './cases.ts';
import { type Row, runCases } from './run-cases.ts';
import { serverCase } from './server-case.ts';

const HELP = `npm run test:ssh -- [--only WORD] [--json] [--list]

Real SSH clients against a real sshd; what the record has is compared with what its forced command has seen, and with its log.
Needs root and what \`sworn doctor\` asks of a host. Clients are installed at their first use.

  --only WORD   cases whose name has it; may be repeated
  --json        the cases as an array of { name, ok, faults, unread }, as the last line
  --list        only the names

Exit codes: 0 every case is ok, 1 one is not, 2 asked wrongly or the host cannot be recorded.`;

const SERVER = 'sshd as a workload';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const isWanted = (name: string): boolean =>
    values.only.length === 0 || values.only.some((word) => name.includes(word));
  const wanted = cases.filter(({ name }) => isWanted(name));
  if (values.help) console.log(HELP);
  else if (values.list) console.log([...wanted.map(({ name }) => name), SERVER].join('\n'));
  if (values.help || values.list) return 0;
  const why = whyNoRecording();
  if (why !== false) {
    console.error(why);
    return 2;
  }
  const rows: Row[] = wanted.length === 0 ? [] : [...(await runCases(wanted, (text) => console.error(text))).rows];
  if (isWanted(SERVER)) rows.push({ name: SERVER, ...(await serverCase()) });
  for (const { name, ok, faults } of rows)
    console.error(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(48)} ${faults.join('; ')}`);
  console.error(`${rows.filter(({ ok }) => ok).length} of ${rows.length} cases are ok`);
  if (values.json) console.log(JSON.stringify(rows));
  return rows.every(({ ok }) => ok) ? 0 : 1;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 2;
});
