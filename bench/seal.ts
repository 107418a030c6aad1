// SPDX-License-Identifier: Apache-2.0

/**
 * What does the seal cost, and how fast is a sealed record written, delivered and verified?
 *
 * Five parts, each in processes of its own, in turns: what sealing adds to an activity on the agent and on the collector,
 * what `sworn verify` does a second, what the journal writes a second, how an agent catches up. Figures of cost are CPU time,
 * which moves less with what else the machine does than the time on the wall.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchOptions, BenchResult } from './bench.ts';
import { type CollectorRun, deliver, makeLog, settled, throughCollector } from './seal/collector-path.ts';
import { RealCollector } from './seal/real-collector.ts';
import { started } from './started.ts';
import { median, medianInterval, rounded } from './statistics.ts';

const ROUNDS = 7;
const AGENT_ACTIVITIES = 200_000;
const PARTS_TURNS = 40;
const COLLECTOR_ACTIVITIES = 400_000;
const VERIFIED_ACTIVITIES = 1_000_000;
/** One each ten seconds of a host that makes a thousand activities a second. */
const VERIFIED_CHECKPOINT_ACTIVITIES = 10_000;
/** The slow way reads fewer. */
const IN_JAVASCRIPT_SHARE = 0.1;
const JOURNAL_ACTIVITIES = 400_000;
const CATCH_UP_ACTIVITIES = 400_000;
/** As agent/delivery/grpc/grpc-sink.ts has it. */
const CATCH_UP_SHARE = 0.25;
/** A host of which checkpoints and marks are shared out over what it records, activities a second. */
const STEADY_PER_SECOND = 1000;
const CHECKPOINT_SECONDS = 10;
const MARK_SECONDS = 5;
const DAY_SECONDS = 86_400;

export const seal: Bench = {
  question: 'What does the seal cost, and how fast is a sealed record written, delivered and verified?',
  run,
  table,
};

type Figures = Readonly<Record<string, number>>;

/** What a program of this bench printed. */
async function measured(name: string, ...args: readonly (string | number)[]): Promise<Figures> {
  const child = await started([process.execPath, join(import.meta.dirname, 'seal', name), ...args.map(String)]);
  await child.stop();
  return child.said as Figures;
}

async function run({ quick, say }: BenchOptions): Promise<BenchResult> {
  const scale = (full: number): number => (quick ? full / 10 : full);
  const rounds = quick ? 2 : ROUNDS;
  const loads: number[] = [];
  const turns = async <Round>(what: string, one: (at: number) => Promise<Round>): Promise<Round[]> => {
    const all: Round[] = [];
    for (let at = 0; at < rounds; at += 1) {
      loads.push(rounded(loadavg()[0] ?? 0, 2));
      all.push(await one(at));
      say(`${what}, round ${at + 1} of ${rounds}: ${JSON.stringify(all.at(-1), (_, value) => short(value))}`);
    }
    return all;
  };
  const agent = await turns('agent', () => onAgent(scale(AGENT_ACTIVITIES), scale(PARTS_TURNS)));
  const collector = await turns('collector', onCollector(scale(COLLECTOR_ACTIVITIES)));
  const verified = await verifyRounds(scale(VERIFIED_ACTIVITIES), turns);
  const journal = await turns('journal', () => measured('journal-write.ts', scale(JOURNAL_ACTIVITIES)));
  const catchUp = await turns('catching up', (at) => catchingUp(scale(CATCH_UP_ACTIVITIES), at % 2 === 0));
  return {
    summary: {
      agent: agentSummary(agent),
      collector: collectorSummary(collector),
      verify: verifySummary(verified),
      journal: journalSummary(journal),
      catch_up: catchUpSummary(catchUp, scale(CATCH_UP_ACTIVITIES)),
    },
    raw: { rounds, loads, agent, collector, verify: verified, journal, catch_up: catchUp },
  };
}

type Turns = <Round>(what: string, one: (at: number) => Promise<Round>) => Promise<Round[]>;

const short = (value: unknown): unknown => (typeof value === 'number' ? rounded(value, 2) : value);
const of = <Round>(rounds: readonly Round[], figure: (round: Round) => number): number => median(rounds.map(figure));
const between = <Round>(rounds: readonly Round[], figure: (round: Round) => number): number[] =>
  medianInterval(rounds.map(figure)).map((one) => rounded(one, 2));

interface AgentRound {
  readonly nothing: Figures;
  readonly leaves: Figures;
  readonly all: Figures;
  readonly parts: Figures;
}

async function onAgent(activities: number, partsTurns: number): Promise<AgentRound> {
  const way = (sealing: string): Promise<Figures> => measured('agent-path.ts', sealing, activities);
  const [nothing, leaves, all] = [await way('nothing'), await way('leaves'), await way('all')];
  return { nothing, leaves, all, parts: await measured('agent-parts.ts', partsTurns) };
}

