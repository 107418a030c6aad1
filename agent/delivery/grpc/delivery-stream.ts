// SPDX-License-Identifier: Apache-2.0

/**
 * One stream to the collector, from Hello to its end: what the collector does not have yet goes up in batches, what it
 * acknowledges the journal may forget. Where to begin is the collector's word alone (Welcome), so whatever was in flight
 * when an earlier stream broke is sent again or not, as it needs it.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { sworn } from '../../../proto/record.ts';
import type { JournalBatch } from '../../journal/batch-reader.ts';
import type { Journal } from '../../journal/journal.ts';
import { SealRefusal } from '../../seal/seal.ts';
import type { SinkCounts } from '../activity-sink.ts';
import { DeliveryError, refusalError } from '../delivery-error.ts';
import { InFlightWindow } from '../in-flight-window.ts';
import { Pacing } from '../pacing.ts';
import { type CollectorCall, openCall } from './collector-call.ts';
import type { GrpcSinkOptions } from './grpc-sink.ts';
import type { Trust } from './trust.ts';

const compress = promisify(zstdCompress);

/** Fast ones; above 6 a batch costs more than the bytes that it saves are worth. */
const COMPRESSION_LEVEL_MAX = 6;

export interface StreamProgress {
  /** The collector answered: it has everything up to here. */
  welcomed(storedSeq: number): void;
  /** It has everything up to here in ClickHouse now. */
  stored(seq: number): void;
  /** It cosigned a checkpoint. */
  cosigned(): void;
}

export class DeliveryStream {
  readonly #journal: Journal;
  readonly #options: Required<GrpcSinkOptions>;
  readonly #trust: Trust;
  readonly #host: string;
  readonly #counts: SinkCounts;
  readonly #progress: StreamProgress;
  readonly #pacing: Pacing;
  readonly window: InFlightWindow;
  readonly #ending = new AbortController();
  readonly #ended = Promise.withResolvers<DeliveryError | null>();
  #call: CollectorCall | undefined;
  #welcome: sworn.v1.Welcome.$Properties | undefined;
  #storedSeq = 0;
  #sentSeq = 0;
  #silence: NodeJS.Timeout | undefined;
  #checkpointTimer: NodeJS.Timeout | undefined;

  /** `host` is what Hello says: every entry of this stream was sealed for it. */
  constructor(
    journal: Journal,
    options: Required<GrpcSinkOptions>,
    trust: Trust,
    host: string,
    counts: SinkCounts,
    progress: StreamProgress,
  ) {
    this.#journal = journal;
    this.#options = options;
    this.#trust = trust;
    this.#host = host;
    this.#counts = counts;
    this.#progress = progress;
    this.#pacing = new Pacing({ catchUpShare: options.catchUpShare, fullBytes: options.batchBytesMax / 2 });
    this.window = new InFlightWindow(options.inFlightBatchesMax, options.inFlightBytesMax);
  }

  /** The collector took us in; failures from here on are no failures to connect. */
  get wasWelcomed(): boolean {
    return this.#welcome !== undefined;
  }

