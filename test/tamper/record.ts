// SPDX-License-Identifier: Apache-2.0

/**
 * A record of four days by a real collector, from several hosts, seen by a witness and written to an anchor; and the way back to
 * it after each tampering: the engine's own parts, kept aside.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChangedRows, changeRows } from '../../cli/testing/changed-rows.ts';
import { type Ended, runSworn } from '../../cli/testing/run-sworn.ts';
import type { ActivityProperties } from '../../collector/model/activity.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { fullActivities } from '../../collector/testing/full-activities.ts';
import {
  type ConfigChanges,
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../collector/testing/test-collector.ts';
import { parseVerifier } from '../../proto/log/note.ts';
import { type RunningWitness, startWitness } from '../../witness/main.ts';
import { readWitnessConfig } from '../../witness/witness-config.ts';
import { liveDaysAgo } from './days.ts';
import { type LifeOptions, SealedHost } from './sealed-host.ts';

export interface Problem {
  readonly kind: string;
  readonly agent_id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly message: string;
}

/** What `sworn verify --json` said. */
export interface Verdict {
  readonly ok: boolean;
  readonly code: number | null;
  readonly problems: readonly Problem[];
  readonly activities: number;
  readonly cosigned: number;
  readonly witnessed: number;
  readonly losses: number;
  readonly gaps: number;
}

/** Kinds that are said so that they are known, and are no fault. */
export const INFORMATION = new Set(['not_sealed_yet', 'erased']);
const ERASURE_MS_MAX = 300_000;
const TABLES = ['activities', 'checkpoints', 'log_keys', 'log_tiles'];
export const DAYS = 4;
/** Of web-2, a day; the first of them are one of each kind. */
export const LIFE_ROWS = 200;
/** What a host sends of itself: one of each kind. */
export const KINDS_ROWS = allKinds().length;
/** Nothing of its own is written while somebody looks: hosts that are gone are not told. */
const QUIET: ConfigChanges = { silence: { seconds: 86_400, grace_seconds: 86_400 } };

export class RecordStage {
  readonly folder = temporaryFolder();
  readonly stateDir = join(this.folder, 'collector');
  readonly anchor = join(this.folder, 'anchor');
  readonly #hosts = new Map<string, SealedHost>();
  #collector: TestCollector | undefined;
  #change: ChangedRows | undefined;
  #witness: RunningWitness | undefined;
  readonly #partitions = new Map<string, string[]>();
  /** Tables that are not as they were kept. */
  readonly #touched = new Set<string>();
  /** At which the collector's own log was signed. */
  ownSizes: readonly number[] = [];

  get collector(): TestCollector {
    return this.#collector!;
  }

  get address(): string {
    return `localhost:${this.collector.ingest.port}`;
  }

  get witnessKey(): string {
    return this.#witness?.keyLine ?? '';
  }

