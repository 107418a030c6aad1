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
    return reason;
  }

  stop(): void {
    this.#end(null);
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
    const { version, bootId, kernel } = this.#options;
    return { agentId, host: this.#host, version, bootId, kernel, firstSeq, lastSeq: durableSeq };
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
    const { welcome, stored, refused } = receipt;
    if (refused != null) this.#end(refusalError(refused.code ?? '', refused.message ?? '', refused.retry ?? false));
    else if (welcome != null) this.#begin(welcome);
    else if (stored != null) this.#acknowledge(Number(stored.seq ?? 0));
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
    this.#progress.welcomed(storedSeq);
    this.#journal.forget(storedSeq);
    void this.#send(storedSeq + 1).catch((cause: unknown) => {
      const about = `${(cause as Error).message}`;
      this.#end(new DeliveryError('delivery_journal', about, { cause }));
    });
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
    this.#journal.forget(seq);
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

  async #send(fromSeq: number): Promise<void> {
    const { batchBytesMax, batchAgeMs } = this.#options;
    const theirMax = this.#welcome?.batchBytesMax || Number.POSITIVE_INFINITY;
    const { signal } = this.#ending;
    const batches = this.#journal.readBatches(fromSeq, {
      bytesMax: Math.min(batchBytesMax, theirMax),
      // Its length goes before an entry and counts as well.
      entryBytesMax: Math.min(theirMax - 5, 0x0fffffff),
      lingerMs: batchAgeMs,
      signal,
    });
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
    const workMs = compressedMs + performance.now() - sendingMs;
    await sent;
    return workMs;
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
