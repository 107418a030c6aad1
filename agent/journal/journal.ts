// SPDX-License-Identifier: Apache-2.0

/**
 * The agent's record on disk: append-only, hash-chained, in segment files (segment-format.ts). Activities get their numbers
 * here, 1, 2, 3, … for ever. Written in groups: one write and one sync for all that came within some milliseconds.
 *
 * Nothing is dropped without a loss in the record: what there was no room for, what a crash tore, what rotted on disk.
 * It deliberately does not deliver, redact, or stop workloads; it says when they should be stopped.
 */
import { join } from 'node:path';
import type { Activity } from '../model/activity.ts';
import { BatchReader, type JournalBatch } from './batch-reader.ts';
import { DeliveredMark } from './delivered-mark.ts';
import { realDisk } from './disk.ts';
import { DurablePoint } from './durable-point.ts';
import { GroupQueue } from './group-queue.ts';
import { JournalError, journalErrorOf } from './journal-error.ts';
import {
  checkNames,
  JOURNAL_DEFAULTS,
  type JournalOptions,
  type JournalPoint,
  type JournalState,
  type ReadOptions,
} from './journal-options.ts';
import { type JournalLoss, LossTally } from './loss-tally.ts';
import { type OpenReport, openSegments } from './opening.ts';
import { type Room, RoomWatch } from './room.ts';
import { Sealer, withoutPayload } from './sealer.ts';
import type { Segment } from './segment.ts';
import { BODY_BYTES_MAX, firstSeqOfName } from './segment-format.ts';
import { SegmentWriter } from './segment-writer.ts';

export type { JournalOptions, JournalPoint, JournalState, ReadOptions } from './journal-options.ts';
export { JOURNAL_DEFAULTS } from './journal-options.ts';

/** Losses are gathered for this long before they are written. */
const LOSS_INTERVAL_MS = 1000;

/** One sync takes at most this much, so that the first of a long queue does not wait for all of it. */
const WRITE_BYTES_MAX = 8 * 1024 * 1024;

/** While there is no room, it is looked for this often even when nothing is appended: frozen workloads append nothing. */
const ROOM_INTERVAL_MS = 1000;

/** With a bound on age, a file holds at most this part of it. */
const SEGMENTS_PER_AGE = 8;

export class Journal {
  /** What opening found. */
  readonly report: OpenReport;
  readonly #options: Required<JournalOptions>;
  readonly #release: () => void;
  readonly #segments: Segment[];
  readonly #sealer: Sealer;
  readonly #queue: GroupQueue;
  readonly #writer: SegmentWriter;
  readonly #delivered: DeliveredMark;
  readonly #room: RoomWatch;
  readonly #tally = new LossTally();
  /** Losses of entries up to here were told, by cause: reading them again tells nothing new. */
  readonly #toldSeq = new Map<JournalLoss, number>();
  readonly #durable: DurablePoint;
  #durableChain: JournalPoint;
  #lastSeq: number;
  #roomNow: Room = 'open';
  #trouble: JournalError | null = null;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushDue = false;
  #flushing: Promise<void> | undefined;
  #wakeRetry: (() => void) | undefined;
  #lossesAtMs = Number.NEGATIVE_INFINITY;
  #removing: Promise<void> = Promise.resolve();
  /** Takes no more. */
  #closed = false;
  /** Nothing more will become durable. */
  #ended = false;

