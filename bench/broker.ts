// SPDX-License-Identifier: Apache-2.0

/**
 * How long does a workload wait for a token, and what does one cost the host?
 *
 * Raw requests in the words of App Service, by a program that is recorded, to an agent as it is in the field. In turns with
 * each of them the floor: the same program asks a server of the same library that gives the same body and decides nothing.
 * It is recorded there too, so what lies between the two is the broker alone.
 */
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { measureParts, type PartsUs } from './broker/parts.ts';
import { type Asking, BrokerStage } from './broker/stage.ts';
import { median, medianInterval, quantile, rounded } from './statistics.ts';

const ROUNDS = 15;
const ROUNDS_QUICK = 3;
/** Of each new process: its first requests find it unknown, its program without a digest, its way not yet compiled. */
const WARM_UP = 20;
const WARM_UP_ROUNDS = 8;
/** A process may ask 200 times at once. */
const REQUESTS = 180;
const US = 1000;

/** Each is asked of the broker and of the floor, in turns. */
const WAYS = {
  kept: { what: 'one caller, one connection', asking: { requests: REQUESTS } },
  new: { what: 'one caller, a connection for each', asking: { requests: REQUESTS, isNew: true } },
  connections: { what: 'one process, 200 connections, once each', asking: { connections: 200, requests: 1 } },
  processes: { what: '200 processes, 10 times each', asking: { processes: 200, requests: 10 } },
} as const satisfies Record<string, { what: string; asking: Omit<Asking, 'at'> }>;

type Way = keyof typeof WAYS;

interface Run {
  readonly way: Way;
  readonly round: number;
  readonly at: Asking['at'];
  /** All of them, after the warm-up of a single caller; microseconds. */
  readonly answersUs: readonly number[];
  readonly perSecond: number;
  readonly agentUs: number;
  readonly requests: number;
}

interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

interface WaySummary {
  readonly broker_us: Latency;
  readonly floor_us: Latency;
  readonly per_second: number;
  readonly floor_per_second: number;
  /** Of medians of latency, by rounds: how often the floor fits into it. */
  readonly times_the_floor: number;
  readonly interval: readonly [number, number];
  /** CPU of the agent, all threads; at the floor, that of recording the same exchange. */
  readonly agent_cpu_us: number;
  readonly agent_cpu_us_at_floor: number;
}

interface Summary extends Readonly<Record<string, unknown>> {
  readonly ways: Readonly<Record<Way, WaySummary>>;
  readonly refusal_us: Latency;
  /** The token, the keys and the connection to Entra are not there yet; one figure where Entra answers at once. */
  readonly cold_ms: Readonly<Record<'at_once' | 'late_50ms', Latency>>;
  /** The same token of the stand-in alone: signed for, asked for, read. */
  readonly entra_alone_us: Latency;
  readonly parts_us: PartsUs;
}

export const broker: Bench = {
  question: 'How long does a workload wait for a token, and what does it cost?',
  run,
  table,
};

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? ROUNDS_QUICK : ROUNDS;
  say('the parts of a decision');
  const parts = await measureParts(quick);
  const stage = await BrokerStage.open();
  try {
    say('warming up');
    for (let i = 0; i < WARM_UP_ROUNDS; i++) {
      for (const at of ['broker', 'floor'] as const) await stage.ask({ at, requests: REQUESTS });
    }
    const runs: Run[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      for (const way of Object.keys(WAYS) as Way[]) {
        // Who is first has no part in it.
        const order = round % 2 === 0 ? (['broker', 'floor'] as const) : (['floor', 'broker'] as const);
        for (const at of order) runs.push(await oneRun(stage, way, round, at));
      }
    }
    say('refusals');
    const refusals: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { answersNs } = await stage.ask({ at: 'broker', requests: REQUESTS, isRefused: true });
      refusals.push(...answersNs.slice(WARM_UP).map((ns) => ns / US));
    }
    say('tokens of the stand-in alone');
    const alone = (await stage.entraAloneNs(REQUESTS)).slice(WARM_UP).map((ns) => ns / US);
    say('cold tokens');
    const atOnce = await coldMs(stage, rounds);
    stage.makeEntraLate();
    const late = await coldMs(stage, rounds);
    const ways = Object.fromEntries(
      Object.keys(WAYS).map((way) => [way, summaryOf(runs.filter((one) => one.way === way))]),
    ) as Summary['ways'];
    const summary: Summary = {
      ways,
      refusal_us: latencyOf(refusals),
      cold_ms: { at_once: latencyOf(atOnce, 2), late_50ms: latencyOf(late, 2) },
      entra_alone_us: latencyOf(alone),
      parts_us: parts,
    };
    return { summary, raw: { runs: runs.map(briefly), cold_ms: { atOnce, late } } };
  } finally {
    await stage.close();
  }
}

