// SPDX-License-Identifier: Apache-2.0

/**
 * A ring that is far too small, a load that is far too high, and an agent that stops in between: what is lost is told to
 * the byte, and what is in the record is right.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountFaults, type RecordedEnd, readEnds, readLosses, transportOf } from './byte-account.ts';
import type { Fault, Outcome } from './fault.ts';
import type { MoverReport } from './load/byte-mover.ts';
import { isMarked, isStatement, wasRun } from './marks.ts';
import type { Random } from './random.ts';
import { type Stage, until } from './stage.ts';

/** 64 KiB: the smallest that there is, about as much as one large reply. */
export const LOSING_RING = { ring_bytes: 65_536, buffer_bytes: 524_288 };
const LOAD_SECONDS = 5;
const CONNECTIONS_AT_ONCE = 24;
const STAYING = 20;
const RUNS_MAX = 4;
const SETTLE_MS_MAX = 90_000;

interface Process {
  readonly pid: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

interface StormReport {
  readonly session: string;
  readonly pid: number;
  readonly short: readonly Process[];
  readonly stay: readonly number[];
}

interface ExchangeRow {
  readonly protocol: string;
  readonly number: string;
  readonly sha256: string;
  readonly statement: string;
  readonly status: string;
  readonly operation: string;
  /** The beginning of it. */
  readonly reply: string;
  /** Whether the reply has the number in it that was asked for. */
  readonly is_answered: 0 | 1;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Stops the agent for a while, again and again, until `done`. */
async function disturb(
  stage: Stage,
  random: Random,
  done: Promise<unknown>,
  pauseMs: readonly [min: number, max: number],
): Promise<void> {
  let going = true;
  void done.finally(() => {
    going = false;
  });
  while (going) {
    await sleep(random.between(100, 600));
    stage.agent.pause();
    await sleep(random.between(...pauseMs));
    stage.agent.resume();
  }
}

/** The agent kept up: nothing was lost, so nothing was tried. */
class NothingLost extends Error {
  override readonly name = 'NothingLost';
}

/** On a busy host a load does less in the same time: then it goes on for longer, and so does each pause of the agent. */
async function longer(lose: (run: number, factor: number) => Promise<Outcome>): Promise<Outcome> {
  for (let run = 0; ; run++) {
    try {
      return await lose(run, 2 ** run);
    } catch (error) {
      if (!(error instanceof NothingLost) || run === RUNS_MAX - 1) throw error;
    }
  }
}

/** Every byte of every connection is in one place: decoded, not understood, cut or lost. */
export function loseBytes(stage: Stage, random: Random): Promise<Outcome> {
  return longer((run, factor) => loseSomeBytes(stage, random, run, factor));
}

async function loseSomeBytes(stage: Stage, random: Random, run: number, factor: number): Promise<Outcome> {
  const name = `move${run}`;
  const file = join(stage.folder, `${name}.json`);
  const args = [
    file,
    name,
    String(LOAD_SECONDS * factor),
    String(CONNECTIONS_AT_ONCE),
    String(random.between(1, 1_000_000)),
  ];
  const workload = stage.startWorkload('byte-mover.ts', args);
  await workload.line((line) => line.includes('moving'), SETTLE_MS_MAX);
  await disturb(stage, random, workload.ended, [50 * factor, 500 * factor]);
  await stage.finished(workload);
  await stage.settled(SETTLE_MS_MAX);

  const report = JSON.parse(readFileSync(file, 'utf8')) as MoverReport;
  const ends = await readEnds(stage, report.session);
  const bytes = accountFaults(report.connections, ends, await readLosses(stage, report.session));
  const faults: Fault[] = bytes.map((text) => ({ kind: 'undeclared', text }));
  const missed = (['tcp4', 'tcp6', 'unix'] as const).map((transport) => {
    const its = ends.filter((end) => transportOf(end) === transport);
    const lost = { sent: sumOf(its, 'sent_lost'), received: sumOf(its, 'received_lost') };
    if (faults.length === 0 && (lost.sent === 0 || lost.received === 0)) {
      throw new NothingLost(`the ring was large enough for ${transport}: ${lost.sent} and ${lost.received} bytes lost`);
    }
    return `${transport} ${lost.sent} and ${lost.received}`;
  });

  const exchanges = await stage.rows<ExchangeRow>(
    `SELECT protocol, status, operation, attributes, left(statement, 80) AS statement,
            left(response, 80) AS reply,
            extract(statement, '(${name}-[0-9]+)') AS number, lower(hex(SHA256(c.statement))) AS sha256,
            position(response, extract(c.statement, '(${name}-[0-9]+)')) > 0 AS is_answered
     FROM sworn.commands AS c WHERE session_id = '${report.session}'`,
  );
  faults.push(...exchangeFaults(exchanges, report));
  const whole = exchanges.filter((one) => one.number !== '' && !isMarked(one)).length;
  if (whole === 0) throw new Error('no exchange is whole');
  const moved = sumOf(ends, 'sent_moved') + sumOf(ends, 'received_moved');
  return {
    faults,
    notes: [
      `${report.connections.length} connections, ${moved} bytes; lost of what was sent and received: ${missed.join(', ')}`,
      `${exchanges.length} exchanges in the record, ${whole} of them whole`,
    ],
  };
}

function sumOf(ends: readonly RecordedEnd[], column: 'sent_moved' | 'received_moved' | 'sent_lost' | 'received_lost') {
  return ends.reduce((sum, end) => sum + Number(end[column]), 0);
}

/** Every process has a line or is in a loss, and in the end it is known what runs. */
export function loseProcesses(stage: Stage, random: Random): Promise<Outcome> {
  return longer((run, factor) => loseSomeProcesses(stage, random, run, factor));
}

async function loseSomeProcesses(stage: Stage, random: Random, run: number, factor: number): Promise<Outcome> {
  const file = join(stage.folder, `storm${run}.json`);
  const release = join(stage.folder, `release${run}`);
  const before = await processLosses(stage);
  const workload = stage.startWorkload('process-storm.py', [
    file,
    String(LOAD_SECONDS * factor),
    String(STAYING),
    release,
  ]);
  await workload.line((line) => line === 'the storm begins', SETTLE_MS_MAX);
  const over = workload.line((line) => line === 'the storm is over', SETTLE_MS_MAX);
  // A process is some 600 bytes in the ring: it takes a hundred to fill it.
  await disturb(stage, random, over, [500 * factor, 1500 * factor]);
  const report = JSON.parse(readFileSync(file, 'utf8')) as StormReport;
  const running = 1 + report.stay.length;
  await until(SETTLE_MS_MAX, async () => {
    const session = (await stage.agentStatus()).sessions.find(({ id }) => id === report.session);
    return session?.processes === running ? undefined : `${session?.processes} of ${running} processes are known`;
  });
  writeFileSync(release, '');
  await stage.finished(workload);
  await stage.settled(SETTLE_MS_MAX);

  const processes = await stage.rows<ProcessRow>(
    `SELECT action, pid, process_id, if(endsWith(exe, '/true'), argv[2], '') AS number, exit_code, signal
     FROM sworn.processes WHERE session_id = '${report.session}'`,
  );
  const losses = (await processLosses(stage)).filter(({ seq }) => !before.some((known) => known.seq === seq));
  const told = (reason: string): number =>
    losses.reduce((sum, loss) => sum + (loss.reason === reason ? Number(loss.events) : 0), 0);
  const faults = processFaults(report, processes, losses, told).map(
    (text): Fault => ({ kind: / twice$/.test(text) ? 'doubled' : 'undeclared', text }),
  );
  if (faults.length === 0 && told('exec_ring_full') === 0) throw new NothingLost('the ring was large enough');
  return {
    faults,
    notes: [`${report.short.length} processes, ${told('exec_ring_full')} of their execs lost`],
  };
}

function processLosses(stage: Stage): Promise<LossRow[]> {
  return stage.rows<LossRow>(
    `SELECT seq, reason, events, toUnixTimestamp64Milli(time) AS since, toUnixTimestamp64Milli(end_time) AS until
     FROM sworn.losses WHERE place = 'process'`,
  );
}

/** Each number once at most; the text whole, with its own reply, unless the exchange says that something is missing. */
function exchangeFaults(rows: readonly ExchangeRow[], { statements, requests }: MoverReport): Fault[] {
  const faults: Fault[] = [];
  const say = (kind: Fault['kind'], text: string): void => void faults.push({ kind, text });
  const seen = new Set<string>();
  for (const exchange of rows) {
    const { protocol, number, sha256, statement, operation, attributes, status, reply } = exchange;
    const about = `${protocol} ${operation} ${statement} (${status}) ${JSON.stringify(attributes)} ${reply}`;
    if (number === '') {
      if (isStatement(operation) && !isMarked(exchange)) say('undeclared', `neither numbered nor marked: ${about}`);
      continue;
    }
    if (seen.has(number)) say('doubled', `in the record twice: ${about}`);
    seen.add(number);
    const isWhole = protocol === 'http' ? requests[number] === statement : statements[number] === sha256;
    if (!isWhole && attributes['request_gap_bytes'] === undefined)
      say('undeclared', `altered, and not marked: ${about}`);
    if (isMarked(exchange) || !wasRun(operation)) continue;
    if (exchange.is_answered === 0) say('undeclared', `without its reply, and not marked: ${about}`);
  }
  return faults;
}

interface ProcessRow {
  readonly action: string;
  readonly pid: number;
  readonly process_id: string;
  /** Of a short process, where its line has it. */
  readonly number: string;
  readonly exit_code: number;
  readonly signal: number;
}

interface LossRow {
  readonly seq: string;
  readonly reason: string;
  readonly events: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: string;
  readonly until: string;
}

function processFaults(
  report: StormReport,
  rows: readonly ProcessRow[],
  losses: readonly LossRow[],
  told: (reason: string) => number,
): string[] {
  const faults: string[] = [];
  const of = (action: string): ProcessRow[] => rows.filter((row) => row.action === action);
  const started = report.short.length + report.stay.length;

  // Of each kind of event: what has a line and what is told as lost are all that there were.
  const sums = [
    ['made', of('fork').length + told('fork_ring_full'), started],
    ['executed', of('exec').length + told('exec_ring_full'), started + 1],
    ['ended', of('exit').length - told('exit_unseen') + told('exit_ring_full'), started + 1],
  ] as const;
  for (const [what, found, wanted] of sums) {
    if (found !== wanted) faults.push(`${wanted} processes were ${what}, ${found} are in the record or told as lost`);
  }

  const numbered = new Map<string, ProcessRow>();
  for (const row of of('exec')) {
    if (row.number === '') continue;
    if (numbered.has(row.number)) faults.push(`process ${row.number} was executed twice`);
    numbered.set(row.number, row);
  }
  const spans = losses.filter((loss) => loss.reason === 'exec_ring_full');
  report.short.forEach(({ pid, startedMs, endedMs }, number) => {
    const row = numbered.get(String(number));
    if (row !== undefined && row.pid !== pid) faults.push(`process ${number} was ${pid}, the record has ${row.pid}`);
    if (row !== undefined) return;
    // Whole milliseconds were written, rounded down.
    const isCovered = spans.some(({ since, until }) => endedMs >= Number(since) && startedMs <= Number(until) + 1);
    if (!isCovered) faults.push(`process ${number} is not in the record, and no loss covers its time`);
  });

  const ended = new Set<string>();
  for (const { process_id: id, pid, exit_code: code, signal } of of('exit')) {
    if (ended.has(id)) faults.push(`process ${id} ended twice`);
    ended.add(id);
    // A status that nobody told is 0 as well.
    const wanted = report.stay.includes(pid) ? [0, 9] : [0];
    if (code !== 0 || !wanted.includes(signal)) faults.push(`process ${pid} ended with ${code}, signal ${signal}`);
  }
  for (const id of new Set(rows.map((row) => row.process_id))) {
    if (!ended.has(id)) faults.push(`process ${id} never ended`);
  }
  return faults;
}
