// SPDX-License-Identifier: Apache-2.0

/**
 * Takes payload out of the record, one erasure at a time, so that nobody can say later that it was never there:
 *
 *   1. the rows are found and a tombstone that names them is stored: nothing is gone yet;
 *   2. ClickHouse rewrites the rows: digests in place of payload and salt, and the number of the tombstone;
 *   3. what came out is compared with the tombstone;
 *   4. when the old files have left the disk, a second row says that it is completed.
 *
 * Whatever is killed between these, the next start finds the tombstone without its completion and goes on at 2. A row without
 * payload therefore never stands without a tombstone.
 */
import type { OwnActivity } from '../ingest/own-record.ts';
import { type ErasurePredicate, predicateText, type Tombstone } from '../model/erasure.ts';
import { CollectorError, describeError } from '../model/error.ts';
import type { AgentCount, ErasureStore } from '../store/erasure-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type Announcement, completionRow, tombstoneRow } from './tombstone.ts';

export interface EraserOptions {
  readonly store: ErasureStore;
  /** Writes into the collector's own log; resolves with the seqs when it is stored. */
  readonly record: (own: readonly OwnActivity[]) => Promise<readonly number[]>;
  /** Removes the rows that a tombstone announced; may be asked again for what is gone already. */
  readonly drop: (tombstone: Tombstone) => Promise<void>;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly pollMs?: number;
}

export interface ErasureRequest {
  readonly predicate: ErasurePredicate;
  readonly reason: string;
  readonly requestedBy: string;
}

export type ErasureState =
  /** Rows are being rewritten. */
  | 'erasing'
  /** No query sees it any more; files of before are still on disk. */
  | 'erased'
  | 'completed'
  /** What is erased is not what the tombstone says. */
  | 'differs';

export interface ErasureProgress {
  readonly seq: number;
  readonly action: Tombstone['action'];
  readonly state: ErasureState;
  readonly activities: number;
  readonly activitiesLeft: number;
  readonly partsLeft: number;
  readonly oldParts: number;
  /** Why the last attempt failed, when it did; it is made again. */
  readonly failure: string;
}

const POLL_MS = 1_000;
/** A mutation that ended and left rows is begun anew; more often than this it would never end. */
const ATTEMPTS_MAX = 3;
/** Of so many erasures the last state is remembered; of older ones the record has it. */
const REMEMBERED_MAX = 1_000;

class Stopped extends Error {}

export class Eraser {
  readonly #options: EraserOptions & { readonly pollMs: number };
  readonly #states = new Map<number, ErasureProgress>();
  #stopping = false;
  readonly #sleepers = new Set<() => void>();
  /** The one that is being planned or erased; it ends with `erased`, not with `completed`. */
  #current: Promise<void> | undefined;
  readonly #finishing = new Set<Promise<void>>();

  constructor(options: EraserOptions) {
    this.#options = { pollMs: POLL_MS, ...options };
  }

