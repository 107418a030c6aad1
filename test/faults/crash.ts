// SPDX-License-Identifier: Apache-2.0

/**
 * Agent, collector and the collector's engine are killed again and again under a recorded load, at moments that a seed
 * chooses, also while they start. In the end everything that was acknowledged is in ClickHouse, once and unchanged, and
 * what the load did that is not there falls into a time for which a loss stands.
 *
 * Oracles: PostgreSQL's own log (what was executed), the load (when), the journal's files between two lives of the agent.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Outcome } from './fault.ts';
import { filesIn, JournalLeaves } from './journal-leaves.ts';
import type { MoverReport } from './load/byte-mover.ts';
import { LossSpans } from './loss-spans.ts';
import { isStatement } from './marks.ts';
import { Random } from './random.ts';
import { type Stage, setStage } from './stage.ts';
import { verifyAgrees } from './verify.ts';

const SETTLE_MS_MAX = 120_000;
const CONNECTIONS_AT_ONCE = 9;
/**
 * A daemon lives so long, from the moment that it is ready; some are killed before that. An agent needs two seconds until
 * its marks say that the time before is safe: some get as far, some do not.
 */
const AGENT_ALIVE_MS_MAX = 4000;
const COLLECTOR_ALIVE_MS_MAX = 6000;
const START_MS_MAX = 900;
const KILLED_WHILE_STARTING = 0.2;
/** Of the kills, those of the agent; the others are the collector's and its engine's. */
const AGENT_SHARE = 0.6;
const ENGINE_SHARE = 0.4;
const SHORT_RUN_SECONDS = '1';
const LONG_RUN_SECONDS = '3600';
const KILLS_BETWEEN_LINES = 10;
const LEAVES_AT_ONCE = 20_000;

export interface CrashOptions {
  readonly seed: number;
  readonly kills: number;
  readonly progress?: (text: string) => void;
}

export async function crash(options: CrashOptions): Promise<Outcome> {
  const stage = await setStage({ logStatements: true });
  try {
    return await new Crashes(stage, options).run();
  } catch (error) {
    throw new Error(`seed ${options.seed}\n${stage.lastWords()}`, { cause: error });
  } finally {
    await stage.stop();
  }
}

class Crashes {
  readonly #stage: Stage;
  readonly #options: CrashOptions;
  readonly #random: Random;
  readonly #journal: JournalLeaves;
  readonly #faults: Fault[] = [];
  readonly #kills = { agent: 0, collector: 0, engine: 0 };
  readonly #reports: string[] = [];
  /** The highest that the collector has said to have, as the agent told it. */
  #acknowledgedSeq = 0;
  #isOver = false;

  constructor(stage: Stage, options: CrashOptions) {
    this.#stage = stage;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#journal = new JournalLeaves(filesIn(join(stage.folder, 'agent/journal')));
  }

