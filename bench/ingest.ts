// SPDX-License-Identifier: Apache-2.0

/**
 * How many activities a second does a collector take, and what do they weigh on disk?
 *
 * A real collector with embedded ClickHouse in processes of its own; a sender that delivers batches made beforehand over
 * the real gRPC stream with mutual TLS, and waits for the last acknowledgement. All on the same cores. Beside it, in
 * turns, the floor: the same rows inserted straight into the store, without stream, decoding and rules.
 */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { median, medianInterval, rounded } from './statistics.ts';

const ROUNDS = 7;
const ACTIVITIES = 400_000;
const BATCH = 2000;

interface Round {
  readonly activities: number;
  readonly seconds: number;
  readonly rows_per_second_store: number;
  readonly bytes_per_row: number;
  readonly collector_mib: number;
}

export const ingest: Bench = {
  question: 'How many activities a second does a collector take, and what do they weigh on disk?',
  run,
  table,
};

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  const rounds: Round[] = [];
  for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
    const round = await oneRound(quick ? ACTIVITIES / 10 : ACTIVITIES);
    rounds.push(round);
    say(
      `round ${i + 1}: ${Math.round(round.activities / round.seconds)} activities/s, store alone ${Math.round(round.rows_per_second_store)}/s`,
    );
  }
  const rates = rounds.map(({ activities, seconds }) => activities / seconds);
  const [low, high] = medianInterval(rates);
  const floor = median(rounds.map((round) => round.rows_per_second_store));
  return {
    summary: {
      activities_per_second: Math.round(median(rates)),
      interval: [Math.round(low), Math.round(high)],
      store_alone_per_second: Math.round(floor),
      of_store_alone: rounded(median(rates) / floor),
      bytes_per_row: rounded(median(rounds.map((round) => round.bytes_per_row)), 1),
      collector_mb: Math.round(Math.max(...rounds.map((round) => round.collector_mib))),
    },
    raw: { batch: BATCH, rounds },
  };
}

/** Each round in a process of its own, with a collector and a store that are new. */
async function oneRound(activities: number): Promise<Round> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'ingest-round.ts'), String(activities), String(BATCH)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let last = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = line;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the round ended with ${String(code)}`);
  return JSON.parse(last) as Round;
}

function table({ summary }: BenchResult): string {
  const {
    activities_per_second: rate,
    interval,
    store_alone_per_second: store,
    of_store_alone: share,
    bytes_per_row: bytes,
    collector_mb: mib,
  } = summary as Record<string, number> & { interval: number[] };
  return [
    '',
    `${rate} activities/s stored and acknowledged  [${interval.join(', ')}]`,
    `${store} rows/s into the store alone: the whole path takes ${share} of that`,
    `${bytes} bytes a row on disk; collector and engine ${mib} MB at most`,
  ].join('\n');
}

export function processTreeMib(pid: number): number {
  const kib = execFileSync('ps', ['-o', 'rss=', '--ppid', String(pid), '-p', String(pid)], { encoding: 'utf8' });
  return (
    kib
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line), 0) / 1024
  );
}