  /** Runs until it is over: null when `stop` was called or the next entry belongs to another host, else the reason. */
  async run(): Promise<DeliveryError | null> {
    const { collector, serverName, keepaliveMs, keepaliveTimeoutMs, answerTimeoutMs } = this.#options;
    this.#call = openCall(
      { collector, serverName, keepaliveMs, keepaliveTimeoutMs, context: this.#trust.context },
      {
        receipt: (bytes) => this.#receive(bytes),
        ended: (error) => {
          const about = error === null ? 'It ended the stream.' : `${error.details || error.message}.`;
          this.#end(new DeliveryError('delivery_connection_lost', about, { cause: error }));
        },
      },
    );
    this.#expectAnswer(answerTimeoutMs);
    void this.#call.send({ hello: this.#hello() });
    const reason = await this.#ended.promise;
    clearTimeout(this.#silence);
    clearTimeout(this.#checkpointTimer);
    return reason;
  }

  stop(): void {
    this.#end(null);
  }

  /** What was sent is the end for now: a checkpoint of it goes out, unless it did. */
  finish(): void {
    if (this.#welcome !== undefined && !this.#ending.signal.aborted) this.#sendCheckpoint();
  }

  #end(reason: DeliveryError | null): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#ended.resolve(reason);
    this.window.close();
    this.#call?.close();
  }

  #hello(): sworn.v1.Hello.$Properties {
    const { agentId, firstSeq, durableSeq } = this.#journal;
    const { version, bootId, kernel, seal } = this.#options;
    const tree = seal?.hello();
    return {
      agentId,
      host: this.#host,
      version,
      bootId,
      kernel,
      firstSeq: seal?.firstSeq(firstSeq, durableSeq) ?? firstSeq,
      lastSeq: durableSeq,
      ...(tree !== undefined && { ...tree, treeSubtrees: [...tree.treeSubtrees] }),
    };
  }

  #receive(bytes: Buffer): void {
    if (this.#ending.signal.aborted) return;
    let receipt: sworn.v1.Receipt;
    try {
      receipt = sworn.v1.Receipt.decode(bytes);
    } catch (cause) {
      this.#end(new DeliveryError('delivery_protocol', 'Its answer cannot be decoded.', { cause }));
      return;
    }
    const { welcome, stored, refused, cosigned } = receipt;
    if (refused != null) this.#end(refusalError(refused.code ?? '', refused.message ?? '', refused.retry ?? false));
    else if (welcome != null) this.#begin(welcome);
    else if (stored != null) this.#acknowledge(Number(stored.seq ?? 0));
    else if (cosigned != null) this.#takeCosigned(cosigned.note ?? '');
    // Anything else is newer than this agent and not meant for it.
  }

  #begin(welcome: sworn.v1.Welcome.$Properties): void {
    const storedSeq = Number(welcome.storedSeq ?? 0);
    if (this.#welcome !== undefined) {
      this.#end(new DeliveryError('delivery_protocol', 'It welcomed twice.'));
      return;
    }
    if (storedSeq > this.#journal.durableSeq) {
      const about = `It has them up to ${storedSeq}, the journal ends at ${this.#journal.durableSeq}.`;
      this.#end(new DeliveryError('delivery_rolled_back', about));
      return;
    }
    clearTimeout(this.#silence);
    this.#welcome = welcome;
    this.#storedSeq = storedSeq;
    this.#sentSeq = storedSeq;
    const { seal } = this.#options;
    let feedFromSeq = storedSeq + 1;
    try {
      feedFromSeq = seal?.begin(storedSeq, welcome.sealKey ?? '', welcome.treeSubtrees ?? []) ?? feedFromSeq;
    } catch (cause) {
      this.#refuse(cause);
      return;
    }
    this.#progress.welcomed(storedSeq);
    this.#journal.forget(storedSeq, seal?.forgettableSeq);
    void this.#sendAll(feedFromSeq, storedSeq).catch((cause: unknown) => {
      const about = `${(cause as Error).message}`;
      this.#end(new DeliveryError('delivery_journal', about, { cause }));
    });
  }

  #takeCosigned(note: string): void {
    try {
      this.#options.seal?.cosigned(note);
    } catch (cause) {
      this.#refuse(cause);
      return;
    }
    this.#checkpointWhenDue();
    this.#progress.cosigned();
  }

  /** The collector's seal does not fit what is known of it. Anything else is a mistake of ours. */
  #refuse(cause: unknown): void {
    if (!(cause instanceof SealRefusal)) throw cause;
    this.#end(new DeliveryError(cause.code, cause.message, { cause }));
  }

  async #sendAll(feedFromSeq: number, storedSeq: number): Promise<void> {
    if (feedFromSeq <= storedSeq) await this.#feedTree(feedFromSeq, storedSeq);
    // What an earlier stream delivered, and nobody signed.
    this.#checkpointWhenDue();
    await this.#send(storedSeq + 1);
  }

  /** Entries that the collector has and the tree has not: it ended before their receipt came, or before it was on disk. */
  async #feedTree(fromSeq: number, toSeq: number): Promise<void> {
    const { signal } = this.#ending;
    for await (const batch of this.#journal.readBatches(fromSeq, { ...this.#readOptions, lingerMs: 0, signal })) {
      this.#options.seal?.feed(batch, toSeq);
      if (batch.firstSeq + batch.count > toSeq) return;
    }
  }

  #acknowledge(seq: number): void {
    if (this.#welcome === undefined || seq < this.#storedSeq || seq > this.#sentSeq) {
      const about = `It acknowledged ${seq}; sent were entries from ${this.#storedSeq + 1} to ${this.#sentSeq}.`;
      this.#end(new DeliveryError('delivery_protocol', about));
      return;
    }
    this.#counts.acknowledged += seq - this.#storedSeq;
    this.#storedSeq = seq;
    this.window.acknowledge(seq);
    clearTimeout(this.#silence);
    if (this.window.batches > 0) this.#expectAnswer(this.#options.storedTimeoutMs);
    const { seal } = this.#options;
    seal?.stored(seq);
    this.#journal.forget(seq, seal?.forgettableSeq);
    this.#progress.stored(seq);
  }

  /** Something must come within this time. A dead connection is found by keepalive, sooner; this finds a stuck collector. */
  #expectAnswer(withinMs: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const about = this.wasWelcomed ? `Sent and not stored: ${this.window.batches} batches.` : 'No Welcome came.';
      this.#end(new DeliveryError('delivery_no_answer', `${about} Waited ${withinMs} ms.`));
    }, withinMs);
  }

  get #readOptions(): { bytesMax: number; entryBytesMax: number } {
    const theirMax = this.#welcome?.batchBytesMax || Number.POSITIVE_INFINITY;
    return {
      bytesMax: Math.min(this.#options.batchBytesMax, theirMax),
      // Its length goes before an entry and counts as well.
      entryBytesMax: Math.min(theirMax - 5, 0x0fffffff),
    };
  }

  async #send(fromSeq: number): Promise<void> {
    const { batchBytesMax, batchAgeMs } = this.#options;
    const { signal } = this.#ending;
    const batches = this.#journal.readBatches(fromSeq, { ...this.#readOptions, lingerMs: batchAgeMs, signal });
    for await (const batch of batches) {
      if (batch.host !== this.#host) {
        // Sealed for a name that this stream did not say. What was sent is acknowledged first, then another stream begins.
        while (this.window.batches > 0 && !signal.aborted) await this.window.changed();
        this.stop();
        return;
      }
      const workMs = batch.readMs + (await this.#sendBatch(batch));
      const restMs = this.#pacing.restAfter(workMs, batch.bytes.length, this.#journal.fullness);
      if (restMs > 0) await this.#rest(restMs);
      while (!this.window.hasRoomFor(batchBytesMax) && !signal.aborted) await this.window.changed();
    }
  }

  /** How long it took, without the waits for the collector and the connection. */
  async #sendBatch({ firstSeq, count, bytes }: JournalBatch): Promise<number> {
    const beganMs = performance.now();
    const level = Math.min(this.#options.compressionLevel, COMPRESSION_LEVEL_MAX);
    const activitiesZstd = await compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } });
    const compressedMs = performance.now() - beganMs;
    while (!this.window.hasRoomFor(bytes.length) && !this.#ending.signal.aborted) await this.window.changed();
    if (this.#ending.signal.aborted) return compressedMs;
    this.#sentSeq = firstSeq + count - 1;
    if (this.window.batches === 0) this.#expectAnswer(this.#options.storedTimeoutMs);
    this.window.add(this.#sentSeq, bytes.length);
    this.#counts.batches += 1;
    this.#counts.activities += count;
    this.#counts.bytes += bytes.length;
    this.#counts.compressedBytes += activitiesZstd.length;
    const sendingMs = performance.now();
    const sent = this.#call?.send({ batch: { firstSeq, count, activitiesZstd, uncompressedBytes: bytes.length } });
    this.#options.seal?.sent({ firstSeq, count, bytes });
    this.#checkpointWhenDue();
    const workMs = compressedMs + performance.now() - sendingMs;
    await sent;
    return workMs;
  }

  /** Behind the batch that was sent last, now or when it is time. */
  #checkpointWhenDue(): void {
    clearTimeout(this.#checkpointTimer);
    const dueInMs = this.#options.seal?.checkpointDueInMs();
    if (dueInMs === undefined || this.#ending.signal.aborted) return;
    if (dueInMs === 0) this.#sendCheckpoint();
    else this.#checkpointTimer = setTimeout(() => this.#checkpointWhenDue(), dueInMs);
  }

  #sendCheckpoint(): void {
    const note = this.#options.seal?.checkpoint(this.#sentSeq);
    if (note !== undefined) void this.#call?.send({ checkpoint: { note } });
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#ending.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#ending.signal.addEventListener('abort', done);
    });
  }
}
