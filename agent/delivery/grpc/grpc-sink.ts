// SPDX-License-Identifier: Apache-2.0

/** Delivers the journal to a collector over gRPC and mutual TLS: one stream after the other, for ever. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from '../../journal/journal.ts';
import type { Seal } from '../../seal/seal.ts';
import type { ActivitySink, SinkCounts, SinkState } from '../activity-sink.ts';
import { Backoff } from '../backoff.ts';
import { DeliveryError } from '../delivery-error.ts';
import { DeliveryStream } from './delivery-stream.ts';
import { diagnose } from './diagnosis.ts';
import { readTrust, type TrustFiles } from './trust.ts';

export interface GrpcSinkOptions extends TrustFiles {
  /** host:port */
  readonly collector: string;
  /** The name in the collector's certificate, when it is not the host in `collector`. */
  readonly serverName?: string | undefined;
  /** What Hello says of this agent. */
  readonly version: string;
  readonly bootId: string;
  readonly kernel: string;
  /** A batch is sent when it has so many bytes, or when its first entry has waited so long. */
  readonly batchBytesMax?: number;
  readonly batchAgeMs?: number;
  readonly compressionLevel?: number;
  readonly inFlightBatchesMax?: number;
  readonly inFlightBytesMax?: number;
  readonly keepaliveMs?: number;
  readonly keepaliveTimeoutMs?: number;
  /** From the call to Welcome. */
  readonly answerTimeoutMs?: number;
  /** From a batch to the next Stored: longer than a store that has trouble may take. */
  readonly storedTimeoutMs?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMostMs?: number;
  /** After an error that somebody has to do something about. */
  readonly refusedRetryMs?: number;
  /** Share of one core for catching up. */
  readonly catchUpShare?: number;
  /** Left out: the record is delivered without checkpoints. */
  readonly seal?: Seal | undefined;
  readonly nowMs?: () => number;
  /** Numbers from 0 to 1. */
  readonly chance?: () => number;
  /** The phase changed: for the log. */
  readonly onState?: (state: SinkState) => void;
}

const MIB = 1024 * 1024;

export const GRPC_SINK_DEFAULTS = {
  serverName: undefined,
  seal: undefined,
  batchBytesMax: MIB,
  batchAgeMs: 200,
  compressionLevel: 1,
  inFlightBatchesMax: 16,
  inFlightBytesMax: 8 * MIB,
  // A half-open connection is noticed within both together.
  keepaliveMs: 15_000,
  keepaliveTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  storedTimeoutMs: 300_000,
  backoffFirstMs: 500,
  backoffMostMs: 60_000,
  refusedRetryMs: 600_000,
  catchUpShare: 0.25,
} as const;

