// SPDX-License-Identifier: Apache-2.0

/**
 * `npm run test:faults`: the scenarios of this folder again and again, each time by another seed. Progress goes to stderr;
 * with --json the last line of stdout is {"iterations", "lost", "doubled", "undeclared"}.
 */
import { parseArgs } from 'node:util';
import { crash } from './crash.ts';
import type { Fault, Outcome } from './fault.ts';
import { missingOnHost } from './host.ts';
import { LOSING_RING, loseBytes, loseProcesses } from './loss.ts';
import { CONVERSATIONS, pair } from './pairing.ts';
import { Random } from './random.ts';
import { setStage } from './stage.ts';

const HELP = `npm run test:faults -- [--seed N] [--iterations N] [--kills N] [--json]

Loses bytes and processes with a ring that is too small, takes bytes out of conversations, and kills agent, collector and
engine at random, by seeds N, N+1, …. Needs what \`sworn doctor\` asks of a host.

  --seed N         seed of the first iteration (default: by the clock)
  --iterations N   how many (default 1); one takes some two minutes
  --kills N        in each iteration (default 50)
  --json           the sums as the last line: {"iterations", "lost", "doubled", "undeclared"}

Exit codes: 0 nothing was found, 1 something was, 2 asked wrongly or the host cannot be recorded.`;

const PAIRING_COUNT = 3000;

interface Options {
  readonly seed: number;
  readonly iterations: number;
  readonly kills: number;
  readonly json: boolean;
}

function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        iterations: { type: 'string', default: '1' },
        kills: { type: 'string', default: '50' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const [seed, iterations, kills] = [values.seed, values.iterations, values.kills].map(Number) as [
      number,
      number,
      number,
    ];
    if (![seed, iterations, kills].every((value) => Number.isSafeInteger(value) && value >= 0)) {
      return 'seed, iterations and kills are whole numbers';
    }
    return { seed, iterations, kills, json: values.json };
  } catch (error) {
    return (error as Error).message;
  }
}

const startedMs = performance.now();

function say(text: string): void {
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${text}`);
}

async function* scenariosOf(seed: number, kills: number): AsyncGenerator<Outcome> {
  for (const conversations of CONVERSATIONS) yield pair(conversations, seed, PAIRING_COUNT);
  const random = new Random(seed);
  const stage = await setStage({ capture: LOSING_RING });
  try {
    yield await loseBytes(stage, random, 0);
    yield await loseProcesses(stage, random, 0);
  } finally {
    await stage.stop();
  }
  yield await crash({ seed, kills, progress: (text) => say(`  ${text}`) });
}

/** SIGTERM: the scenario at hand is ended well, and the sums so far are told. */
let isAskedToStop = false;
process.on('SIGTERM', () => {
  isAskedToStop = true;
  say('ends after this scenario');
});

async function main({ seed: first, iterations, kills, json }: Options): Promise<number> {
  const sums = { iterations: 0, lost: 0, doubled: 0, undeclared: 0 };
  for (let seed = first; seed < first + iterations && !isAskedToStop; seed++) {
    say(`seed ${seed}`);
    for await (const { faults, notes } of scenariosOf(seed, kills)) {
      for (const note of notes) say(`  ${note}`);
      for (const { kind, text } of faults) {
        sums[kind satisfies Fault['kind']]++;
        say(`  ${kind}: ${text}`);
      }
      if (isAskedToStop) break;
    }
    if (!isAskedToStop) sums.iterations++;
  }
  const { lost, doubled, undeclared } = sums;
  say(`${sums.iterations} iterations: ${lost} lost, ${doubled} doubled, ${undeclared} undeclared`);
  if (json) console.log(JSON.stringify(sums));
  return lost + doubled + undeclared > 0 ? 1 : 0;
}

const options = readOptions();
const missing = missingOnHost();
if (typeof options === 'string' || missing !== undefined) {
  console.error(typeof options === 'string' ? `${options}\n\n${HELP}` : missing);
  process.exitCode = 2;
} else {
  process.exitCode = await main(options);
}