async function oneRun(stage: BrokerStage, way: Way, round: number, at: Asking['at']): Promise<Run> {
  const { asking } = WAYS[way];
  const before = await stage.agentUs();
  const { answersNs, elapsedNs } = await stage.ask({ at, ...asking });
  const agentUs = (await stage.agentUs()) - before;
  const isSingle = way === 'kept' || way === 'new';
  return {
    ...{ way, round, at, agentUs },
    answersUs: answersNs.slice(isSingle ? WARM_UP : 0).map((ns) => ns / US),
    perSecond: answersNs.length / (elapsedNs / 1e9),
    requests: answersNs.length,
  };
}

async function coldMs(stage: BrokerStage, times: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) {
    await stage.forget();
    const { answersNs } = await stage.ask({ at: 'broker', requests: 1 });
    all.push((answersNs[0] as number) / 1e6);
  }
  return all;
}

function latencyOf(values: readonly number[], digits = 0): Latency {
  const at = (q: number): number => rounded(quantile(values, q), digits);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

function summaryOf(runs: readonly Run[]): WaySummary {
  const of = (at: Asking['at']): Run[] => runs.filter((one) => one.at === at);
  const [ours, floors] = [of('broker'), of('floor')];
  const ratios = ours.map((run, i) => median(run.answersUs) / median((floors[i] as Run).answersUs));
  const [low, high] = medianInterval(ratios);
  const all = (some: readonly Run[]): Latency => latencyOf(some.flatMap(({ answersUs }) => answersUs));
  const rate = (some: readonly Run[]): number => Math.round(median(some.map(({ perSecond }) => perSecond)));
  // Of all rounds together: the kernel counts in hundredths of a second.
  const cpu = (some: readonly Run[]): number =>
    Math.round(sum(some.map(({ agentUs }) => agentUs)) / sum(some.map(({ requests }) => requests)));
  return {
    broker_us: all(ours),
    floor_us: all(floors),
    per_second: rate(ours),
    floor_per_second: rate(floors),
    times_the_floor: rounded(median(ratios), 2),
    interval: [rounded(low, 2), rounded(high, 2)],
    agent_cpu_us: cpu(ours),
    agent_cpu_us_at_floor: cpu(floors),
  };
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** A run without each of its answers: some thousand figures a round say no more than their distribution. */
function briefly({ answersUs, ...run }: Run): object {
  return { ...run, answers_us: latencyOf(answersUs) };
}

function table({ summary }: BenchResult): string {
  const { ways, refusal_us: refusal, cold_ms: cold, entra_alone_us: alone, parts_us: parts } = summary as Summary;
  const latency = ({ p50, p90, p99 }: Latency): string => `${p50} / ${p90} / ${p99}`;
  const rows = Object.entries(ways).map(([way, one]) => {
    const cells = [WAYS[way as Way].what, latency(one.broker_us), latency(one.floor_us)];
    cells.push(`${one.times_the_floor} [${one.interval.join(', ')}]`, `${one.per_second} / ${one.floor_per_second}`);
    cells.push(`${one.agent_cpu_us} / ${one.agent_cpu_us_at_floor}`);
    return `| ${cells.join(' | ')} |`;
  });
  const decisions = Object.entries(parts.decision).map(([count, us]) => `${us} with ${count}`);
  return [
    '',
    '| | broker, µs p50 / p90 / p99 | floor | times the floor | a second: broker / floor | agent CPU µs: broker / floor |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    `refusal: ${latency(refusal)} µs`,
    `cold token: ${latency(cold.at_once)} ms; with Entra 50 ms away ${latency(cold.late_50ms)} ms`,
    `the same token from the stand-in alone: ${latency(alone)} µs`,
    `kernel record ${parts.kernel_record} µs; facts ${parts.facts} µs, with a known digest ${parts.facts_with_known_digest} µs`,
    `first digest ${Math.round(parts.first_digest / 1000)} ms for ${Math.round(parts.first_digest_bytes / 2 ** 20)} MiB`,
    `decision, µs: ${decisions.join(', ')} policies`,
  ].join('\n');
}