  /** Of the collector. */
  get settings(): ConfigChanges {
    const witnesses = this.#witness && {
      witnesses: [{ name: 'witness.example', url: this.#witness.url, key: this.#witness.keyLine }],
    };
    return { ...QUIET, seal: { anchors: [{ file: this.anchor }], ...witnesses } };
  }

  async startCollector(changes: ConfigChanges = {}): Promise<void> {
    mkdirSync(this.stateDir, { recursive: true });
    this.#collector = await startTestCollector(this.stateDir, { ...this.settings, ...changes });
    const data = join(this.stateDir, 'store');
    this.#change = changeRows({ socketPath: join(data, 'engine.sock'), incomingFolder: data });
  }

  async stopCollector(): Promise<void> {
    await this.#change?.close();
    await this.#collector?.stop();
    this.#change = undefined;
    this.#collector = undefined;
  }

  /** Of the logs that there are by now. */
  async startWitness(): Promise<void> {
    const logs = await this.collector.ask<{ verifier: string }>(
      "SELECT verifier FROM sworn.log_keys WHERE origin != 'witness' AND verifier != ''",
    );
    const lines = [...logs.map(({ verifier }) => verifier), ...(await this.#hostKeys())].filter(
      (line) => parseVerifier(line).kind === 'ed25519',
    );
    const config = {
      name: 'witness.example',
      listen: '127.0.0.1:0',
      state_dir: join(this.folder, 'witness'),
      logs: lines,
    };
    this.#witness = await startWitness(readWitnessConfig(JSON.stringify(config), 'x'), () => {});
  }

  async #hostKeys(): Promise<string[]> {
    const lines: string[] = [];
    for (const host of this.#hosts.values()) lines.push(await host.keyLine());
    return lines;
  }

  async host(agentId: string, hostName?: string): Promise<SealedHost> {
    const known = this.#hosts.get(agentId);
    if (known !== undefined) return known;
    const host = new SealedHost(this.folder, agentId, hostName);
    host.enrol(await this.collector.issueAgentCertificate(agentId));
    this.#hosts.set(agentId, host);
    return host;
  }

  /** A life of an agent that delivers so many more activities, or those that are given. */
  async deliver(agentId: string, activities: number | readonly ActivityProperties[], options: LifeOptions = {}) {
    const host = await this.host(agentId);
    const made =
      typeof activities === 'number'
        ? Array.from({ length: activities }, (_, at) => {
            const one = makeActivity(1000 * this.#hosts.size + at + 1);
            return { ...one, sessionId: `${agentId}-${one.sessionId}` };
          })
        : activities;
    const life = await host.live({ collector: this.address, activities: made, ...options });
    if (life.refused !== '') throw new Error(`${agentId} was refused: ${life.refused}`);
    return life;
  }

  get privateKey(): KeyObject {
    return createPrivateKey(readFileSync(join(this.stateDir, 'seal.key')));
  }

  /** As somebody with all rights on ClickHouse. */
  sql(sql: string): Promise<void> {
    for (const table of TABLES) if (sql.includes(`sworn.${table}`)) this.#touched.add(table);
    return this.#change!.run(sql);
  }

  sworn(words: readonly string[]): Promise<Ended> {
    const { apiUrl, apiToken, adminToken } = this.collector;
    return runSworn(words, {
      environment: { SWORN_URL: apiUrl, SWORN_TOKEN: apiToken, SWORN_ADMIN_TOKEN: adminToken },
    });
  }

  async erase(agentId: string, reason: string): Promise<void> {
    const { code, err } = await this.sworn(['erase', '--agent', agentId, '--reason', reason, '--yes']);
    if (code !== 0) throw new Error(`sworn erase ended with ${code}: ${err}`);
  }

  /**
   * What was erased leaves the disk at once. The engine looks for old files every 30 s, and on a quiet table ever less often,
   * so this is said before it has begun to wait: when the table is made, for the next start of the collector.
   */
  async forgetOldFilesSoon(): Promise<void> {
    await this.sql(
      `ALTER TABLE sworn.activities MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1,
        max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, merge_tree_clear_old_parts_interval_seconds = 1`,
    );
  }

  /** Until the collector has said of each tombstone that all of it is gone. Errors: an Error when that takes minutes. */
  async erasuresCompleted(): Promise<void> {
    for (const end = performance.now() + ERASURE_MS_MAX; performance.now() < end; await sleep(100)) {
      const [row] = await this.collector.ask<{ left: string }>(
        'SELECT count() AS left FROM sworn.erasures WHERE NOT completed',
      );
      if (Number(row?.left) === 0) return;
    }
    throw new Error('an erasure does not come to its end');
  }

  /** Until the collector has sealed its own rows, as it does when it stops. */
  async sealOwn(): Promise<void> {
    await this.stopCollector();
    await this.startCollector();
  }

  async verify(words: readonly string[] = []): Promise<Verdict> {
    const { code, out, err } = await this.sworn(['verify', '--json', ...words]);
    if (out === '') throw new Error(`sworn verify said nothing and ended with ${code}: ${err}`);
    const { ok, integrity, completeness } = JSON.parse(out);
    const { problems, activities, cosigned, witnessed } = integrity;
    const { losses, gaps } = completeness;
    return { ok, code, problems, activities, cosigned, witnessed, losses: losses.length, gaps: gaps.length };
  }

  /** Keys of a log or a name as the store has them now, cosignature keys for those of collectors. */
  async keyOf(agentId: string): Promise<string> {
    const rows = await this.collector.ask<{ verifier: string }>(
      'SELECT verifier FROM sworn.log_keys WHERE agent_id = {agent:String} ORDER BY time DESC',
      { agent: agentId },
    );
    const lines = rows.map(({ verifier }) => verifier);
    return lines.find((line) => parseVerifier(line).kind === 'cosignature') ?? lines[0] ?? '';
  }

  async size(agentId: string): Promise<number> {
    const [row] = await this.collector.ask<{ n: string }>(
      'SELECT max(seq) AS n FROM sworn.activities WHERE agent_id = {agent:String}',
      { agent: agentId },
    );
    return Number(row?.n);
  }

  /** Sizes that were cosigned, in rising order. */
  async sizes(agentId: string): Promise<number[]> {
    const rows = await this.collector.ask<{ size: string }>(
      "SELECT DISTINCT size FROM sworn.checkpoints WHERE agent_id = {agent:String} AND verdict = 'cosigned' ORDER BY size",
      { agent: agentId },
    );
    return rows.map(({ size }) => Number(size));
  }

  /** Keeps the record as it is now. */
  async keep(): Promise<void> {
    this.ownSizes = await this.sizes(this.collector.collectorId);
    for (const table of TABLES) {
      await this.sql(`DROP TABLE IF EXISTS sworn.kept_${table}`);
      await this.sql(`CREATE TABLE sworn.kept_${table} AS sworn.${table}`);
      const rows = await this.collector.ask<{ id: string }>(`SELECT DISTINCT _partition_id AS id FROM sworn.${table}`);
      this.#partitions.set(
        table,
        rows.map(({ id }) => id),
      );
      for (const { id } of rows)
        await this.sql(`ALTER TABLE sworn.kept_${table} ATTACH PARTITION ID '${id}' FROM sworn.${table}`);
    }
    this.#touched.clear();
  }

  /** Puts back what was kept, whatever was done. */
  async restore(): Promise<void> {
    for (const table of [...this.#touched]) {
      const now = await this.collector.ask<{ id: string }>(`SELECT DISTINCT _partition_id AS id FROM sworn.${table}`);
      for (const { id } of now) await this.sql(`ALTER TABLE sworn.${table} DROP PARTITION ID '${id}'`);
      for (const id of this.#partitions.get(table) ?? []) {
        await this.sql(`ALTER TABLE sworn.${table} ATTACH PARTITION ID '${id}' FROM sworn.kept_${table}`);
      }
    }
    this.#touched.clear();
  }

  async stop(): Promise<void> {
    await this.stopCollector();
    await this.#witness?.stop();
    liveDaysAgo(0);
    removeFolder(this.folder);
  }
}

/** Kind, agent and range of each fault, in order. */
export function faultsOf({ problems }: Pick<Verdict, 'problems'>): string[] {
  return problems
    .filter(({ kind }) => !INFORMATION.has(kind))
    .map(({ kind, agent_id, first_seq, last_seq }) => `${kind} ${agent_id}:${first_seq}-${last_seq}`)
    .sort();
}

/** One of each kind that an agent writes, every field filled. */
export function allKinds(): ActivityProperties[] {
  return fullActivities().filter(({ alert, erasure }) => alert == null && erasure == null);
}

/**
 * db-1 and web-2 on all days, a host that was there for the first two, an older agent without a seal, and one that ends without
 * a last checkpoint. Erased payload of a session is in it, and what hostile texts look like.
 */
export async function startRecord(): Promise<RecordStage> {
  const stage = new RecordStage();
  try {
    for (let day = 0; day < DAYS; day++) {
      liveDaysAgo(DAYS - 1 - day);
      await stage.startCollector();
      if (day === 0) await stage.forgetOldFilesSoon();
      if (day === 1) {
        await stage.host('erased-5');
        await stage.startWitness();
        await stage.stopCollector();
        await stage.startCollector();
      }
      await stage.deliver('db-1', 250);
      const kinds = allKinds();
      const others = Array.from({ length: LIFE_ROWS - kinds.length }, (_, at) => makeActivity(9000 + at));
      await stage.deliver('web-2', [...kinds, ...others]);
      await stage.deliver('db-1', 150);
      if (day < 2) await stage.deliver('gone-3', 120);
      if (day > 1) await stage.deliver('old-4', 60, { isUnsealed: true });
      if (day === 2) await stage.deliver('erased-5', allKinds());
      if (day < DAYS - 1) await stage.stopCollector();
    }
    await stage.erase('erased-5', 'a request');
    await stage.erasuresCompleted();
    await stage.sealOwn();
    return stage;
  } catch (error) {
    await stage.stop();
    throw error;
  }
}
