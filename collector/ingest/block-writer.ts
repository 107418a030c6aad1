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
 *
 * Where several collectors share a ClickHouse, each insert is made under the claims of its agents, the collector's own record
 * among them. When one of these holds no more nothing of the block is stored: the batches of that agent are given back, the
 * others go on.
 */
import { randomBytes } from 'node:crypto';
import { leafOf, SALT_BYTES } from '../../proto/leaf.ts';
import { fromBigInt, type SeenActivity, type Sender } from '../model/activity.ts';
import { CollectorError, describeError } from '../model/error.ts';
import type { Claim, EventStore, RowBatch } from '../store/event-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { ReadBatch } from './batch-reader.ts';
import type { OwnActivity } from './own-record.ts';

/** Enough rows that the cost of an insert is small for each, and few enough that the engine takes them in one block. */
const BLOCK_ROWS_MAX = 50_000;
const BLOCK_BYTES_MAX = 96 << 20;
/** The claims stand in the statement, some 22 bytes each. */
const BLOCK_AGENTS_MAX = 2_000;
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
/** So often one block may lose its own record to another process of the same name. */
const OWN_CLAIMS_MAX = 4;

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
  /** Undefined for rows of the collector's own: those are under the claim of the block. */
  readonly claim: Claim | undefined;
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
  readonly claims: readonly Claim[];
  readonly rows: number;
  readonly bytes: number;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class BlockWriter {
  readonly #options: BlockWriterOptions;
  readonly #queue: Waiting[] = [];
  /** For each agent with an open stream the last seq handed in, which the next batch must follow, and its claim. */
  readonly #admitted = new Map<string, { lastSeq: number; readonly claim: Claim }>();
  /** The same of the collector's own record; undefined when an insert of unknown outcome may have moved it. */
  #own: { lastSeq: number; readonly claim: Claim } | undefined;
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
  admit(claim: Claim, storedSeq: number): void {
    this.#admitted.set(claim.agentId, { lastSeq: storedSeq, claim });
  }

  /**
   * Resolves when the batch and the alerts about it are in the store.
   *
   * Errors   CollectorError; then nothing of the batch is stored, nor of any that was handed in after it
   */
  async write(sender: Sender, batch: WrittenBatch): Promise<void> {
    const { agentId } = sender;
    const admitted = this.#admitted.get(agentId);
    if (admitted?.lastSeq !== batch.firstSeq - 1) {
      const message = `a batch from ${batch.firstSeq} on does not follow what was handed in before`;
      throw new CollectorError('store_unavailable', message);
    }
    admitted.lastSeq = batch.lastSeq;
    this.#lastArrivalAt = performance.now();
    await this.#hand(sender, batch, admitted.claim);
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
    return this.#hand(sender, batch, undefined);
  }

  #hand(sender: Sender, batch: WrittenBatch, claim: Claim | undefined): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ sender, batch, claim, isOwn: claim === undefined, resolve, reject });
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
        if (!(await this.#findOwn())) continue;
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
  async #findOwn(): Promise<boolean> {
    if (this.#own !== undefined) return true;
    const { store, collectorId } = this.#options;
    try {
      const claim = await store.claim(collectorId);
      this.#own = { lastSeq: await store.highestSeq(collectorId), claim };
      return true;
    } catch (error) {
      const cause = collectorErrorOf(error);
      this.#options.metrics.storeErrors.add(1, { code: cause.code });
      this.#giveBack(this.#queue.splice(0), cause);
      return false;
    }
  }

  #nextBlock(): Block {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    const agents = new Set<string>();
    for (const { batch, sender } of this.#queue) {
      const fits = rows + batch.rows.rows <= BLOCK_ROWS_MAX && bytes + batch.rows.bytes <= BLOCK_BYTES_MAX;
      agents.add(sender.agentId);
      if (count > 0 && (!fits || agents.size > BLOCK_AGENTS_MAX)) break;
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
    const claims = new Set<Claim>();
    let seq = this.#own!.lastSeq;
    for (const { batch, claim } of parts) {
      if (claim !== undefined) claims.add(claim);
      for (const note of batch.own) {
        seq += 1;
        own.push(this.#numbered(note, seq, ownRows));
      }
    }
    const batches = parts.map(({ batch }) => batch.rows);
    if (own.length > 0) {
      batches.push(ownRows);
      claims.add(this.#own!.claim);
    }
    return {
      parts,
      batches,
      own,
      claims: [...claims],
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

  async #store(block: Block, ownClaims = 0): Promise<void> {
    const error = await this.#append(block);
    if (error === undefined) {
      this.#stored(block);
      return;
    }
    if (error.code === 'claim_lost' && ownClaims < OWN_CLAIMS_MAX) {
      await this.#storeThoseHeld(block, error, ownClaims);
      return;
    }
    if (error.code === 'store_rejected' && block.parts.length > 1) {
      await this.#storeOneByOne(block.parts);
      return;
    }
    if (error.code !== 'store_rejected') this.#own = undefined;
    this.#options.log.error(
      { err: error, rows: block.rows },
      'a block could not be stored; its agents must come again',
    );
    this.#giveBack(block.parts, error);
  }

  /** Agents that are at another collector by now must not hold up the others. Nothing of the block is stored so far. */
  async #storeThoseHeld(block: Block, error: CollectorError, ownClaims: number): Promise<void> {
    const { store, log } = this.#options;
    let lost: ReadonlySet<Claim>;
    try {
      lost = await store.lost(block.claims);
    } catch (thrown) {
      this.#own = undefined;
      this.#giveBack(block.parts, collectorErrorOf(thrown));
      return;
    }
    const isLost = ({ claim }: Waiting) => claim !== undefined && lost.has(claim);
    const gone = block.parts.filter(isLost);
    this.#giveBack(gone, error);
    const agents = [...new Set(gone.map(({ sender }) => sender.agentId))];
    if (agents.length > 0)
      log.warn({ agents: agents.slice(0, 10), count: agents.length }, 'agents are at another collector');
    const kept = block.parts.filter((part) => !isLost(part));
    const ownIsLost = this.#own !== undefined && lost.has(this.#own.claim);
    if (ownIsLost) this.#own = undefined;
    if (kept.length === 0) return;
    if (!(await this.#findOwn())) {
      this.#giveBack(kept, new CollectorError('store_unavailable', 'the store went away'));
      return;
    }
    // Each time an agent is gone, or the own record was claimed anew; when neither is so, the store contradicts itself.
    const rounds = gone.length > 0 && !ownIsLost ? ownClaims : ownClaims + 1;
    await this.#store(this.#blockOf(kept), rounds);
  }

  /** One batch that ClickHouse does not take must not hold up the other agents; but nothing may overtake it of its own. */
  async #storeOneByOne(parts: readonly Waiting[]): Promise<void> {
    for (const [at, part] of parts.entries()) {
      if (!part.isOwn && !this.#admitted.has(part.sender.agentId)) {
        part.reject(new CollectorError('store_rejected', 'a batch before this one was not stored'));
      } else if (await this.#findOwn()) {
        await this.#store(this.#blockOf([part]));
      } else {
        this.#giveBack(parts.slice(at), new CollectorError('store_unavailable', 'the store went away'));
        return;
      }
    }
  }

  #stored(block: Block): void {
    const { metrics, onOwnStored } = this.#options;
    const firstOwnSeq = this.#own!.lastSeq + 1;
    this.#own!.lastSeq += block.own.length;
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
    for (const agentId of agents) this.#admitted.delete(agentId);
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
        if (attempt === 1 || !(await this.#isThere(block))) await store.append(block.batches, block.claims);
        metrics.insertSeconds.observe((performance.now() - startedAt) / 1000);
        return undefined;
      } catch (thrown) {
        const error = collectorErrorOf(thrown);
        metrics.storeErrors.add(1, { code: error.code });
        const hopeless = ['store_rejected', 'claim_lost', 'internal'].includes(error.code);
        if (hopeless || performance.now() + backoffMs > deadline) return error;
        log.warn({ code: error.code, attempt, detail: describeError(error) }, 'an insert failed; trying again');
        await sleep(backoffMs * (0.5 + Math.random() / 2));
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
      }
    }
  }

  /**
   * After a failure of unknown outcome: is the block in the store all the same? Blocks are atomic, one agent tells; but only one
   * that nobody else can have stored since.
   */
  async #isThere(block: Block): Promise<boolean> {
    const { store, collectorId } = this.#options;
    await store.settle();
    const lost = await store.lost(block.claims);
    const part = block.parts.find(({ claim }) => claim !== undefined && !lost.has(claim));
    const claim = part?.claim ?? this.#own!.claim;
    if (part === undefined && (block.own.length === 0 || lost.has(claim))) {
      throw new CollectorError('claim_lost', 'all agents of the block are at another collector by now');
    }
    const agentId = part?.sender.agentId ?? collectorId;
    const before = part === undefined ? this.#own!.lastSeq : part.batch.firstSeq - 1;
    const last = part === undefined ? before + block.own.length : part.batch.lastSeq;
    const highest = await store.highestSeq(agentId);
    if ((await store.lost([claim])).size > 0) {
      throw new CollectorError('store_unavailable', `${agentId} went to another collector meanwhile`);
    }
    if (highest >= last) return true;
    if (highest === before) return false;
    throw new CollectorError('internal', `${agentId} is at ${highest} in the store, between batches`);
  }
}

function collectorErrorOf(thrown: unknown): CollectorError {
  if (thrown instanceof CollectorError) return thrown;
  return new CollectorError('internal', describeError(thrown), { cause: thrown });
}
