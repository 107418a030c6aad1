// SPDX-License-Identifier: Apache-2.0

/**
 * What does it cost to be recorded, and what does it cost everybody else?
 *
 * pgbench, select only, over TCP on loopback: the shortest real commands there are, so the worst case for a recorder.
 * Five ways: without Sworn; with empty programs on the same hooks (the floor); recorded, by the whole agent with its
 * journal and delivery; as an outsider on a host where somebody else is recorded; and, for comparison, without Sworn beside
 * a neighbour that only computes, which says what any work on the other cores costs on this machine. Each short run of one way stands
 * between two runs without, and is a ratio to their mean; the ways take turns, and the median over all rounds stands.
 *
 * One client and its server take turns, so they get one core, which then never sleeps, and the agent has the others: the
 * ratio says what recording costs on the way of a command. (On two cores each turn wakes a core, which on a virtual
 * machine costs more than the command; whatever else keeps the cores awake then looks like a gain, up to twofold.) Eight
 * clients get all cores and fill them: there the agent competes for time, and the ratio says that too.
 */
import { availableParallelism } from 'node:os';
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { type HookCost, measureHooks } from './hook-cost.ts';
import { type Mode, OverheadStage, type Run } from './overhead-stage.ts';
import { median, medianInterval, rounded } from './statistics.ts';

const CLIENTS = [1, 8];
const ROUNDS: Readonly<Record<number, number>> = { 1: 9, 8: 4 };
const SECONDS = 2;
const WAYS: readonly Mode[] = ['floor', 'recorded', 'outsider', 'neighbour'];

interface Round {
  readonly clients: number;
  readonly run: Run;
  readonly before: Run;
  readonly after: Run;
}

interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** CPU time of a command, µs. `machine` is all that was not idle, without what the machine does anyway. */
interface Cost {
  readonly workload: number;
  readonly server: number;
  readonly agent: number;
  readonly machine: number;
}

export interface OverheadSummary extends Readonly<Record<string, unknown>> {
  /** By number of clients. */
  readonly recorded: Readonly<Record<string, number>>;
  readonly floor: Readonly<Record<string, number>>;
  readonly outsider: Readonly<Record<string, number>>;
  /** A program on another core that only computes: what an agent that touched nothing would cost. */
  readonly neighbour: Readonly<Record<string, number>>;
  readonly recorded_of_floor: Readonly<Record<string, number>>;
  readonly intervals: Readonly<Record<string, Readonly<Record<string, Ratio>>>>;
  readonly tps_without: Readonly<Record<string, number>>;
  readonly cpu_us_per_command: Readonly<Record<string, Readonly<Record<'without' | 'recorded', Cost>>>>;
  readonly rss_mb: number;
  readonly lost_bytes: number;
  readonly hooks: readonly HookCost[];
}

export const overhead: Bench = {
  question: 'What does it cost to be recorded, and what does it cost everybody else?',
  run,
  table,
};

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  const stage = await OverheadStage.open();
  const rounds: Round[] = [];
  try {
    const idleUs = await stage.idleUsPerSecond(quick ? 1 : 5);
    await stage.run('without', 1, 1);
    for (const clients of CLIENTS) {
      stage.useCores(clients === 1 ? 1 : availableParallelism());
      let before = await stage.run('without', clients, SECONDS);
      for (let i = 0; i < (quick ? 1 : (ROUNDS[clients] ?? 1)); i++) {
        // Another order each round, so that no way always follows the same other.
        for (const mode of [...WAYS.slice(i % WAYS.length), ...WAYS.slice(0, i % WAYS.length)]) {
          const measured = await stage.run(mode, clients, SECONDS);
          const after = await stage.run('without', clients, SECONDS);
          rounds.push({ clients, run: measured, before, after });
          before = after;
        }
        say(
          `${clients} client${clients === 1 ? '' : 's'}, round ${i + 1}: ${WAYS.map((mode) => `${mode} ${rounded(ratioOf(last(rounds, mode)))}`).join(', ')}`,
        );
      }
    }
    say('what each hook costs');
    const hooks = await measureHooks(stage, quick ? 1 : 5);
    return { summary: summarise(rounds, hooks, idleUs), raw: { idle_us_per_second: idleUs, seconds: SECONDS, rounds } };
  } finally {
    await stage.close();
  }
}

function last(rounds: readonly Round[], mode: Mode): Round {
  return rounds.findLast((round) => round.run.mode === mode) as Round;
}