/** Leaf and chain from the appends, tree and checkpoints from the deliveries, and the chain once more when it is read. */
function addedUs({ nothing, leaves, all, parts }: AgentRound): number {
  const sealedUs = (leaves['append_us']! + all['append_us']!) / 2;
  return sealedUs - nothing['append_us']! + all['deliver_us']! - leaves['deliver_us']! + parts['chain_read_us']!;
}

/** With its share of checkpoints and marks, on a host that makes STEADY_PER_SECOND. */
function partsUs({ parts }: AgentRound): number {
  const seldom = parts['checkpoint_us']! / CHECKPOINT_SECONDS + parts['mark_us']! / MARK_SECONDS;
  const each = parts['leaf_us']! + parts['chain_written_us']! + parts['chain_read_us']! + parts['tree_us']!;
  return each + seldom / STEADY_PER_SECOND;
}

function agentSummary(rounds: readonly AgentRound[]): object {
  const part = (name: string): number => rounded(of(rounds, ({ parts }) => parts[name]!));
  return {
    added_us: rounded(of(rounds, addedUs), 2),
    interval: between(rounds, addedUs),
    parts_sum_us: rounded(of(rounds, partsUs), 2),
    parts_interval: between(rounds, partsUs),
    floor_us: part('floor_us'),
    times_the_floor: rounded(
      of(rounds, (round) => partsUs(round) / round.parts['floor_us']!),
      1,
    ),
    append_us: rounded(
      of(rounds, ({ all }) => all['append_us']!),
      2,
    ),
    append_without_seal_us: rounded(
      of(rounds, ({ nothing }) => nothing['append_us']!),
      2,
    ),
    deliver_us: rounded(
      of(rounds, ({ all }) => all['deliver_us']!),
      2,
    ),
    deliver_without_tree_us: rounded(
      of(rounds, ({ leaves }) => leaves['deliver_us']!),
      2,
    ),
    parts: Object.fromEntries(Object.keys(rounds[0]!.parts).map((name) => [name, part(name)])),
  };
}

interface CollectorRound {
  readonly without: CollectorRun;
  readonly sealed: CollectorRun;
}

function onCollector(activities: number): (at: number) => Promise<CollectorRound> {
  const log = makeLog(activities);
  return async (at) => {
    const isFirst = at % 2 === 0;
    const first = await throughCollector(log, isFirst);
    const second = await throughCollector(log, !isFirst);
    return isFirst ? { sealed: first, without: second } : { without: first, sealed: second };
  };
}

function collectorSummary(rounds: readonly CollectorRound[]): object {
  const ratio = ({ without, sealed }: CollectorRound): number => sealed.perSecond / without.perSecond;
  const added = ({ without, sealed }: CollectorRound): number =>
    sealed.collectorUs + sealed.engineUs - without.collectorUs - without.engineUs;
  return {
    per_second: Math.round(of(rounds, ({ sealed }) => sealed.perSecond)),
    per_second_without: Math.round(of(rounds, ({ without }) => without.perSecond)),
    of_without: rounded(of(rounds, ratio), 2),
    interval: between(rounds, ratio),
    added_us: rounded(of(rounds, added), 2),
    added_interval: between(rounds, added),
    added_in_collector_us: rounded(
      of(rounds, ({ without, sealed }) => sealed.collectorUs - without.collectorUs),
      2,
    ),
    added_in_engine_us: rounded(
      of(rounds, ({ without, sealed }) => sealed.engineUs - without.engineUs),
      2,
    ),
  };
}

interface Reading {
  readonly rows: number;
  readonly seconds: number;
  /** CPU time of the program that reads, of the collector that answers, and of the engine. */
  readonly ownUs: number;
  readonly collectorUs: number;
  readonly engineUs: number;
}

interface VerifyRound {
  readonly audit: Reading;
  readonly read: Reading;
  readonly javascript: Reading;
}

async function verifyRounds(activities: number, turns: Turns): Promise<VerifyRound[]> {
  const collector = await RealCollector.start();
  try {
    await deliver(collector, makeLog(activities, VERIFIED_CHECKPOINT_ACTIVITIES), true);
    await settled(collector);
    const reading = async (mode: string, rows: number): Promise<Reading> => {
      const before = collector.cpu;
      const said = await measured('verify-reader.ts', mode, collector.apiUrl, collector.tokenFile, rows);
      const after = collector.cpu;
      return {
        rows: said['rows']!,
        seconds: said['seconds']!,
        ownUs: said['cpu_us']!,
        collectorUs: after.collectorUs - before.collectorUs,
        engineUs: after.engineUs - before.engineUs,
      };
    };
    // What the file system has to fetch is fetched.
    await reading('read', activities);
    return await turns('verify', async () => ({
      audit: await reading('audit', activities),
      read: await reading('read', activities),
      javascript: await reading('javascript', activities * IN_JAVASCRIPT_SHARE),
    }));
  } finally {
    await collector.stop();
  }
}