  /** Go on with what an earlier process began. Until that is erased no other erasure is taken. */
  async resume(): Promise<void> {
    const pending = await this.#options.store.pending();
    if (pending.length === 0) return;
    this.#options.log.info({ erasures: pending.length }, 'going on with erasures that were not completed');
    const before = this.#current;
    this.#begin(async () => {
      await before;
      for (const tombstone of pending) await this.#carryOut(tombstone);
    });
  }

  matching(predicate: ErasurePredicate): Promise<readonly AgentCount[]> {
    return this.#options.store.matching(predicate);
  }

  /**
   * Resolves when the tombstone is stored; the work goes on behind it. Undefined when nothing matches.
   *
   * Errors   CollectorError `erasure_running` while another one is; what the store throws, then nothing is announced
   */
  async erase({ predicate, reason, requestedBy }: ErasureRequest): Promise<Tombstone | undefined> {
    return await this.announce(async () => {
      const found = await this.#options.store.matching(predicate);
      if (found.length === 0) return undefined;
      const agents = new Map(found.map(({ agentId, first, last }) => [agentId, { first, last }]));
      const { activities, digest } = await this.#options.store.digestOfMatching(predicate, agents);
      const identity = predicate.identity ?? '';
      const text = predicateText(predicate);
      return { action: 'payload_erased', identity, predicate: text, reason, requestedBy, activities, agents, digest };
    });
  }

  /** As `erase`, for whatever `plan` finds. Nothing else is planned or erased meanwhile. */
  async announce(plan: () => Promise<Announcement | undefined>): Promise<Tombstone | undefined> {
    if (this.#stopping) throw new CollectorError('store_unavailable', 'the collector is stopping');
    if (this.#current !== undefined) {
      throw new CollectorError('erasure_running', 'another erasure is being carried out; ask again when it is done');
    }
    let done: () => void = () => {};
    this.#current = new Promise((resolve) => {
      done = resolve;
    });
    let tombstone: Tombstone | undefined;
    try {
      const announcement = await plan();
      if (announcement !== undefined) {
        const [seq] = await this.#options.record([tombstoneRow(announcement, Date.now())]);
        tombstone = { ...announcement, seq: seq! };
        this.#options.log.info(
          { seq, activities: tombstone.activities, action: tombstone.action },
          'an erasure begins',
        );
      }
    } finally {
      this.#current = undefined;
      done();
    }
    const begun = tombstone;
    if (begun !== undefined) this.#begin(() => this.#carryOut(begun));
    return tombstone;
  }

  /** How far an erasure of this process is. */
  progress(seq: number): ErasureProgress | undefined {
    return this.#states.get(seq);
  }

  /** Resolves when nothing is being erased; old files may still wait to be removed. */
  async idle(): Promise<void> {
    while (this.#current !== undefined) await this.#current;
  }

  /** Leave what is under way as it is: ClickHouse goes on with it, and the next start with the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const wake of this.#sleepers) wake();
    await this.idle();
    await Promise.all(this.#finishing);
  }

  #begin(run: () => Promise<void>): void {
    const running = run()
      .catch((error: unknown) => {
        if (error instanceof Stopped) return;
        this.#options.metrics.erasureErrors.add();
        this.#options.log.error({ err: error }, 'an erasure broke off; the next start goes on with it');
      })
      .finally(() => {
        if (this.#current === running) this.#current = undefined;
      });
    this.#current = running;
  }

  async #carryOut(tombstone: Tombstone): Promise<void> {
    this.#tell(tombstone, { state: 'erasing', activitiesLeft: tombstone.activities });
    if (tombstone.action === 'rows_dropped') await this.#insist(tombstone, () => this.#options.drop(tombstone));
    else if (!(await this.#erase(tombstone))) return;
    const old = new Set(await this.#insist(tombstone, () => this.#options.store.oldParts()));
    this.#tell(tombstone, { state: 'erased', activitiesLeft: 0, partsLeft: 0, oldParts: old.size });
    this.#options.metrics.activitiesErased.add(tombstone.activities);
    this.#options.log.info(
      { seq: tombstone.seq, activities: tombstone.activities },
      'an erasure is done; old files follow',
    );
    const finishing = this.#complete(tombstone, old)
      .catch((error: unknown) => {
        if (!(error instanceof Stopped)) this.#options.log.error({ err: error }, 'an erasure could not be completed');
      })
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  /** False when what is erased is not what was announced: then it stays as it is, for people to look at. */
  async #erase(tombstone: Tombstone): Promise<boolean> {
    const { store } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const left = await this.#insist(tombstone, () => store.remaining(tombstone));
      this.#tell(tombstone, { activitiesLeft: left });
      if (left === 0) break;
      const begun = await this.#insist(tombstone, () => store.progress(tombstone));
      if (begun === undefined || begun.isDone) {
        if (attempt > ATTEMPTS_MAX) throw new Error(`erasure ${tombstone.seq} leaves ${left} activities`);
        await this.#insist(tombstone, () => store.beginErase(tombstone));
      }
      await this.#untilMutated(tombstone);
    }
    const { activities, digest } = await this.#insist(tombstone, () => store.digestOfErased(tombstone));
    if (activities === tombstone.activities && digest.equals(tombstone.digest)) return true;
    this.#tell(tombstone, { state: 'differs' });
    this.#options.metrics.erasureErrors.add();
    this.#options.log.error(
      { seq: tombstone.seq, announced: tombstone.activities, erased: activities },
      'what was erased is not what the tombstone says: verify the record',
    );
    return false;
  }

  async #untilMutated(tombstone: Tombstone): Promise<void> {
    for (;;) {
      const progress = await this.#insist(tombstone, () => this.#options.store.progress(tombstone));
      if (progress === undefined || progress.isDone) return;
      this.#tell(tombstone, { partsLeft: progress.partsLeft, failure: progress.failure });
      await this.#sleep();
    }
  }

  async #complete(tombstone: Tombstone, old: ReadonlySet<string>): Promise<void> {
    for (;;) {
      const left = (await this.#insist(tombstone, () => this.#options.store.oldParts())).filter((one) => old.has(one));
      this.#tell(tombstone, { oldParts: left.length });
      if (left.length === 0) break;
      await this.#sleep();
    }
    await this.#insist(tombstone, () => this.#options.record([completionRow(tombstone.seq, Date.now())]));
    this.#tell(tombstone, { state: 'completed' });
    this.#options.log.info({ seq: tombstone.seq }, 'an erasure is completed: the old files have left the disk');
  }

  /** Until the store answers. */
  async #insist<T>(tombstone: Tombstone, ask: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#stopping) throw new Stopped();
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof CollectorError) || !error.retryable || this.#stopping) throw error;
        this.#options.metrics.erasureErrors.add();
        this.#tell(tombstone, { failure: describeError(error) });
        this.#options.log.warn({ seq: tombstone.seq, detail: describeError(error) }, 'an erasure waits for the store');
        await this.#sleep();
      }
    }
  }

  async #sleep(): Promise<void> {
    if (!this.#stopping) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#sleepers.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, this.#options.pollMs);
        this.#sleepers.add(wake);
      });
    }
    if (this.#stopping) throw new Stopped();
  }

  #tell({ seq, action, activities }: Tombstone, change: Partial<ErasureProgress>): void {
    const before = this.#states.get(seq) ?? {
      seq,
      action,
      state: 'erasing',
      activities,
      activitiesLeft: activities,
      partsLeft: 0,
      oldParts: 0,
      failure: '',
    };
    this.#states.set(seq, { ...before, failure: '', ...change });
    for (const oldest of this.#states.keys()) {
      if (this.#states.size <= REMEMBERED_MAX) break;
      this.#states.delete(oldest);
    }
  }
}
