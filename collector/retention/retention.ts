// SPDX-License-Identifier: Apache-2.0

/**
 * Lets go of what is older than it may be kept: payload first, whole days later, both by a tombstone. Once at the start and then
 * once a day. Sealed rows never go by a bare TTL of the table: ClickHouse would remove them with nothing said, at any time, in
 * pieces, and without the hashes that proofs of the rest need.
 */
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import type { ErasurePredicate } from '../model/erasure.ts';
import { CollectorError, describeError } from '../model/error.ts';
import type { LogReader } from '../seal/log-reader.ts';
import type { DayOfAgent, ErasureStore } from '../store/erasure-store.ts';
import type { LogStore } from '../store/log-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type DayPlan, dayPredicate, type LogState, planDays } from './day-plan.ts';
import type { Eraser } from './eraser.ts';

/** null: for ever. */
export interface RetentionLimits {
  readonly activities_days: number | null;
  readonly payload_days: number | null;
  readonly identities: readonly { readonly identity: string; readonly payload_days: number | null }[];
  readonly deliveries_days: number | null;
}

export interface RetentionOptions {
  readonly limits: RetentionLimits;
  readonly store: ErasureStore;
  readonly logStore: LogStore;
  readonly reader: LogReader;
  readonly eraser: Eraser;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly now?: () => number;
}

export interface PayloadPlan {
  readonly predicate: ErasurePredicate;
  readonly activities: number;
}

export interface RetentionPlan {
  readonly payload: readonly PayloadPlan[];
  readonly days: readonly DayPlan[];
}

const DAY_MS = 86_400_000;
const REASON = 'retention';
/** What tiles of level 1 stand for; from the last of these on, leaves are kept one by one. */
const TILED_LEAVES = TILE_WIDTH * TILE_WIDTH;
const PAGE_TILES = 64;

export class Retention {
  readonly #options: RetentionOptions & { readonly now: () => number };
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(options: RetentionOptions) {
    this.#options = { now: Date.now, ...options };
  }

  start(): void {
    this.begin();
    this.#timer = setInterval(() => this.begin(), DAY_MS);
    this.#timer.unref();
  }