  /**
   * Opens the journal in `options.folder`, making it when there is none, and repairs what a crash left.
   *
   * Errors   JournalError: locked, of another agent, of a newer version, no rights, disk
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const whole: Required<JournalOptions> = {
      ...JOURNAL_DEFAULTS,
      disk: realDisk,
      nowNs: () => BigInt(Date.now()) * 1_000_000n,
      onTrouble: () => {},
      leafWriter: undefined,
      mark: undefined,
      ...options,
    };
    checkNames(whole.agentId, whole.host);
    const { disk, folder } = whole;
    let release: (() => void) | undefined;
    try {
      await disk.ensureFolder(folder);
      release = disk.lock(join(folder, 'lock'));
      const opened = await openSegments(disk, folder, whole.agentId, whole.mark);
      const delivered = await DeliveredMark.open(disk, join(folder, 'delivered'));
      return new Journal(whole, release, opened, delivered);
    } catch (cause) {
      release?.();
      throw journalErrorOf(cause, `Opening ${folder}.`);
    }
  }

  private constructor(
    options: Required<JournalOptions>,
    release: () => void,
    opened: Awaited<ReturnType<typeof openSegments>>,
    delivered: DeliveredMark,
  ) {
    const { folder, agentId, host, disk, nowNs } = options;
    this.#options = options;
    this.#release = release;
    this.#segments = opened.segments;
    this.#delivered = delivered;
    this.report = opened.report;
    // What was delivered was once here, and a number is never used twice, whatever became of its entry.
    const usedSeq = Math.max(options.usedSeq, options.mark?.seq ?? 0);
    this.#lastSeq = Math.max(opened.lastSeq, delivered.seq, opened.report.seqsMax, usedSeq);
    this.#durable = new DurablePoint(this.#lastSeq);
    this.#durableChain = { seq: this.#lastSeq, chain: opened.chain };
    this.#sealer = new Sealer(agentId, host, opened.chain, options.leafWriter);
    const last = opened.segments.at(-1);
    const goOn = opened.continuable && last!.header.host === host && last!.lastSeq === this.#lastSeq;
    const onSegment = (segment: Segment) => this.#segments.push(segment);
    // So that what is too old can go although few things happen: files are removed whole.
    const segmentAgeMaxMs = Math.ceil(options.ageMaxMs / SEGMENTS_PER_AGE);
    this.#queue = new GroupQueue(
      { ...options, folder, onSegment, segmentAgeMaxMs },
      this.#sealer,
      goOn ? last : undefined,
    );
    this.#writer = new SegmentWriter(disk);
    this.#room = new RoomWatch(options, disk, folder, () => Number(nowNs() / 1_000_000n));
    this.#tellReport(opened.lastTimeNs);
  }

  /**
   * Seals `activity` and takes it into the journal. Its number is the result; 0 when there was no room at all, which is
   * counted and becomes a loss. Does not wait: `flushed` tells when it is on stable storage.
   *
   * Errors   RangeError for a number that has no place in the record, JournalError journal_closed. Nothing was taken then
   */
  append(activity: Activity): number {
    if (this.#closed) throw new JournalError('journal_closed', this.#options.folder);
    if (this.#roomNow !== 'open' || this.#queue.pendingBytes >= this.#options.pendingBytesMax / 2) {
      this.#judgeRoom();
      if (this.#roomNow === 'none') {
        this.#tally.add('no_room', 1, 0, this.#options.nowNs());
        this.#scheduleFlush();
        return 0;
      }
      if (this.#roomNow === 'tight' && this.#options.whenFull === 'shed')
        return this.#appendShed(activity, 'payload_shed');
    }
    const bodyBytes = this.#sealer.seal(activity, this.#lastSeq + 1);
    if (bodyBytes > this.#options.entryBytesMax || bodyBytes > BODY_BYTES_MAX)
      return this.#appendShed(activity, 'too_large');
    return this.#take(bodyBytes);
  }

  /** Policy 'block': workloads must not go on before there is room again. */
  get mustFreeze(): boolean {
    return this.#options.whenFull === 'block' && this.#roomNow !== 'open';
  }

  /** Back-pressure: bytes that were appended and are not yet on stable storage. */
  get pendingBytes(): number {
    return this.#queue.pendingBytes;
  }

  get folder(): string {
    return this.#options.folder;
  }

  get agentId(): string {
    return this.#options.agentId;
  }

  get host(): string {
    return this.#options.host;
  }

  /** How much of the folder's bound is used: 0 to 1, and above 1 when the reserve is. */
  get fullness(): number {
    return this.#folderBytes / this.#options.folderBytesMax;
  }

  /** The highest entry on stable storage. */
  get durableSeq(): number {
    return this.#durable.seq;
  }

  /** The highest entry that is known to be at the collector. */
  get deliveredSeq(): number {
    return this.#delivered.seq;
  }

  /** The same entry as `durableSeq`, with the hash chain after it. */
  get durablePoint(): JournalPoint {
    return this.#durableChain;
  }

  /** The lowest entry held, be it one that cannot be read any more; 0 when none is. */
  get firstSeq(): number {
    const readable = this.#segments.find(({ firstSeq, durableSeq }) => durableSeq >= firstSeq)?.firstSeq ?? 0;
    const [rotten] = this.report.unreadableSegments;
    const rottenSeq = rotten === undefined ? 0 : firstSeqOfName(rotten)!;
    // Nobody has its entries: losses stand at their numbers, so that the record begins where it began.
    return rottenSeq > this.#delivered.seq && rottenSeq < readable ? rottenSeq : readable;
  }

  /** What is on disk, for whoever looks whether it still is. */
  get files(): readonly { readonly path: string; readonly bytes: number; readonly isComplete: boolean }[] {
    return this.#segments
      .filter(({ durableEnd }) => durableEnd > 0)
      .map(({ path, durableEnd, durableSeq, lastSeq }, at, { length }) => ({
        path,
        bytes: durableEnd,
        isComplete: at < length - 1 && durableSeq === lastSeq,
      }));
  }

  get state(): JournalState {
    return {
      firstSeq: this.firstSeq,
      lastSeq: this.#lastSeq,
      durableSeq: this.#durable.seq,
      deliveredSeq: this.#delivered.seq,
      segments: this.#segments.length,
      folderBytes: this.#folderBytes,
      pendingBytes: this.pendingBytes,
      room: this.#roomNow,
      trouble: this.#trouble,
      losses: this.#tally.totals,
      repairedTexts: this.#sealer.repairedTexts,
    };
  }

  /** Resolves when entry `seq` is on stable storage. Rejects only when the journal is closed before. */
  flushed(seq: number): Promise<void> {
    if (this.#ended && seq > this.#durable.seq) {
      return Promise.reject(new JournalError('journal_closed', this.#options.folder));
    }
    return this.#durable.reached(seq);
  }

  /**
   * What was lost is counted in memory and has no entry, for want of room: a kill would take the count along, so nobody may
   * say that the record is whole.
   */
  get hasUntoldLosses(): boolean {
    return !this.#tally.isEmpty;
  }

  /** Writes what is pending, and the losses that were gathered, without waiting for the delay. */
  flush(): Promise<void> {
    this.#appendLosses(true);
    this.#flushDue = true;
    this.#startFlush();
    return this.flushed(this.#lastSeq);
  }

  /** The host that entry `seq` was sealed for, or that what stands in its place will be. */
  hostOf(seq: number): string {
    const segment = this.#segments.findLast(({ firstSeq }) => firstSeq <= seq) ?? this.#segments[0];
    return segment?.header.host ?? this.#options.host;
  }

  /**
   * Entries from `fromSeq` on, in batches, for ever: at the end it waits for more. Ends when the signal says so or the
   * journal is closed. A batch is valid until the next one is asked for.
   *
   * Errors   JournalError when the disk fails to read; begin again from where it stopped
   */
  async *readBatches(fromSeq: number, options: ReadOptions): AsyncGenerator<JournalBatch, void, void> {
    const { bytesMax, entryBytesMax = BODY_BYTES_MAX, lingerMs, signal } = options;
    const reader = this.#newReader(fromSeq);
    try {
      let deadlineMs = 0;
      let readMs = 0;
      while (!signal.aborted) {
        const seenSeq = this.#durable.seq;
        const beganMs = performance.now();
        const isFull = await reader.fill(bytesMax, entryBytesMax);
        readMs += performance.now() - beganMs;
        if (!isFull) {
          // Everything durable was read. Wait for more, but not beyond the time that the first entry may wait.
          if (reader.isEmpty) {
            if (this.#ended && seenSeq === this.#durable.seq) return;
            await this.#durable.beyond(seenSeq, undefined, signal);
            deadlineMs = performance.now() + lingerMs;
            continue;
          }
          const leftMs = deadlineMs - performance.now();
          if (leftMs > 0 && !this.#ended) {
            await this.#durable.beyond(seenSeq, leftMs, signal);
            continue;
          }
        }
        const batch = reader.take(readMs);
        if (batch !== undefined) yield batch;
        readMs = 0;
        deadlineMs = performance.now() + lingerMs;
      }
    } finally {
      await reader.close();
    }
  }

  /**
   * Everything up to `seq` is at the collector: segments that hold nothing else are deleted. Those with entries beyond
   * `neededSeq` stay, because somebody has to read them once more.
   */
  forget(seq: number, neededSeq: number = seq): void {
    this.#delivered.set(Math.min(seq, this.#durable.seq));
    // What it had once does not count: a collector that was restored from a backup has to get what followed again.
    const keptSeq = Math.min(seq, this.#delivered.seq, neededSeq);
    const removable: Segment[] = [];
    for (;;) {
      const [oldest, following] = this.#segments;
      // What follows must be on disk: the newest segment there says which number comes next.
      if (following === undefined || following.durableSeq < following.firstSeq) break;
      if (oldest!.lastSeq > keptSeq) break;
      removable.push(this.#segments.shift()!);
    }
    this.#remove(removable);
  }

  #remove(segments: readonly Segment[]): void {
    if (segments.length === 0) return;
    this.#removing = this.#removing.then(async () => {
      for (const { path } of segments) await this.#options.disk.remove(path).catch(() => {});
    });
    this.#judgeRoom();
  }

  /** What is too old goes, the oldest first; what nobody has of it is told. The newest segment stays. */
  #expire(): void {
    const { ageMaxMs, nowNs } = this.#options;
    if (ageMaxMs === 0) return;
    const now = nowNs();
    const untilNs = now - BigInt(ageMaxMs) * 1_000_000n;
    const expired: Segment[] = [];
    for (;;) {
      const [oldest, following] = this.#segments;
      // Everything in a segment is older than the segment after it.
      if (following === undefined || following.durableSeq < following.firstSeq) break;
      if (following.header.createdNs > untilNs) break;
      expired.push(this.#segments.shift()!);
      const undelivered = oldest!.lastSeq - Math.max(this.#delivered.seq, oldest!.firstSeq - 1);
      if (undelivered > 0) this.#tally.add('too_old', undelivered, oldest!.endOffset, now);
    }
    this.#remove(expired);
  }

  /**
   * Writes what is pending, then lets go of the folder. Rejects with the JournalError that keeps the rest from being
   * written; the folder is let go all the same.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#appendLosses(true);
    this.#closed = true;
    this.#wakeRetry?.();
    do {
      this.#flushDue = true;
      this.#startFlush();
      await this.#flushing;
    } while (this.pendingBytes > 0 && this.#trouble === null);
    this.#ended = true;
    this.#durable.end(this.#trouble ?? new JournalError('journal_closed', this.#options.folder));
    await Promise.allSettled([this.#writer.close(), this.#delivered.close(), this.#removing]);
    this.#release();
    if (this.#trouble !== null) throw this.#trouble;
  }

  get #folderBytes(): number {
    return this.#segments.reduce((sum, { endOffset }) => sum + endOffset, 0);
  }

  #take(bodyBytes: number): number {
    const seq = this.#lastSeq + 1;
    this.#lastSeq = seq;
    this.#queue.add(seq, bodyBytes);
    this.#scheduleFlush();
    return seq;
  }

  #appendShed(activity: Activity, reason: JournalLoss): number {
    const shed = withoutPayload(activity);
    const bodyBytes = this.#sealer.seal(shed.activity, this.#lastSeq + 1);
    if (bodyBytes > BODY_BYTES_MAX) {
      this.#tally.add('no_room', 1, bodyBytes, this.#options.nowNs());
      return 0;
    }
    if (shed.payloadBytes > 0) this.#tally.add(reason, 1, shed.payloadBytes, this.#options.nowNs());
    return this.#take(bodyBytes);
  }

  #judgeRoom(): void {
    const use = { folderBytes: this.#folderBytes, pendingBytes: this.pendingBytes, writeFails: this.#trouble !== null };
    this.#roomNow = this.#room.of(use);
  }

  /** Gathered losses become entries; seldom, and not while there is no room for them. */
  #appendLosses(now = false): void {
    if (this.#tally.isEmpty || this.#closed || this.#roomNow === 'none') return;
    const nowMs = performance.now();
    if (!now && nowMs - this.#lossesAtMs < LOSS_INTERVAL_MS) return;
    this.#lossesAtMs = nowMs;
    for (const loss of this.#tally.take()) this.#take(this.#sealer.seal(loss, this.#lastSeq + 1));
  }

  #tellReport(lastTimeNs: bigint | undefined): void {
    const { tornBytes, tornEntries, altered } = this.report;
    const now = this.#options.nowNs();
    if (tornBytes > 0) this.#tally.add('torn_tail', tornEntries, tornBytes, now, '', lastTimeNs);
    for (const { fromSeq, toSeq } of altered) this.#tell('altered', fromSeq, toSeq, 0, 'the newest segment');
    this.#appendLosses(true);
  }

  /** Damage that a reader found. */
  #tell(reason: JournalLoss, fromSeq: number, toSeq: number, bytes: number, path: string): void {
    const told = this.#toldSeq.get(reason) ?? 0;
    if (toSeq <= told) return;
    this.#toldSeq.set(reason, toSeq);
    const events = toSeq - Math.max(fromSeq, told + 1) + 1;
    // A loss stands at the numbers of these already; the others are still there, and changed.
    const isReplaced = reason === 'damaged' || reason === 'missing' || reason === 'not_held';
    if (isReplaced) this.#tally.count(reason, events, bytes);
    else this.#tally.add(reason, events, bytes, this.#options.nowNs(), `Activities ${fromSeq} to ${toSeq} in ${path}.`);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#queue.hasClosedGroup) this.#startFlush();
    else if (this.#flushTimer === undefined && this.#flushing === undefined) this.#armFlush();
  }

  #armFlush(delayMs: number = this.#options.flushDelayMs): void {
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = undefined;
      this.#flushDue = true;
      this.#startFlush();
    }, delayMs);
  }

  #startFlush(): void {
    if (this.#flushing !== undefined) return;
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = undefined;
      // What came in meanwhile waits its own delay.
      if (this.#closed) return;
      if (this.#queue.hasClosedGroup) this.#startFlush();
      else if (this.#queue.pendingBytes > 0 || !this.#tally.isEmpty) this.#armFlush();
      else if (this.#roomNow !== 'open') this.#armFlush(ROOM_INTERVAL_MS);
    });
  }

  /** One write and sync after the other, never two at once, until nothing is due. */
  async #flush(): Promise<void> {
    await this.#room.refresh();
    this.#expire();
    this.#judgeRoom();
    this.#appendLosses();
    for (;;) {
      const all = this.#flushDue;
      this.#flushDue = false;
      const groups = this.#queue.next(WRITE_BYTES_MAX, all);
      if (groups.length === 0) return;
      try {
        await this.#writer.write(groups);
      } catch (cause) {
        this.#setTrouble(cause as JournalError);
        if (this.#closed) return;
        await this.#retryDelay();
        this.#flushDue = true;
        continue;
      }
      this.#queue.done(groups);
      this.#setTrouble(null);
      if (this.#roomNow !== 'open') this.#judgeRoom();
      const { lastSeq: seq, chain } = groups.at(-1)!;
      this.#durableChain = { seq, chain };
      this.#durable.advance(seq);
      this.#flushDue ||= this.#closed;
    }
  }

  #setTrouble(trouble: JournalError | null): void {
    const isNews = trouble?.code !== this.#trouble?.code;
    this.#trouble = trouble;
    if (!isNews) return;
    this.#judgeRoom();
    this.#options.onTrouble(trouble);
  }

  #retryDelay(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.retryDelayMs);
      this.#wakeRetry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #newReader(fromSeq: number): BatchReader {
    const durable = this.#durable;
    return new BatchReader(
      {
        disk: this.#options.disk,
        segments: this.#segments,
        sealer: this.#sealer,
        nowNs: this.#options.nowNs,
        tell: (...about) => this.#tell(...about),
        firstSeq: this.firstSeq,
        get durableSeq() {
          return durable.seq;
        },
      },
      fromSeq,
    );
  }
}
