// SPDX-License-Identifier: Apache-2.0

/**
 * Puts batches of all agents into the store, one block at a time, in order, and says when they are there.
 *
 * One insert at a time: while one runs, what arrives is collected for the next, so that many agents make few inserts; and
 * the collector's own record (alerts) gets its numbers where nothing can come between. A block lands whole or not at all,
 * so a batch and the alerts about it do too.
 *
 * When an insert fails its outcome may be unknown. Then: wait until none of ours runs in ClickHouse, look whether the
 * block is there, and only if it is not send the same rows again. After `retryMs` the batches are given back as failed,
 * with all that wait behind them of the same agents: a hole must never open.
 */
import { randomBytes } from 'node:crypto';
import { leafOf, SALT_BYTES } from '../../proto/leaf.ts';
import { fromBigInt, type SeenActivity, type Sender } from '../model/activity.ts';
import { CollectorError, describeError } from '../model/error.ts';
import type { EventStore, RowBatch } from '../store/event-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { ReadBatch } from './batch-reader.ts';
import type { OwnActivity } from './own-record.ts';

/** Enough rows that the cost of an insert is small for each, and few enough that the engine takes them in one block. */
const BLOCK_ROWS_MAX = 50_000;
const BLOCK_BYTES_MAX = 96 << 20;
/** A block of this size does not wait for more. */
const FULL_ROWS = 30_000;
const FULL_BYTES = 32 << 20;
/**
 * After a block of so many rows there is much to do, and a larger next one makes it cheaper for the engine: 8 µs a row in
 * blocks of 7,000 rows, 6 µs in blocks of 25,000. So the writer waits for a full one while batches keep coming.
 */
const BUSY_ROWS = 2_000;
const BUSY_MS_MAX = 400;
/** Agents that wait for receipts send no more: nothing came for so long, so nothing will. */
const QUIET_MS = 30;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5_000;

export interface BlockWriterOptions {
  readonly store: EventStore;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly collectorId: string;
  /** Small blocks follow each other no faster than this: each is a part on disk that must be merged. */
  readonly intervalMs: number;
  readonly retryMs: number;
  /** After a block is stored: what was in it, for live tails and for delivery of alerts. */
  readonly onStored: (stored: StoredBlock) => void;
  /** After rows of the collector's own record are stored: their leaves, in order, from this seq on. */
  readonly onOwnStored?: (firstSeq: number, leaves: readonly Uint8Array[]) => void;
}

export interface StoredBlock {
  readonly seen: readonly SeenActivity[];
  readonly alerts: readonly SeenActivity[];
}

/** What the writer needs of a batch. */
export type WrittenBatch = Omit<ReadBatch, 'leaves' | 'again'>;

interface Waiting {
  readonly sender: Sender;
  readonly batch: WrittenBatch;
  /** Rows of the collector's own and of no agent. */
  readonly isOwn: boolean;
  /** With the numbers of the own rows. */
  readonly resolve: (ownSeqs: readonly number[]) => void;
  readonly reject: (error: CollectorError) => void;
}

interface Block {
  readonly parts: readonly Waiting[];
  readonly batches: readonly RowBatch[];
  readonly own: readonly SeenActivity[];
  readonly rows: number;
  readonly bytes: number;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class BlockWriter {
  readonly #options: BlockWriterOptions;
  readonly #queue: Waiting[] = [];
  /** The last seq handed in for each agent with an open stream; the next batch must follow it. */
  readonly #lastSeq = new Map<string, number>();
  /** The last seq of the collector's own record; undefined when an insert of unknown outcome may have moved it. */
  #ownSeq: number | undefined;
  #running = false;
  #lastInsertAt = Number.NEGATIVE_INFINITY;
  #lastInsertRows = 0;
  #lastArrivalAt = 0;
  #stopping = false;
  #wake: (() => void) | undefined;

  constructor(options: BlockWriterOptions) {
    this.#options = options;
  }

  /** From now on this agent's batches are taken, from `storedSeq + 1` on. Nothing of it may be waiting. */
  admit(agentId: string, storedSeq: number): void {
    this.#lastSeq.set(agentId, storedSeq);
  }

  /**
   * Resolves when the batch and the alerts about it are in the store.
   *
   * Errors   CollectorError; then nothing of the batch is stored, nor of any that was handed in after it
   */
  async write(sender: Sender, batch: WrittenBatch): Promise<void> {
    const { agentId } = sender;
    if (this.#lastSeq.get(agentId) !== batch.firstSeq - 1) {
      const message = `a batch from ${batch.firstSeq} on does not follow what was handed in before`;
      throw new CollectorError('store_unavailable', message);
    }
    this.#lastSeq.set(agentId, batch.lastSeq);
    this.#lastArrivalAt = performance.now();
    await this.#hand(sender, batch, false);
  }

  /**
   * Write into the collector's own record. Resolves when it is in the store, with the seq of each.
   *
   * Errors   CollectorError; then none of them is stored
   */
  record(own: readonly OwnActivity[]): Promise<readonly number[]> {
    const sender = { agentId: this.#options.collectorId, host: '' };
    const batch = {
      firstSeq: 0,
      lastSeq: 0,
      rows: this.#options.store.newBatch(),
      own,
      seen: undefined,
      word: undefined,
    };
    return this.#hand(sender, batch, true);
  }

  #hand(sender: Sender, batch: WrittenBatch, isOwn: boolean): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ sender, batch, isOwn, resolve, reject });
      this.#wake?.();
      if (!this.#running) void this.#run();
    });
  }