const allUs = ({ ownUs, collectorUs, engineUs }: Reading): number => ownUs + collectorUs + engineUs;
const perCpuSecond = (one: Reading, us: number): number => (1e6 * one.rows) / us;

function verifySummary(rounds: readonly VerifyRound[]): object {
  const rate = ({ audit }: VerifyRound): number => perCpuSecond(audit, allUs(audit));
  return {
    per_core_second: Math.round(of(rounds, rate)),
    interval: medianInterval(rounds.map(rate)).map(Math.round),
    per_core_second_of_verify_alone: Math.round(of(rounds, ({ audit }) => perCpuSecond(audit, audit.ownUs))),
    per_second: Math.round(of(rounds, ({ audit }) => audit.rows / audit.seconds)),
    us: {
      verify: rounded(of(rounds, ({ audit }) => audit.ownUs / audit.rows)),
      collector: rounded(of(rounds, ({ audit }) => audit.collectorUs / audit.rows)),
      engine: rounded(of(rounds, ({ audit }) => audit.engineUs / audit.rows)),
    },
    floor_per_core_second: Math.round(of(rounds, ({ read }) => perCpuSecond(read, allUs(read)))),
    of_floor: rounded(
      of(rounds, (round) => rate(round) / perCpuSecond(round.read, allUs(round.read))),
      2,
    ),
    javascript_per_core_second: Math.round(of(rounds, ({ javascript: js }) => perCpuSecond(js, allUs(js)))),
    times_javascript: rounded(
      of(rounds, (round) => rate(round) / perCpuSecond(round.javascript, allUs(round.javascript))),
      1,
    ),
  };
}

const MIB = 2 ** 20;

function journalSummary(rounds: readonly Figures[]): object {
  const ofDisk = (round: Figures): number => round['replay_seconds']! / round['seconds']!;
  return {
    mib_per_second: rounded(
      of(rounds, (round) => round['bytes']! / MIB / round['seconds']!),
      1,
    ),
    activities_per_second: Math.round(of(rounds, (round) => round['activities']! / round['seconds']!)),
    disk_mib_per_second: rounded(
      of(rounds, (round) => round['bytes']! / MIB / round['replay_seconds']!),
      1,
    ),
    of_disk: rounded(of(rounds, ofDisk), 2),
    interval: between(rounds, ofDisk),
    write_mib: rounded(
      of(rounds, (round) => round['bytes']! / MIB / round['writes']!),
      2,
    ),
    disk_busy: rounded(
      of(rounds, (round) => round['disk_busy_seconds']! / round['seconds']!),
      2,
    ),
    cores: rounded(
      of(rounds, (round) => round['cpu_seconds']! / round['seconds']!),
      2,
    ),
  };
}

interface CatchUpRound {
  readonly bounded: Figures;
  readonly unbounded: Figures;
}

async function catchingUp(activities: number, isBoundedFirst: boolean): Promise<CatchUpRound> {
  const bounded = () => measured('catch-up.ts', CATCH_UP_SHARE, activities);
  const unbounded = () => measured('catch-up.ts', 'unbounded', activities);
  if (isBoundedFirst) return { bounded: await bounded(), unbounded: await unbounded() };
  const first = await unbounded();
  return { bounded: await bounded(), unbounded: first };
}

function catchUpSummary(rounds: readonly CatchUpRound[], activities: number): object {
  const rate = (figures: Figures): number => activities / figures['seconds']!;
  const share = (figures: Figures): number => figures['cpu_seconds']! / figures['seconds']!;
  const perSecond = of(rounds, ({ bounded }) => rate(bounded));
  return {
    per_second: Math.round(perSecond),
    core_share: rounded(
      of(rounds, ({ bounded }) => share(bounded)),
      2,
    ),
    core_share_interval: between(rounds, ({ bounded }) => share(bounded)),
    core_share_bound: CATCH_UP_SHARE,
    per_second_unbounded: Math.round(of(rounds, ({ unbounded }) => rate(unbounded))),
    core_share_unbounded: rounded(
      of(rounds, ({ unbounded }) => share(unbounded)),
      2,
    ),
    of_unbounded: rounded(
      of(rounds, ({ bounded, unbounded }) => rate(bounded) / rate(unbounded)),
      2,
    ),
    day_at_100_per_second_minutes: rounded((DAY_SECONDS * 100) / perSecond / 60, 1),
  };
}

function table({ summary }: BenchResult): string {
  const lines = Object.entries(summary).flatMap(([part, figures]) => [
    '',
    part.replace('_', ' '),
    ...Object.entries(figures as object).map(([name, value]) => `  ${name.padEnd(32)} ${figureText(value)}`),
  ]);
  return lines.join('\n');
}

function figureText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, one]) => `${name} ${one}`)
    .join(', ');
}