  /** A round now, unless one is under way; does not wait for it. */
  begin(): void {
    this.#running ??= this.run()
      .catch((error: unknown) => {
        const detail = describeError(error);
        this.#options.metrics.erasureErrors.add();
        this.#options.log.warn({ detail }, 'retention broke off; it is done with the next round');
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** What would go now. */
  async plan(): Promise<RetentionPlan> {
    const payload: PayloadPlan[] = [];
    for (const predicate of this.#payloadPredicates()) {
      const found = await this.#options.store.matching(predicate);
      payload.push({ predicate, activities: found.reduce((sum, { activities }) => sum + activities, 0) });
    }
    return { payload, days: await this.#planDays() };
  }

  /** One round. Errors: those of the store; what was begun goes on. */
  async run(): Promise<void> {
    const { limits, store, eraser, metrics, log } = this.#options;
    await store.keepDeliveries(limits.deliveries_days);
    for (const predicate of this.#payloadPredicates()) {
      await this.#alone(() => eraser.erase({ predicate, reason: REASON, requestedBy: REASON }));
    }
    let kept = 0;
    for (const { day, keptBecause } of await this.#planDays()) {
      if (this.#stopping) return;
      if (keptBecause !== '') {
        kept += 1;
        log.warn({ day, why: keptBecause }, 'a day stays beyond its time');
      } else {
        await this.#alone(() => this.#drop(day));
      }
    }
    metrics.daysKept.set(kept);
  }

  /** When no other erasure is under way; resolves when it is erased. */
  async #alone(begin: () => Promise<unknown>): Promise<void> {
    for (;;) {
      await this.#options.eraser.idle();
      if (this.#stopping) return;
      try {
        await begin();
        await this.#options.eraser.idle();
        return;
      } catch (error) {
        if (!(error instanceof CollectorError) || error.code !== 'erasure_running') throw error;
      }
    }
  }

  #payloadPredicates(): ErasurePredicate[] {
    const { payload_days, identities } = this.#options.limits;
    const predicates: ErasurePredicate[] = identities.flatMap(({ identity, payload_days: days }) =>
      days === null ? [] : [{ identity, receivedBeforeMs: this.#dayBefore(days) }],
    );
    if (payload_days !== null) {
      const exceptIdentities = identities.map(({ identity }) => identity);
      predicates.push({
        receivedBeforeMs: this.#dayBefore(payload_days),
        ...(exceptIdentities.length > 0 && { exceptIdentities }),
      });
    }
    return predicates;
  }

  /** Midnight, so that a round does not erase by the hour. */
  #dayBefore(days: number): number {
    return (Math.floor(this.#options.now() / DAY_MS) - days) * DAY_MS;
  }

  async #planDays(): Promise<readonly DayPlan[]> {
    const { limits, store } = this.#options;
    if (limits.activities_days === null) return [];
    const beforeDay = new Date(this.#dayBefore(limits.activities_days)).toISOString().slice(0, 10);
    const days = await store.days();
    return planDays(days, beforeDay, await this.#logsOf(days.filter(({ day }) => day < beforeDay)));
  }

  async #logsOf(days: readonly DayOfAgent[]): Promise<ReadonlyMap<string, LogState>> {
    const { logStore } = this.#options;
    const logs = new Map<string, LogState>();
    for (const agentId of new Set(days.map((one) => one.agentId))) {
      if ((await logStore.keys(agentId)).length === 0) continue;
      const cosignedSize = (await logStore.cosigned(agentId))?.size ?? 0;
      logs.set(agentId, { cosignedSize, tiledSize: (await logStore.tilesEnd(agentId, 1)) * TILED_LEAVES });
    }
    return logs;
  }

  /** Look again at this day when nothing else is changing the record, keep what proofs need, and announce it. */
  async #drop(day: string): Promise<void> {
    const { store, logStore, eraser } = this.#options;
    await eraser.announce(async () => {
      const plan = (await this.#planDays()).find((one) => one.day === day);
      if (plan === undefined || plan.keptBecause !== '') return undefined;
      for (const [agentId, { last }] of plan.agents) {
        if ((await logStore.keys(agentId)).length === 0) continue;
        await this.#keepLeaves(agentId, Math.floor(last / TILED_LEAVES) * TILED_LEAVES, last);
      }
      // Tombstones stay, each with the leaves around it.
      for (const { agentId, seq } of await store.tombstonesOfDay(day)) {
        const from = Math.floor((seq - 1) / TILE_WIDTH) * TILE_WIDTH;
        const last = plan.agents.get(agentId)?.last ?? 0;
        await this.#keepLeaves(agentId, from, Math.min(from + TILE_WIDTH, last));
      }
      const { activities, digest } = await store.digestOfDay(day, plan.agents);
      const said = { identity: '', predicate: dayPredicate(day), reason: REASON, requestedBy: REASON };
      return { ...said, action: 'rows_dropped', activities, digest, agents: plan.agents };
    });
  }

  /** Leaves [from, to), 0-based, as tiles of level 0; `from` is the beginning of one. */
  async #keepLeaves(agentId: string, from: number, to: number): Promise<void> {
    const { logStore, reader } = this.#options;
    for (let at = from; at < to; at += PAGE_TILES * TILE_WIDTH) {
      const leaves = await reader.leaves(agentId, at, Math.min(at + PAGE_TILES * TILE_WIDTH, to));
      if (leaves === undefined) {
        // A hole of before: nothing through it could be proved, and so nothing is lost with it.
        this.#options.metrics.tilesSkipped.add();
        continue;
      }
      const tiles = [];
      for (let start = 0; start < leaves.length; start += TILE_WIDTH * HASH_BYTES) {
        const hashes = leaves.subarray(start, start + TILE_WIDTH * HASH_BYTES);
        const index = (at + start / HASH_BYTES) / TILE_WIDTH;
        tiles.push({ agentId, level: 0, index, hashes, timeMs: this.#options.now() });
      }
      await logStore.appendTiles(tiles);
    }
  }
}