  /** Write what waits, without lingering. */
  async drain(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    while (this.#running) await sleep(5);
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#queue.length > 0) {
        await this.#linger();
        if (!(await this.#findOwnSeq())) continue;
        const block = this.#nextBlock();
        this.#lastInsertAt = performance.now();
        this.#lastInsertRows = block.rows;
        await this.#store(block);
      }
    } catch (error) {
      // A fault of ours: everything that waits is given back, the agents come again.
      this.#options.log.error({ err: error }, 'the block writer failed');
      this.#giveBack(
        this.#queue.splice(0),
        new CollectorError('internal', 'the block writer failed', { cause: error }),
      );
    } finally {
      this.#running = false;
    }
  }

  /** How long the next block may wait for more, as things are now. */
  #waitUntil(): number {
    if (this.#lastInsertRows < BUSY_ROWS) return this.#lastInsertAt + this.#options.intervalMs;
    return Math.min(this.#lastInsertAt + BUSY_MS_MAX, this.#lastArrivalAt + QUIET_MS);
  }

  async #linger(): Promise<void> {
    for (;;) {
      const rows = this.#queue.reduce((sum, { batch }) => sum + batch.rows.rows, 0);
      const bytes = this.#queue.reduce((sum, { batch }) => sum + batch.rows.bytes, 0);
      const left = this.#waitUntil() - performance.now();
      if (this.#stopping || rows >= FULL_ROWS || bytes >= FULL_BYTES || left <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  /** Make sure where the collector's own record ends. When the store cannot say, all that waits is given back. */
  async #findOwnSeq(): Promise<boolean> {
    if (this.#ownSeq !== undefined) return true;
    const { store, collectorId } = this.#options;
    try {
      await store.settle();
      this.#ownSeq = await store.highestSeq(collectorId);
      return true;
    } catch (error) {
      const cause =
        error instanceof CollectorError
          ? error
          : new CollectorError('internal', describeError(error), { cause: error });
      this.#options.metrics.storeErrors.add(1, { code: cause.code });
      this.#giveBack(this.#queue.splice(0), cause);
      return false;
    }
  }

  #nextBlock(): Block {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#queue) {
      const fits = rows + batch.rows.rows <= BLOCK_ROWS_MAX && bytes + batch.rows.bytes <= BLOCK_BYTES_MAX;
      if (count > 0 && !fits) break;
      rows += batch.rows.rows;
      bytes += batch.rows.bytes;
      count += 1;
    }
    return this.#blockOf(this.#queue.splice(0, count));
  }

  /** The rows of these batches and, behind them, the collector's own about them, numbered. */
  #blockOf(parts: readonly Waiting[]): Block {
    const own: SeenActivity[] = [];
    const ownRows = this.#options.store.newBatch();
    let seq = this.#ownSeq!;
    for (const { batch } of parts) {
      for (const note of batch.own) {
        seq += 1;
        own.push(this.#numbered(note, seq, ownRows));
      }
    }
    const batches = parts.map(({ batch }) => batch.rows);
    if (own.length > 0) batches.push(ownRows);
    return {
      parts,
      batches,
      own,
      rows: batches.reduce((sum, batch) => sum + batch.rows, 0),
      bytes: batches.reduce((sum, batch) => sum + batch.bytes, 0),
    };
  }

  #numbered({ kind, activity, host }: OwnActivity, seq: number, rows: RowBatch): SeenActivity {
    const { collectorId } = this.#options;
    activity.seq = fromBigInt(BigInt(seq));
    activity.salt = randomBytes(SALT_BYTES);
    activity.leaf = leafOf(activity, collectorId, host);
    const sender = { agentId: collectorId, host };
    rows.add(kind, activity, sender);
    return { kind, activity, sender };
  }