export class GrpcSink implements ActivitySink {
  readonly #journal: Journal;
  readonly #options: Required<GrpcSinkOptions>;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #counts: SinkCounts = {
    connects: 0,
    failures: 0,
    batches: 0,
    activities: 0,
    bytes: 0,
    compressedBytes: 0,
    acknowledged: 0,
  };
  #running: Promise<void> | undefined;
  #stream: DeliveryStream | undefined;
  #phase: SinkState['phase'] = 'stopped';
  #sinceMs: number;
  #storedSeq = 0;
  #error: DeliveryError | null = null;
  #retryAtMs: number | null = null;
  #onStored: (() => void) | undefined;

  constructor(journal: Journal, options: GrpcSinkOptions) {
    this.#journal = journal;
    this.#options = {
      ...GRPC_SINK_DEFAULTS,
      nowMs: Date.now,
      chance: Math.random,
      onState: () => {},
      ...options,
    } as Required<GrpcSinkOptions>;
    const { backoffFirstMs, backoffMostMs, chance, nowMs } = this.#options;
    this.#backoff = new Backoff(backoffFirstMs, backoffMostMs, chance);
    this.#sinceMs = nowMs();
    const { seal } = this.#options;
    if (seal !== undefined) seal.onPersisted = () => this.#journal.forget(this.#storedSeq, seal.forgettableSeq);
  }

  get state(): SinkState {
    return {
      phase: this.#phase,
      sinceMs: this.#sinceMs,
      collector: this.#options.collector,
      storedSeq: this.#storedSeq,
      inFlightBatches: this.#stream?.window.batches ?? 0,
      inFlightBytes: this.#stream?.window.bytes ?? 0,
      error: this.#error,
      retryAtMs: this.#retryAtMs,
      counts: this.#counts,
    };
  }

  start(): void {
    if (this.#stopping.signal.aborted) throw new Error('a sink that was stopped is not started again');
    this.#running ??= this.#run().finally(() => this.#enter('stopped'));
  }

  async stop(drainMs = 0): Promise<void> {
    if (drainMs > 0) await this.#drain(drainMs);
    this.#stopping.abort();
    this.#stream?.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#retryAtMs = null;
      this.#enter('connecting');
      const error = await this.#deliverOnce();
      if (signal.aborted) return;
      // Without an error there is a reason to begin another stream at once.
      if (error !== null) await this.#wait(error);
    }
  }

  /** One stream. null: go on with another one at once. */
  async #deliverOnce(): Promise<DeliveryError | null> {
    const { collector, serverName, nowMs } = this.#options;
    try {
      const trust = await readTrust(this.#options, this.#journal.agentId, nowMs());
      const host = this.#journal.hostOf(Math.max(this.#storedSeq + 1, this.#journal.firstSeq));
      const stream = new DeliveryStream(this.#journal, this.#options, trust, host, this.#counts, {
        welcomed: (seq) => this.#welcomed(seq),
        stored: (seq) => this.#stored(seq),
        cosigned: () => this.#onStored?.(),
      });
      if (this.#stopping.signal.aborted) return null;
      this.#stream = stream;
      const error = await stream.run();
      if (error === null || stream.wasWelcomed || error.code !== 'delivery_connection_lost') return error;
      // It never came to a Welcome, and gRPC does not say why.
      return (await diagnose({ collector, serverName, context: trust.context, timeoutMs: 10_000 })) ?? error;
    } catch (cause) {
      if (cause instanceof DeliveryError) return cause;
      return new DeliveryError('delivery_connection_lost', (cause as Error).message, { cause });
    } finally {
      this.#stream = undefined;
    }
  }

  #welcomed(seq: number): void {
    this.#counts.connects += 1;
    this.#storedSeq = seq;
    this.#enter('delivering');
    this.#onStored?.();
  }

  #stored(seq: number): void {
    this.#storedSeq = seq;
    this.#error = null;
    this.#backoff.reset();
    this.#onStored?.();
  }

  async #wait(error: DeliveryError): Promise<void> {
    this.#counts.failures += 1;
    this.#error = error;
    const waitMs = error.retryable ? this.#backoff.next() : this.#options.refusedRetryMs;
    this.#retryAtMs = this.#options.nowMs() + waitMs;
    this.#enter(error.retryable ? 'waiting' : 'refused');
    await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  /** Everything durable is at the collector, and a checkpoint of it is cosigned. */
  #isDone(): boolean {
    if (this.#storedSeq < this.#journal.durableSeq) return false;
    this.#stream?.finish();
    return this.#options.seal?.isCosignedUpTo(this.#storedSeq) ?? true;
  }

  /** Until all is done, the time is over, or there is no connection. */
  async #drain(withinMs: number): Promise<void> {
    const timeout = AbortSignal.timeout(withinMs);
    while (!timeout.aborted && this.#phase === 'delivering' && !this.#isDone()) {
      await new Promise<void>((resolve) => {
        this.#onStored = resolve;
        timeout.addEventListener('abort', () => resolve());
      });
    }
    this.#onStored = undefined;
  }

  #enter(phase: SinkState['phase']): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#sinceMs = this.#options.nowMs();
    // Whoever waits for a drain looks again.
    this.#onStored?.();
    this.#options.onState(this.state);
  }
}
