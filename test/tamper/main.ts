// SPDX-License-Identifier: Apache-2.0

/**
 * `npm run test:tamper`: each kind of tampering, done for real to a real record, and whether it is found and named; and records
 * that nobody touched, of which nothing may be said. Progress goes to stderr.
 */
import { parseArgs } from 'node:util';
import { chosenCases, runSuite } from './run-suite.ts';
import type { TamperResult } from './suite.ts';

const HELP = `npm run test:tamper -- [--only WORDS] [--who WHO] [--json]

  --only WORDS   only cases with these words in their name; may be given more than once
  --who WHO      only what analyst, clickhouse, operator, host or nobody does; may be given more than once
  --list         only name the cases
  --json         an array: { name, who, ok, found, expected?, limit? }

Examples
  npm run test:tamper -- --json
  npm run test:tamper -- --only swapped
  npm run test:tamper -- --who host --who nobody

Exit codes: 0 all was found and named, and nothing else was; 1 not so; 2 asked wrongly.`;

function show({ ok, who, name, found, expected, limit }: TamperResult): void {
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${who.padEnd(10)} ${name}${limit === undefined ? '' : `\n     limit: ${limit}`}`,
  );
  if (!ok) console.log(`     found:    ${found.join(', ')}\n     expected: ${expected?.join(', ') ?? ''}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      who: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const chosen = chosenCases(values);
  if (chosen.length === 0) {
    console.error(`no case is like that\n\n${HELP}`);
    return 2;
  }
  if (values.list) {
    for (const { name, who } of chosen) console.log(`${who.padEnd(10)} ${name}`);
    return 0;
  }
  const beganMs = performance.now();
  const say = (text: string): void => {
    console.error(`${((performance.now() - beganMs) / 1000).toFixed(0).padStart(5)} s  ${text}`);
  };
  const results = await runSuite(chosen, (result, at) => {
    if (!values.json) show(result);
    else say(`${at} of ${chosen.length}  ${result.ok ? 'ok' : 'FAILED'}  ${result.who}: ${result.name}`);
  });
  const failed = results.filter(({ ok }) => !ok).length;
  const limits = results.filter(({ limit }) => limit !== undefined).length;
  say(`${results.length} cases: ${results.length - failed} as expected, of these ${limits} limits; ${failed} not`);
  if (values.json) console.log(JSON.stringify(results));
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true;
  console.error(isUsage ? `${(error as Error).message}\n\n${HELP}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
