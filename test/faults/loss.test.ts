// SPDX-License-Identifier: Apache-2.0

/**
 * A ring that is far too small, a load that is far too high, and an agent that stops in between: what is lost is told to
 * the byte, and what is in the record is right.
 *
 * SWORN_TEST_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountFaults, readEnds, readLosses } from './byte-account.ts';
import { missingOnHost } from './host.ts';
import type { MoverReport } from './load/byte-mover.ts';
import { isMarked, isStatement, wasRun } from './marks.ts';
import { Random, seedOfRun } from './random.ts';
import { type Stage, setStage, until } from './stage.ts';

/** 64 KiB: the smallest that there is, about as much as one large reply. */
const RING_BYTES = 65_536;
const LOAD_SECONDS = 5;
const CONNECTIONS_AT_ONCE = 24;
const STAYING = 20;
const SETTLE_MS_MAX = 90_000;
const FAULTS_SHOWN = 10;

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

const reason = missingOnHost();
const seed = seedOfRun();

describe(`losses of a ring that is too small (seed ${seed})`, { skip: reason ?? false }, () => {
  const random = new Random(seed);
  let stage: Stage;

  before(async () => {
    stage = await setStage({ capture: { ring_bytes: RING_BYTES } });
  });
  after(() => stage?.stop());

  /** Stops the agent for a while, again and again, until `done`. */
  async function disturb(done: Promise<unknown>, pauseMsMin: number, pauseMsMax: number): Promise<void> {
    let going = true;
    void done.finally(() => {
      going = false;
    });
    while (going) {
      await sleep(random.between(100, 600));
      stage.agent.pause();
      await sleep(random.between(pauseMsMin, pauseMsMax));
      stage.agent.resume();
    }
  }

  it('counts every byte of every connection once: decoded, not understood, cut or lost', async (t) => {
    const file = join(stage.folder, 'mover.json');
    const args = [file, 'move', String(LOAD_SECONDS), String(CONNECTIONS_AT_ONCE), String(seed)];
    const workload = stage.startWorkload('byte-mover.ts', args);
    await workload.line((line) => line.includes('moving'), SETTLE_MS_MAX);
    await disturb(workload.ended, 50, 500);
    await stage.finished(workload);
    await stage.settled(SETTLE_MS_MAX);

    const report = JSON.parse(readFileSync(file, 'utf8')) as MoverReport;
    const ends = await readEnds(stage, report.session);
    const faults = accountFaults(report.connections, ends, await readLosses(stage, report.session));
    assert.deepEqual(faults.slice(0, FAULTS_SHOWN), [], `${faults.length} faults`);
    const lost = ends.reduce((sum, end) => sum + Number(end.sent_lost) + Number(end.received_lost), 0);
    const moved = ends.reduce((sum, end) => sum + Number(end.sent_moved) + Number(end.received_moved), 0);
    assert.ok(lost > moved / 100, `the ring was too small: ${lost} of ${moved} bytes lost`);
    t.diagnostic(`${report.connections.length} connections, ${moved} bytes, ${lost} lost`);

    const exchanges = await stage.rows<ExchangeRow>(
      `SELECT protocol, status, operation, attributes, left(statement, 80) AS statement,
              left(response, 80) AS reply,
              extract(statement, '(move-[0-9]+)') AS number, lower(hex(SHA256(c.statement))) AS sha256,
              position(response, extract(c.statement, '(move-[0-9]+)')) > 0 AS is_answered
       FROM sworn.commands AS c WHERE session_id = '${report.session}'`,
    );
    const wrong = exchangeFaults(exchanges, report);
    assert.deepEqual(wrong.slice(0, FAULTS_SHOWN), [], `${wrong.length} of ${exchanges.length} exchanges`);
    const whole = exchanges.filter((one) => one.number !== '' && !isMarked(one)).length;
    assert.ok(whole > 0, 'some exchanges are whole');
    t.diagnostic(`${exchanges.length} exchanges in the record, ${whole} of them whole`);
  });

  it('covers every process with a line or with a loss, and knows in the end what runs', async (t) => {
    const file = join(stage.folder, 'storm.json');
    const release = join(stage.folder, 'release');
    const workload = stage.startWorkload('process-storm.py', [file, String(LOAD_SECONDS), String(STAYING), release]);
    await workload.line((line) => line === 'the storm begins', SETTLE_MS_MAX);
    // A process is some 600 bytes in the ring: it takes a hundred to fill it.
    await disturb(
      workload.line((line) => line === 'the storm is over', SETTLE_MS_MAX),
      500,
      1500,
    );
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
    const losses = await stage.rows<LossRow>(
      `SELECT reason, sum(l.events) AS total, min(toUnixTimestamp64Milli(time)) AS since, max(toUnixTimestamp64Milli(end_time)) AS until
       FROM sworn.losses AS l WHERE place = 'process' GROUP BY reason`,
    );
    const faults = processFaults(report, processes, losses);
    assert.deepEqual(faults.slice(0, FAULTS_SHOWN), [], `${faults.length} faults`);
    const missed = losses.find((loss) => loss.reason === 'exec_ring_full');
    assert.ok(Number(missed?.total ?? 0) > 0, 'the ring was too small');
    t.diagnostic(`${report.short.length} processes, ${missed?.total} of their execs lost`);
  });
});

/** Each number once at most; the text whole, with its own reply, unless the exchange says that something is missing. */
function exchangeFaults(rows: readonly ExchangeRow[], { statements, requests }: MoverReport): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const exchange of rows) {
    const { protocol, number, sha256, statement, operation, attributes, status, reply } = exchange;
    const about = `${protocol} ${operation} ${statement} (${status}) ${JSON.stringify(attributes)} ${reply}`;
    if (number === '') {
      if (isStatement(operation) && !isMarked(exchange)) faults.push(`neither numbered nor marked: ${about}`);
      continue;
    }
    if (seen.has(number)) faults.push(`in the record twice: ${about}`);
    seen.add(number);
    const isWhole = protocol === 'http' ? requests[number] === statement : statements[number] === sha256;
    if (!isWhole && attributes['request_gap_bytes'] === undefined) faults.push(`altered, and not marked: ${about}`);
    if (isMarked(exchange) || !wasRun(operation)) continue;
    if (exchange.is_answered === 0) faults.push(`without its reply, and not marked: ${about}`);
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
  readonly reason: string;
  readonly total: string;
  readonly since: string;
  readonly until: string;
}

function processFaults(report: StormReport, rows: readonly ProcessRow[], losses: readonly LossRow[]): string[] {
  const faults: string[] = [];
  const of = (action: string): ProcessRow[] => rows.filter((row) => row.action === action);
  const told = (what: string): number => Number(losses.find((loss) => loss.reason === what)?.total ?? 0);
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
  const span = losses.find((loss) => loss.reason === 'exec_ring_full');
  report.short.forEach(({ pid, startedMs, endedMs }, number) => {
    const row = numbered.get(String(number));
    if (row !== undefined && row.pid !== pid) faults.push(`process ${number} was ${pid}, the record has ${row.pid}`);
    if (row !== undefined) return;
    const isCovered = endedMs >= Number(span?.since) && startedMs <= Number(span?.until);
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
