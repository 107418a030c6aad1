// SPDX-License-Identifier: Apache-2.0

/**
 * How fast is each decoder, on one core, over stored captures?
 *
 * Each load (decode/loads.ts) runs in a process of its own that is bound to one core: garbage collection and compiler included. Decoder and
 * floor take turns in it; the floor hashes the bytes (SHA-256), which nobody who keeps a record is spared. A turn lasts for so much CPU time,
 * and a second in the table is one of CPU: whoever else is on the core changes little. Wanted: 100 MB/s for large bodies, 100,000 exchanges a
 * second for small ones of PostgreSQL.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { LOADS } from './decode/loads.ts';
import { started } from './started.ts';
import { median, medianInterval, rounded } from './statistics.ts';

const ROUNDS = 5;
const TURNS = 3;
/** A load that takes longer than this, by the clock, is broken, or the machine has no time for it: it ends the bench by its name. */
const LOAD_SECONDS_MAX = 180;

export const decode: Bench = {
  question: 'How many bytes and exchanges a second does each decoder take on one core?',
  run,
  table,
};

interface Turn {
  readonly exchanges: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Round {
  readonly decoded: readonly Turn[];
  readonly floor: readonly Turn[];
}

interface Figures {
  readonly kind: string;
  readonly mb_per_second: number;
  readonly exchanges_per_second: number;
  /** 95 %, of what counts for its kind. */
  readonly interval: readonly number[];
  readonly us_per_exchange: number;
  /** Times the time that it takes to hash the same bytes. */
  readonly times_the_floor: number;
}

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 1 : ROUNDS;
  const raw: Record<string, Round[]> = {};
  const core = String(availableParallelism() - 1);
  const program = join(import.meta.dirname, 'decode/decode-load.ts');
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(LOADS)) {
      const seconds = quick ? '0.5' : '1';
      const bound = ['timeout', '--signal=KILL', String(LOAD_SECONDS_MAX), 'taskset', '-c', core];
      const child = await started([...bound, process.execPath, program, name, seconds, String(TURNS)]).catch(
        (cause) => {
          throw new Error(`the load '${name}' did not end well within ${LOAD_SECONDS_MAX} s`, { cause });
        },
      );
      await child.stop();
      const said = child.said as unknown as Round;
      raw[name] = [...(raw[name] ?? []), said];
      const { exchanges, bytes, cpuSeconds } = said.decoded.at(-1)!;
      const [small, large] = [Math.round(exchanges / cpuSeconds), rounded(bytes / cpuSeconds / 1e6, 1)];
      say(`${name}, round ${round + 1} of ${rounds}: ${small} exchanges and ${large} MB a second of CPU`);
    }
  }
  const summary = Object.fromEntries(Object.entries(raw).map(([name, all]) => [name, figuresOf(name, all)]));
  return { summary, raw };
}

function figuresOf(name: string, rounds: readonly Round[]): Figures {
  const { kind } = LOADS[name]!;
  const turns = rounds.flatMap(({ decoded }) => decoded);
  const perByte = ({ cpuSeconds, bytes }: Turn): number => cpuSeconds / bytes;
  const megabytes = turns.map((turn) => turn.bytes / turn.cpuSeconds / 1e6);
  const exchanges = turns.map((turn) => turn.exchanges / turn.cpuSeconds);
  const floors = rounds.flatMap(({ decoded, floor }) => decoded.map((turn, at) => perByte(turn) / perByte(floor[at]!)));
  const counted = kind === 'small' ? exchanges : megabytes;
  return {
    kind,
    mb_per_second: rounded(median(megabytes), 1),
    exchanges_per_second: Math.round(median(exchanges)),
    interval: medianInterval(counted).map((one) => rounded(one, 1)),
    us_per_exchange: rounded(1e6 / median(exchanges), 2),
    times_the_floor: rounded(median(floors), 2),
  };
}

function table({ summary }: BenchResult): string {
  const lines = Object.entries(summary as Record<string, Figures>).map(([name, one]) =>
    [
      name.padEnd(30),
      one.kind.padEnd(6),
      String(one.mb_per_second).padStart(9),
      String(one.exchanges_per_second).padStart(12),
      String(one.us_per_exchange).padStart(10),
      String(one.times_the_floor).padStart(10),
    ].join(''),
  );
  return [
    `${'load'.padEnd(30)}kind  ${'MB/s'.padStart(9)}${'exchanges/s'.padStart(12)}${'µs each'.padStart(10)}${'of floor'.padStart(10)}`,
    ...lines,
  ].join('\n');
}