  async run(): Promise<Outcome> {
    const agentKills = Math.ceil(this.#options.kills * AGENT_SHARE);
    const long = this.#startLoad('long', LONG_RUN_SECONDS, CONNECTIONS_AT_ONCE);
    const children = this.#stage.startWorkload('asking-children.py', [this.#reportOf('children'), 'children']);
    for (const load of [long, children]) await load.line((line) => line === 'moving', SETTLE_MS_MAX);
    const watching = this.#watchAcknowledged();
    const killing = Promise.all([
      this.#killAgent(agentKills, this.#random.fork('agent')),
      this.#killCollector(this.#options.kills - agentKills, this.#random.fork('collector')),
    ]).finally(() => {
      this.#isOver = true;
    });
    await Promise.all([killing, this.#runShortOnes(this.#random.fork('short')), watching]);
    for (const load of [long, children]) {
      load.child.kill('SIGTERM');
      await this.#stage.finished(load);
    }
    await this.#stage.settled(SETTLE_MS_MAX);
    this.#lookIntoJournal();
    return this.#judge();
  }

  #startLoad(name: string, seconds: string, connectionsAtOnce: number) {
    const report = this.#reportOf(name);
    const seed = String(this.#options.seed + this.#reports.length);
    return this.#stage.startWorkload('byte-mover.ts', [report, name, seconds, String(connectionsAtOnce), seed]);
  }

  #reportOf(name: string): string {
    const report = join(this.#stage.folder, `${name}.json`);
    this.#reports.push(report);
    return report;
  }

  /** Sessions that begin and end at any moment, also while there is no agent that would let them. */
  async #runShortOnes(random: Random): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      await sleep(random.between(0, 2000));
      await this.#startLoad(`short-${number}`, SHORT_RUN_SECONDS, 2).ended;
    }
  }

  async #watchAcknowledged(): Promise<void> {
    while (!this.#isOver) {
      try {
        const { delivery } = await this.#stage.agentStatus();
        const { stored_seq: stored = 0 } = (delivery ?? {}) as { stored_seq?: number };
        this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, stored);
      } catch {
        // There is none at the moment.
      }
      await sleep(50);
    }
  }

  async #killAgent(kills: number, random: Random): Promise<void> {
    const { agent } = this.#stage;
    const killed = (): void => {
      this.#kills.agent++;
      this.#lookIntoJournal();
      this.#tellProgress();
    };
    while (this.#kills.agent < kills) {
      await sleep(random.between(0, AGENT_ALIVE_MS_MAX));
      await agent.kill();
      killed();
      await sleep(random.between(0, 200));
      while (this.#kills.agent < kills && random.chance(KILLED_WHILE_STARTING)) {
        const starting = agent.start();
        await sleep(random.between(0, START_MS_MAX));
        await agent.kill();
        await starting;
        killed();
      }
      await agent.start();
    }
  }

  async #killCollector(kills: number, random: Random): Promise<void> {
    const { collector } = this.#stage;
    for (let left = kills; left > 0; left--) {
      await sleep(random.between(0, COLLECTOR_ALIVE_MS_MAX));
      const engine = random.chance(ENGINE_SHARE) ? childOf(collector.pid as number) : undefined;
      if (engine !== undefined) {
        // The engine alone: the collector goes on, and with it the stream.
        process.kill(engine, 'SIGKILL');
        this.#kills.engine++;
      } else {
        await collector.kill();
        this.#kills.collector++;
        await sleep(random.between(0, 200));
        await collector.start();
      }
      this.#tellProgress();
    }
  }

  #tellProgress(): void {
    const { agent, collector, engine } = this.#kills;
    if ((agent + collector + engine) % KILLS_BETWEEN_LINES > 0) return;
    this.#options.progress?.(`killed: agent ${agent}, collector ${collector}, engine ${engine} times`);
  }

  #lookIntoJournal(): void {
    for (const seq of this.#journal.read()) this.#fault('lost', `${seq} is another entry in the journal than it was`);
  }

  #fault(kind: Fault['kind'], text: string): void {
    this.#faults.push({ kind, text });
  }

  async #judge(): Promise<Outcome> {
    const stored = await this.#judgeNumbers();
    await this.#judgeLeaves();
    const { executed, recorded, covered } = await this.#judgeDeeds();
    const said: string[] = [];
    const expected = { agentId: this.#stage.agentId, say: (text: string) => said.push(text) };
    this.#faults.push(...(await verifyAgrees((args) => this.#stage.sworn(args), expected)));
    const { agent, collector, engine } = this.#kills;
    return {
      faults: this.#faults,
      notes: [
        `killed ${agent} times the agent, ${collector} the collector, ${engine} its engine`,
        `${stored} activities in ClickHouse, ${this.#acknowledgedSeq} were acknowledged before the last kill, ${this.#journal.leaves.size} were seen in the journal`,
        `${executed} statements and requests, ${recorded} of them in the record, ${covered} in the time of a loss`,
        ...said,
      ],
    };
  }

  async #judgeNumbers(): Promise<number> {
    const [sums] = await this.#stage.rows<Record<'rows' | 'seqs' | 'lowest' | 'highest', string>>(
      `SELECT count() AS rows, uniqExact(seq) AS seqs, min(seq) AS lowest, max(seq) AS highest
       FROM sworn.activities WHERE agent_id = '${this.#stage.agentId}'`,
    );
    const [rows, seqs, lowest, highest] = [sums?.rows, sums?.seqs, sums?.lowest, sums?.highest].map(Number) as [
      number,
      number,
      number,
      number,
    ];
    if (rows !== seqs) this.#fault('doubled', `${rows} activities have ${seqs} numbers`);
    if (lowest !== 1 || highest !== seqs) this.#fault('lost', `${seqs} numbers from ${lowest} to ${highest}`);
    if (highest < this.#acknowledgedSeq) {
      this.#fault('lost', `${this.#acknowledgedSeq} was acknowledged, ClickHouse has up to ${highest}`);
    }
    return rows;
  }

  /** Each entry that was whole in the journal when the agent was killed is in ClickHouse with the same leaf. */
  async #judgeLeaves(): Promise<void> {
    const { leaves } = this.#journal;
    let highest = 0;
    for (const seq of leaves.keys()) highest = Math.max(highest, seq);
    if (highest === 0) throw new Error('nothing was seen in the journal');
    for (let from = 1; from <= highest; from += LEAVES_AT_ONCE) {
      const rows = await this.#stage.rows<{ seq: string; leaf: string }>(
        `SELECT seq, leaf FROM sworn.activities
         WHERE agent_id = '${this.#stage.agentId}' AND seq >= ${from} AND seq < ${from + LEAVES_AT_ONCE}`,
      );
      const stored = new Map(rows.map(({ seq, leaf }) => [Number(seq), leaf]));
      for (let seq = from; seq <= Math.min(highest, from + LEAVES_AT_ONCE - 1); seq++) {
        const leaf = leaves.get(seq);
        if (leaf === undefined) continue;
        if (stored.get(seq) === undefined) this.#fault('lost', `${seq} was in the journal and is not in ClickHouse`);
        else if (stored.get(seq) !== leaf) this.#fault('lost', `${seq} is another activity than in the journal`);
      }
    }
  }

  /** What was done and is not in the record falls into the time of a loss; what is there is there once. */
  async #judgeDeeds() {
    const times = await this.#recordedTimes();
    const spans = new LossSpans(await this.#stage.rows(LossSpans.sql));
    const reports = this.#reports
      .filter(existsSync)
      .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Pick<MoverReport, 'spans'>);
    const deeds = new Map(reports.flatMap((report) => Object.entries(report.spans)));
    for (const [number, atMs] of executedStatements(this.#stage.postgres.logText())) {
      if (!deeds.has(number)) deeds.set(number, [atMs, atMs, 'an end that was not told']);
    }
    let recorded = 0;
    let covered = 0;
    for (const [number, [askedMs, answeredMs, over]] of deeds) {
      const found = times.get(number) ?? 0;
      if (found > 0) recorded++;
      if (found > 1) this.#fault('doubled', `${number} is in the record ${found} times`);
      if (found > 0) continue;
      if (spans.cover(askedMs, answeredMs)) covered++;
      else {
        const when = `${timeOf(askedMs)} to ${timeOf(answeredMs)}`;
        this.#fault('undeclared', `${number} over ${over}, ${when}, ${spans.around(askedMs)}`);
      }
    }
    for (const number of times.keys()) {
      if (!deeds.has(number)) this.#fault('undeclared', `${number} is in the record, and was never done`);
    }
    if (recorded === 0) throw new Error(`of ${deeds.size} statements and requests none is in the record`);
    return { executed: deeds.size, recorded, covered };
  }

  /** How many times each number is in the record. */
  async #recordedTimes(): Promise<Map<string, number>> {
    const rows = await this.#stage.rows<{ number: string; operation: string; times: string }>(
      `SELECT extract(statement, '((?:long|children|short-[0-9]+)-[0-9]+)') AS number, operation, count() AS times
       FROM sworn.commands WHERE number != '' GROUP BY ALL`,
    );
    const times = new Map<string, number>();
    for (const { number, operation, times: count } of rows) {
      if (isStatement(operation)) times.set(number, (times.get(number) ?? 0) + Number(count));
    }
    return times;
  }
}

/** Number → when the server began it. */
function executedStatements(log: string): Map<string, number> {
  const executed = new Map<string, number>();
  for (const [line] of log.matchAll(/^.*AS number.*$/gm)) {
    const { timestamp, message } = JSON.parse(line) as { timestamp: string; message: string };
    const number = /^(?:statement|execute [^:]*): SELECT '([^']+)' AS number/.exec(message)?.[1];
    if (number !== undefined) executed.set(number, Date.parse(timestamp.replace(' ', 'T').replace(' UTC', 'Z')));
  }
  return executed;
}

/** Its only child; undefined when it has none at the moment. */
function childOf(parent: number): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) return Number(name);
    } catch {
      // It has gone meanwhile.
    }
  }
  return undefined;
}

function timeOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(11, -1);
}