function ratioOf({ run: measured, before, after }: Round): number {
  return measured.tps / ((before.tps + after.tps) / 2);
}

function summarise(rounds: readonly Round[], hooks: readonly HookCost[], idleUs: number): OverheadSummary {
  const of = (clients: number, mode: Mode): Round[] =>
    rounds.filter((round) => round.clients === clients && round.run.mode === mode);
  const ratios = (clients: number, mode: Mode): number[] => of(clients, mode).map(ratioOf);
  const byClients = <T>(make: (clients: number) => T): Record<string, T> =>
    Object.fromEntries(CLIENTS.map((clients) => [clients, make(clients)]));
  const recordedRuns = rounds
    .filter(({ run: measured }) => measured.mode === 'recorded')
    .map(({ run: measured }) => measured);
  return {
    recorded: byClients((clients) => rounded(median(ratios(clients, 'recorded')))),
    floor: byClients((clients) => rounded(median(ratios(clients, 'floor')))),
    outsider: byClients((clients) => rounded(median(ratios(clients, 'outsider')))),
    neighbour: byClients((clients) => rounded(median(ratios(clients, 'neighbour')))),
    recorded_of_floor: byClients((clients) =>
      rounded(median(ratios(clients, 'recorded')) / median(ratios(clients, 'floor'))),
    ),
    intervals: byClients((clients) =>
      Object.fromEntries(
        WAYS.map((mode) => {
          const [low, high] = medianInterval(ratios(clients, mode));
          return [mode, { median: rounded(median(ratios(clients, mode))), low: rounded(low), high: rounded(high) }];
        }),
      ),
    ),
    tps_without: byClients((clients) => Math.round(median(of(clients, 'recorded').map(({ before }) => before.tps)))),
    cpu_us_per_command: byClients((clients) => {
      const recorded = of(clients, 'recorded');
      const cost = (runs: readonly Run[], of: (run: Run) => number): number =>
        rounded(median(runs.map((one) => of(one) / one.transactions)), 1);
      const costs = (runs: readonly Run[]): Cost => ({
        workload: cost(runs, ({ workloadUs }) => workloadUs),
        server: cost(runs, ({ serverUs }) => serverUs),
        agent: cost(runs, ({ agentUs }) => agentUs),
        machine: cost(runs, ({ busyUs }) => busyUs - idleUs * SECONDS),
      });
      return { without: costs(recorded.map(({ before }) => before)), recorded: costs(recorded.map((one) => one.run)) };
    }),
    rss_mb: Math.round(Math.max(...recordedRuns.map(({ agentMib }) => agentMib))),
    lost_bytes: recordedRuns.reduce((sum, { lossBytes }) => sum + lossBytes, 0),
    hooks,
  };
}

function table({ summary }: BenchResult): string {
  const {
    intervals,
    cpu_us_per_command: cpu,
    tps_without: tps,
    rss_mb: rss,
    lost_bytes: lost,
    hooks,
  } = summary as OverheadSummary;
  const lines = ['', 'throughput as a ratio to without (median, 95 % interval)'];
  for (const clients of CLIENTS) {
    lines.push(`  ${clients} client${clients === 1 ? ' ' : 's'}  (${tps[clients]} transactions/s without)`);
    for (const mode of WAYS) {
      const { median: middle, low, high } = (intervals[clients] as Readonly<Record<Mode, Ratio>>)[mode];
      lines.push(`    ${mode.padEnd(9)} ${middle.toFixed(3)}  [${low.toFixed(3)}, ${high.toFixed(3)}]`);
    }
    for (const [way, { workload, server, agent, machine }] of Object.entries(cpu[clients] ?? {}))
      lines.push(
        `    µs of CPU a command ${way}: workload ${workload}, server ${server}, agent ${agent}; machine ${machine}`,
      );
  }
  lines.push(
    `  agent: ${rss} MB at most; bytes lost: ${lost}`,
    '',
    'hooks, recorded, one client:   runs/command   ns/run   ns/command',
  );
  for (const { name, runsPerCommand, nsPerRun, nsPerCommand } of hooks) {
    lines.push(
      `  ${name.padEnd(24)} ${runsPerCommand.toFixed(2).padStart(10)} ${String(Math.round(nsPerRun)).padStart(10)} ${String(Math.round(nsPerCommand)).padStart(10)}`,
    );
  }
  return lines.join('\n');
}
