// SPDX-License-Identifier: Apache-2.0

/**
 * What does it cost to be read through TLS?
 *
 * The bench `overhead` with one client, plain and over TLS in turns: what recording costs in each, as ratios to the same
 * without Sworn. Beside it the usual way to see plaintext, probes at each SSL_read and SSL_write that copy what passes and
 * do nothing else. And handshakes alone, a connection for each transaction: there the secrets pass, so there is what
 * Sworn's own probe costs.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { type Mode, OverheadStage, type Run, type Talk } from './overhead-stage.ts';
import { median, medianInterval, rounded } from './statistics.ts';

const ROUNDS = 5;
const SECONDS = 2;

interface Way {
  readonly name: string;
  readonly mode: Mode;
  readonly talk: Talk;
}

const WAYS: readonly Way[] = [
  { name: 'plain, recorded', mode: 'recorded', talk: {} },
  { name: 'TLS, recorded', mode: 'recorded', talk: { tls: true } },
  { name: 'TLS, SSL_read and SSL_write tapped', mode: 'taps', talk: { tls: true } },
  { name: 'handshakes, recorded', mode: 'recorded', talk: { tls: true, connects: true } },
  { name: 'handshakes, outsider', mode: 'outsider', talk: { tls: true, connects: true } },
];

interface Round {
  readonly way: string;
  readonly run: Run;
  readonly before: Run;
  readonly after: Run;
}

interface WaySummary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly tps_without: number;
  /** CPU of a transaction, µs: with, and without. */
  readonly workload_us: number;
  readonly workload_us_without: number;
  readonly agent_us: number;
}

export interface TlsSummary extends Readonly<Record<string, unknown>> {
  readonly ways: Readonly<Record<string, WaySummary>>;
  /** The ratio over TLS to the ratio in plain. */
  readonly tls_of_plain: number;
  readonly lost_bytes: number;
}

export const tls: Bench = {
  question: 'What does it cost to be read through TLS?',
  run,
  table,
};

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  execFileSync('sh', [join(import.meta.dirname, 'taps/build.sh')], { stdio: ['ignore', 'ignore', 'inherit'] });
  const stage = await OverheadStage.open({ tls: true });
  const rounds: Round[] = [];
  try {
    stage.useCores(1);
    await stage.run('without', 1, 1);
    for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
      for (const { name, mode, talk } of [...WAYS.slice(i % WAYS.length), ...WAYS.slice(0, i % WAYS.length)]) {
        const before = await stage.run('without', 1, SECONDS, talk);
        const measured = await stage.run(mode, 1, SECONDS, talk);
        const after = await stage.run('without', 1, SECONDS, talk);
        rounds.push({ way: name, run: measured, before, after });
      }
      say(`round ${i + 1}: ${WAYS.map(({ name }) => `${name} ${rounded(ratioOf(last(rounds, name)))}`).join('; ')}`);
    }
    return { summary: summarise(rounds), raw: { seconds: SECONDS, rounds } };
  } finally {
    await stage.close();
  }
}

function last(rounds: readonly Round[], way: string): Round {
  return rounds.findLast((round) => round.way === way) as Round;
}

function ratioOf({ run: measured, before, after }: Round): number {
  return measured.tps / ((before.tps + after.tps) / 2);
}

function summarise(all: readonly Round[]): TlsSummary {
  const summaryOf = ({ name }: Way): WaySummary => {
    const rounds = all.filter(({ way }) => way === name);
    const ratios = rounds.map(ratioOf);
    const [low, high] = medianInterval(ratios);
    const cost = (of: (round: Round) => number): number => rounded(median(rounds.map(of)), 1);
    return {
      median: rounded(median(ratios)),
      low: rounded(low),
      high: rounded(high),
      tps_without: Math.round(median(rounds.map(({ before }) => before.tps))),
      workload_us: cost((round) => round.run.workloadUs / round.run.transactions),
      workload_us_without: cost((round) => round.before.workloadUs / round.before.transactions),
      agent_us: cost((round) => round.run.agentUs / round.run.transactions),
    };
  };
  const ways = Object.fromEntries(WAYS.map((way) => [way.name, summaryOf(way)]));
  const ratio = (name: string): number => (ways[name] as WaySummary).median;
  return {
    ways,
    tls_of_plain: rounded(ratio('TLS, recorded') / ratio('plain, recorded')),
    lost_bytes: all.reduce((sum, round) => sum + round.run.lossBytes, 0),
  };
}

function table({ summary }: BenchResult): string {
  const { ways, tls_of_plain: ofPlain, lost_bytes: lost } = summary as TlsSummary;
  const lines = ['', 'throughput as a ratio to without (median, 95 % interval); µs of CPU a transaction'];
  for (const [name, way] of Object.entries(ways)) {
    const { median: middle, low, high, tps_without: tps } = way;
    lines.push(
      `  ${name.padEnd(36)} ${middle.toFixed(3)}  [${low.toFixed(3)}, ${high.toFixed(3)}]   ${tps}/s without; workload ${way.workload_us_without} → ${way.workload_us}, agent ${way.agent_us}`,
    );
  }
  lines.push(`  TLS, as a ratio to plain: ${ofPlain}; bytes lost: ${lost}`);
  return lines.join('\n');
}
