// SPDX-License-Identifier: Apache-2.0

/**
 * `npm run test:faults`: the scenarios of this folder again and again, each time by another seed. Progress goes to stderr;
 * with --json the last line of stdout is {"iterations", "lost", "doubled", "undeclared"}.
 */
import { parseArgs } from 'node:util';
import { Ground } from './ground.ts';
import { record } from './recording.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS, scenarioAt } from './scenarios.ts';

const NAMES = SCENARIOS.map(({ name }) => name);
const HELP = `npm run test:faults -- [--seed N] [--iterations N] [--only SCENARIO] [--kills N] [--json]

One iteration is one seeded run of one scenario: ${NAMES.join(', ')}. They take turns, the cheap ones
more often; a hundred iterations take some minutes. What a scenario needs and the host lacks is said, and it is left out.

  --seed N         seed of the first iteration, N+1 of the next (default: by the clock)
  --iterations N   how many (default 100)
  --only SCENARIO  this one alone; may be given more than once
  --kills N        with --only recording: kills in each iteration (default 6)
  --json           the sums as the last line: {"iterations", "lost", "doubled", "undeclared"}

Examples
  npm run test:faults -- --seed 1 --iterations 1000 --json
  npm run test:faults -- --only rot --seed 44 --iterations 1       one failure again
  npm run test:faults -- --only recording --kills 50 --iterations 4

Exit codes: 0 nothing was found, 1 something was, 2 asked wrongly or the host has nothing that is needed.`;

interface Options {
  readonly seed: number;
  readonly iterations: number;
  readonly kills: number | undefined;
  readonly only: readonly string[];
  readonly json: boolean;
}

function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        iterations: { type: 'string', default: '100' },
        kills: { type: 'string' },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const { only, json } = values;
    const [seed, iterations, kills] = [values.seed, values.iterations, values.kills ?? '0'].map(Number) as [
      number,
      number,
      number,
    ];
    if (![seed, iterations, kills].every((value) => Number.isSafeInteger(value) && value >= 0)) {
      return 'seed, iterations and kills are whole numbers';
    }
    const unknown = only.find((name) => !NAMES.includes(name));
    if (unknown !== undefined) return `there is no scenario '${unknown}': they are ${NAMES.join(', ')}`;
    return { seed, iterations, kills: values.kills === undefined ? undefined : kills, only, json };
  } catch (error) {
    return (error as Error).message;
  }
}

const startedMs = performance.now();

function say(text: string): void {
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${text}`);
}

/** Those that are asked for and can run here. */
function chosen({ only, kills }: Options): Scenario[] {
  const asked = SCENARIOS.filter(({ name }) => only.length === 0 || only.includes(name));
  const able = asked.filter(({ name, missing }) => {
    const lack = missing?.();
    if (lack !== undefined) say(`${name} is left out: ${lack}`);
    return lack === undefined;
  });
  return kills === undefined
    ? able
    : able.map((one) => (one.name === 'recording' ? { ...one, run: (seed) => record(seed, kills) } : one));
}

/** SIGTERM: the iteration at hand is ended well, and the sums so far are told. */
let isAskedToStop = false;
process.on('SIGTERM', () => {
  isAskedToStop = true;
  say('ends after this iteration');
});

interface Sums {
  iterations: number;
  lost: number;
  doubled: number;
  undeclared: number;
}

async function runAll(options: Options, scenarios: readonly Scenario[], ground: Ground): Promise<Sums> {
  const { seed: first, iterations } = options;
  const sums: Sums = { iterations: 0, lost: 0, doubled: 0, undeclared: 0 };
  for (let at = 0; at < iterations && !isAskedToStop; at++) {
    const seed = first + at;
    // By the seed and not by the turn: one failure comes again with its seed alone.
    const scenario = scenarioAt(seed, scenarios);
    let outcome: Awaited<ReturnType<Scenario['run']>>;
    try {
      outcome = await scenario.run(seed, ground);
    } catch (error) {
      // Who asks a whole group of processes to stop, as a terminal does, asks those that the iteration needs too.
      if (isAskedToStop) break;
      throw new Error(`--only ${scenario.name} --seed ${seed} could not be judged`, { cause: error });
    }
    sums.iterations++;
    say(`seed ${seed}, ${scenario.name}: ${outcome.notes.join('; ')}`);
    for (const { kind, text } of outcome.faults) {
      sums[kind]++;
      say(`  ${kind} (--only ${scenario.name} --seed ${seed}): ${text}`);
    }
  }
  return sums;
}

async function verify(ground: Ground, sums: Sums): Promise<void> {
  for (const { kind, text } of await ground.verify(say)) {
    sums[kind]++;
    say(`  ${kind}: ${text}`);
  }
}

async function main(options: Options): Promise<number> {
  const scenarios = chosen(options);
  if (scenarios.length === 0) return 2;
  const ground = new Ground();
  let sums: Sums;
  try {
    sums = await runAll(options, scenarios, ground);
    if (!isAskedToStop) await verify(ground, sums);
  } finally {
    await ground.stop();
  }
  const { iterations, lost, doubled, undeclared } = sums;
  say(`${iterations} iterations: ${lost} lost, ${doubled} doubled, ${undeclared} undeclared`);
  if (options.json) console.log(JSON.stringify(sums));
  return lost + doubled + undeclared > 0 ? 1 : 0;
}

const options = readOptions();
if (typeof options === 'string') {
  console.error(`${options}\n\n${HELP}`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(options);
}