  async #store(block: Block): Promise<void> {
    const error = await this.#append(block);
    if (error === undefined) {
      this.#stored(block);
      return;
    }
    if (error.code === 'store_rejected' && block.parts.length > 1) {
      await this.#storeOneByOne(block.parts);
      return;
    }
    if (error.code !== 'store_rejected') this.#ownSeq = undefined;
    this.#options.log.error(
      { err: error, rows: block.rows },
      'a block could not be stored; its agents must come again',
    );
    this.#giveBack(block.parts, error);
  }

  /** One batch that ClickHouse does not take must not hold up the other agents; but nothing may overtake it of its own. */
  async #storeOneByOne(parts: readonly Waiting[]): Promise<void> {
    for (const [at, part] of parts.entries()) {
      if (!part.isOwn && !this.#lastSeq.has(part.sender.agentId)) {
        part.reject(new CollectorError('store_rejected', 'a batch before this one was not stored'));
      } else if (await this.#findOwnSeq()) {
        await this.#store(this.#blockOf([part]));
      } else {
        this.#giveBack(parts.slice(at), new CollectorError('store_unavailable', 'the store went away'));
        return;
      }
    }
  }

  #stored(block: Block): void {
    const { metrics, onOwnStored } = this.#options;
    const firstOwnSeq = this.#ownSeq! + 1;
    this.#ownSeq! += block.own.length;
    if (block.own.length > 0)
      onOwnStored?.(
        firstOwnSeq,
        block.own.map(({ activity }) => activity.leaf),
      );
    metrics.insertedRows.add(block.rows);
    metrics.insertedBytes.add(block.bytes);
    for (const { activity, kind } of block.own) {
      if (kind === 'alert') metrics.ruleMatches.add(1, { rule: activity.alert?.ruleId ?? '' });
    }
    let ownSeq = firstOwnSeq;
    for (const { resolve, batch } of block.parts) resolve(batch.own.map(() => ownSeq++));
    const alerts = block.own.filter(({ kind }) => kind === 'alert');
    const watched = block.parts.some(({ batch }) => batch.seen !== undefined);
    const seen = watched ? [...block.parts.flatMap(({ batch }) => batch.seen ?? []), ...block.own] : [];
    try {
      this.#options.onStored({ seen, alerts });
    } catch (error) {
      this.#options.log.error({ err: error }, 'a listener to stored blocks failed');
    }
  }

  /** Give batches back as failed, and with them all that waits behind them of the same agents. */
  #giveBack(parts: readonly Waiting[], error: CollectorError): void {
    const agents = new Set(parts.map(({ sender }) => sender.agentId));
    const behind = this.#queue.filter(({ sender }) => agents.has(sender.agentId));
    const others = this.#queue.filter(({ sender }) => !agents.has(sender.agentId));
    this.#queue.splice(0, this.#queue.length, ...others);
    for (const agentId of agents) this.#lastSeq.delete(agentId);
    for (const part of [...parts, ...behind]) part.reject(error);
  }

  /** Undefined when the block is stored. */
  async #append(block: Block): Promise<CollectorError | undefined> {
    const { store, metrics, log, retryMs } = this.#options;
    const deadline = performance.now() + retryMs;
    let backoffMs = BACKOFF_MS_MIN;
    for (let attempt = 1; ; attempt++) {
      try {
        const startedAt = performance.now();
        if (attempt === 1 || !(await this.#isThere(block))) await store.append(block.batches);
        metrics.insertSeconds.observe((performance.now() - startedAt) / 1000);
        return undefined;
      } catch (thrown) {
        const error =
          thrown instanceof CollectorError
            ? thrown
            : new CollectorError('internal', describeError(thrown), { cause: thrown });
        metrics.storeErrors.add(1, { code: error.code });
        const hopeless = error.code === 'store_rejected' || error.code === 'internal';
        if (hopeless || performance.now() + backoffMs > deadline) return error;
        log.warn({ code: error.code, attempt, detail: describeError(error) }, 'an insert failed; trying again');
        await sleep(backoffMs * (0.5 + Math.random() / 2));
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
      }
    }
  }

  /** After a failure of unknown outcome: is the block in the store all the same? Blocks are atomic, one row tells. */
  async #isThere(block: Block): Promise<boolean> {
    const { store, collectorId } = this.#options;
    await store.settle();
    const part = block.parts.find(({ isOwn }) => !isOwn);
    const agentId = part?.sender.agentId ?? collectorId;
    const before = part === undefined ? this.#ownSeq! : part.batch.firstSeq - 1;
    const last = part === undefined ? before + block.own.length : part.batch.lastSeq;
    const highest = await store.highestSeq(agentId);
    if (highest >= last) return true;
    if (highest === before) return false;
    throw new CollectorError('internal', `${agentId} is at ${highest} in the store, between batches`);
  }
}
