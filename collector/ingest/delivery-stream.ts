// SPDX-License-Identifier: Apache-2.0

/**
 * One agent's stream, from its Hello to its end.
 *
 * Hello → Welcome with the highest seq that is stored; then batches, each following the last, each answered by Stored when
 * it is in ClickHouse. Batches are read one after the other, and handed to the writer without waiting for it, as far as
 * the budgets of bytes allow; beyond that the stream is paused and HTTP/2 holds the agent back. Nothing is dropped.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { sworn } from '../../proto/record.ts';
import type { Sender } from '../model/activity.ts';
import { CollectorError, describeError } from '../model/error.ts';
import type { AgentLog } from '../seal/agent-log.ts';
import type { SealDesk, SealHello } from '../seal/seal-desk.ts';
import { SealRefusal } from '../seal/seal-refusal.ts';
import type { Claim } from '../store/event-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type BatchContext, inflateBatch, readBatch, spanOf } from './batch-reader.ts';
import type { ByteBudget } from './byte-budget.ts';
import { missingFor, type OwnActivity } from './own-record.ts';
import { Refusal } from './service.ts';

export type DeliveryCall = ServerDuplexStream<Buffer, sworn.v1.Receipt.$Properties>;

/** Messages that wait to be read may hold this many bytes before the stream is paused. */
const QUEUED_BYTES_MAX = 4 << 20;
const HELLO_MS_MAX = 10_000;
/** For what an agent says of itself. */
const NAME_CHARACTERS_MAX = 255;
/** When the collector stops, a checkpoint that is being judged has so long. */
const LAST_JUDGEMENT_MS = 2_000;

export interface TakenOver {
  readonly claim: Claim;
  /** The highest of the agent that is stored. */
  readonly storedSeq: number;
}

export interface DeliveryStreamOptions {
  readonly call: DeliveryCall;
  /** Common name of the client's certificate. */
  readonly certificateName: string;
  readonly batchBytesMax: number;
  readonly streamBytesMax: number;
  readonly budget: ByteBudget;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly context: Omit<BatchContext, 'sender'>;
  /** Makes this the agent's only stream; resolves when nothing of an earlier one can be stored any more. */
  readonly takeOver: (agentId: string, stream: DeliveryStream) => Promise<TakenOver>;
  /** From now on the writer takes what follows `lastSeq`. */
  readonly admit: (claim: Claim, lastSeq: number, stream: DeliveryStream) => void;
  readonly seal: SealDesk;
  readonly write: (sender: Sender, batch: Awaited<ReturnType<typeof readBatch>>) => Promise<void>;
  readonly onDone: (stream: DeliveryStream) => void;
}

export class DeliveryStream {
  readonly #options: DeliveryStreamOptions;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #reading = false;
  #ended = false;
  #sender: Sender | undefined;
  #wasToldToComeAgain = false;
  /** Seq of the last activity that was accepted from this stream or known to be stored. */
  #lastSeq = 0;
  #storedSeq = 0;
  #bytesInFlight = 0;
  #batchesInFlight = 0;
  #missing: OwnActivity | undefined;
  #log: AgentLog | undefined;
  /** The checkpoint that is being judged. */
  #judging: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  readonly #helloTimer: NodeJS.Timeout;
  readonly #done = Promise.withResolvers<void>();

  constructor(options: DeliveryStreamOptions) {
    this.#options = options;
    const { call } = options;
    this.#helloTimer = setTimeout(() => this.#refuse(new Refusal('malformed', 'no Hello came')), HELLO_MS_MAX);
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    call.on('end', () => this.end());
    call.on('cancelled', () => this.end());
    call.on('error', () => this.end());
    call.on('close', () => this.end());
  }

  get agentId(): string | undefined {
    return this.#sender?.agentId;
  }

  /** Undefined until it has said who it is. */
  get sender(): Sender | undefined {
    return this.#sender;
  }

  /** It was refused by no fault of its agent. */
  get wasToldToComeAgain(): boolean {
    return this.#wasToldToComeAgain;
  }

  /** Everything of the agent up to this one is stored, as far as this stream knows. */
  get storedSeq(): number {
    return this.#storedSeq;
  }

  /** Resolves when the stream has ended and nothing of it is on its way to the store any more. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** End the stream because a newer one of the same agent took its place, or the collector stops. */
  refuse(refusal: Refusal): void {
    this.#refuse(refusal);
  }

  /** Take no more; what has been handed in is still stored and acknowledged. */
  async finish(): Promise<void> {
    this.#options.call.pause();
    this.#queue.length = 0;
    while (this.#batchesInFlight > 0 || this.#reading) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.race([this.#judging, new Promise((resolve) => setTimeout(resolve, LAST_JUDGEMENT_MS).unref())]);
    this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#helloTimer);
    this.#queue.length = 0;
    this.#wake?.();
    this.#log?.close();
    this.#options.call.end();
    this.#checkDone();
  }

  #checkDone(): void {
    if (!this.#ended || this.#reading || this.#batchesInFlight > 0) return;
    this.#done.resolve();
    this.#options.onDone(this);
  }

  #refuse(refusal: Refusal): void {
    if (this.#ended) return;
    const { code, message, retry } = refusal;
    this.#wasToldToComeAgain = retry;
    this.#options.metrics.streamsRefused.add(1, { code });
    const detail = { code, reason: message, agent: this.agentId ?? this.#options.certificateName, err: refusal.cause };
    this.#options.log.warn(detail, 'a stream was refused');
    this.#send({ refused: { code, message, retry } });
    this.end();
  }

  #send(receipt: sworn.v1.Receipt.$Properties): void {
    if (this.#ended) return;
    this.#options.call.write(receipt);
  }

  #receive(bytes: Buffer): void {
    if (this.#ended) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#options.call.pause();
    if (!this.#reading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      while (!this.#ended) {
        const bytes = this.#queue.shift();
        if (bytes === undefined) break;
        this.#queuedBytes -= bytes.length;
        if (this.#queuedBytes <= QUEUED_BYTES_MAX) this.#options.call.resume();
        await this.#handle(bytes);
      }
    } catch (error) {
      this.#refuse(refusalOf(error));
    } finally {
      this.#reading = false;
      this.#checkDone();
    }
  }

  async #handle(bytes: Buffer): Promise<void> {
    let delivery: sworn.v1.Delivery;
    try {
      delivery = sworn.v1.Delivery.decode(bytes);
    } catch (error) {
      throw new Refusal('malformed', 'a message is not a sworn.v1.Delivery', { cause: error });
    }
    if (delivery.hello != null) await this.#hello(delivery.hello);
    else if (delivery.batch != null) await this.#batch(delivery.batch);
    else if (delivery.checkpoint != null) await this.#checkpoint(delivery.checkpoint.note ?? '');
    else throw new Refusal('malformed', 'a message is neither Hello nor Batch nor Checkpoint');
  }

  async #hello(hello: sworn.v1.Hello.$Properties): Promise<void> {
    if (this.#sender !== undefined) throw new Refusal('malformed', 'a second Hello');
    clearTimeout(this.#helloTimer);
    const agentId = hello.agentId ?? '';
    const host = hello.host ?? '';
    if (agentId !== this.#options.certificateName || agentId === '') {
      throw new Refusal('wrong_agent', `the certificate is of ${JSON.stringify(this.#options.certificateName)}`);
    }
    if (host.length > NAME_CHARACTERS_MAX) throw new Refusal('malformed', 'the name of the host is too long');
    const sender: Sender = { agentId, host };
    this.#sender = sender;
    const { claim, storedSeq } = await this.#options.takeOver(agentId, this);
    if (this.#ended) return;
    const asked = sealHelloOf(sender, hello);
    const { firstSeq } = asked;
    this.#log = await this.#options.seal.open(asked, storedSeq);
    if (this.#ended) return;
    this.#lastSeq = storedSeq;
    this.#storedSeq = storedSeq;
    if (firstSeq > storedSeq + 1) {
      // What lies between is gone for good. To refuse would lose the rest too: the hole becomes a row that says so.
      this.#missing = missingFor(sender, storedSeq, firstSeq, BigInt(Date.now()) * 1_000_000n);
      this.#lastSeq = firstSeq - 1;
      this.#options.metrics.activitiesMissing.add(firstSeq - 1 - storedSeq);
    }
    this.#options.admit(claim, this.#lastSeq, this);
    const { version, kernel } = hello;
    this.#options.log.info({ agent: agentId, host, version, kernel, storedSeq }, 'an agent has connected');
    const { batchBytesMax, seal } = this.#options;
    const point = this.#log?.point;
    const treeSubtrees = point?.size === this.#lastSeq ? [...point.subtrees] : [];
    this.#send({ welcome: { storedSeq: this.#lastSeq, batchBytesMax, sealKey: seal.keyLine, treeSubtrees } });
  }

  async #batch(batch: sworn.v1.Batch.$Properties): Promise<void> {
    const sender = this.#sender;
    if (sender === undefined) throw new Refusal('malformed', 'a batch came before Hello');
    const { metrics, budget, batchBytesMax, context } = this.#options;
    const span = spanOf(batch);
    const compressedBytes = batch.activitiesZstd?.length ?? 0;
    metrics.batchesReceived.add();
    metrics.batchBytes.add(compressedBytes);
    if (span.firstSeq > this.#lastSeq + 1) {
      throw new Refusal('gap', `the batch begins at ${span.firstSeq}; ${this.#lastSeq + 1} is next`, { retry: true });
    }
    const bytes = Math.min(batch.uncompressedBytes ?? 0, batchBytesMax);
    await this.#room(bytes);
    await budget.take(bytes);
    this.#bytesInFlight += bytes;
    metrics.bytesInFlight.set(budget.used);
    const release = () => {
      budget.give(bytes);
      this.#bytesInFlight -= bytes;
      metrics.bytesInFlight.set(budget.used);
      this.#wake?.();
    };
    try {
      if (this.#ended) return release();
      const inflated = await inflateBatch(batch, batchBytesMax);
      metrics.activityBytes.add(inflated.length);
      const read = await readBatch(inflated, span, this.#lastSeq, { ...context, sender });
      metrics.activitiesTrimmed.add(span.count - read.rows.rows);
      if (read.again.leaves.length > 0) await this.#compare(sender, read.again);
      if (this.#ended) return release();
      if (read.rows.rows === 0) {
        release();
        this.#send({ stored: { seq: this.#lastSeq } });
        return;
      }
      this.#lastSeq = read.lastSeq;
      const missing = this.#missing;
      this.#missing = undefined;
      this.#hand(sender, missing === undefined ? read : { ...read, own: [missing, ...read.own] }, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** What came again must be what is stored, not what an older disk or another journal has in its place. */
  async #compare(sender: Sender, { firstSeq, leaves }: { firstSeq: number; leaves: Buffer }): Promise<void> {
    while (this.#batchesInFlight > 0 && !this.#ended) await new Promise((resolve) => setTimeout(resolve, 5));
    if (!this.#ended) await this.#options.seal.compare(sender, firstSeq, leaves);
  }

  /** One is judged at a time; those that come meanwhile wait, with all that is behind them. */
  async #checkpoint(note: string): Promise<void> {
    if (this.#sender === undefined) throw new Refusal('malformed', 'a checkpoint came before Hello');
    const log = this.#log;
    if (log === undefined) throw new Refusal('malformed', 'a checkpoint of an agent that named no key');
    await this.#judging;
    if (this.#ended) return;
    this.#judging = this.#options.seal.judge(log, note, this.#lastSeq).then(
      (cosigned) => {
        if (cosigned !== undefined) this.#send({ cosigned: { note: cosigned } });
      },
      (error: unknown) => this.#refuse(refusalOf(error)),
    );
  }

  /** Where the agent's log stands, for people. */
  get cosigned(): { readonly size: number; readonly timeMs: number } | undefined {
    return this.#log?.cosigned;
  }

  /** Wait until this stream holds few enough bytes that more may come in. */
  async #room(bytes: number): Promise<void> {
    while (!this.#ended && this.#bytesInFlight > 0 && this.#bytesInFlight + bytes > this.#options.streamBytesMax) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
  }

  /** Batches are stored in order, so the tree grows in order; what it contradicts ends the stream. */
  #seal(log: AgentLog, { firstSeq, leaves }: Awaited<ReturnType<typeof readBatch>>): void {
    this.#options.seal.stored(log, firstSeq, leaves).catch((error: unknown) => this.#refuse(refusalOf(error)));
  }

  /** Give a batch to the writer, and its receipt to the agent when it is stored. */
  #hand(sender: Sender, batch: Awaited<ReturnType<typeof readBatch>>, release: () => void): void {
    const { metrics, write } = this.#options;
    this.#batchesInFlight += 1;
    write(sender, batch)
      .then(
        () => {
          this.#storedSeq = batch.lastSeq;
          if (this.#log !== undefined) this.#seal(this.#log, batch);
          metrics.activitiesStored.add(batch.rows.rows);
          metrics.agentLastSeq.set(batch.lastSeq, { agent: sender.agentId });
          metrics.agentLastTime.set(Date.now() / 1000, { agent: sender.agentId });
          this.#send({ stored: { seq: batch.lastSeq } });
        },
        (error: unknown) => this.#refuse(refusalOf(error)),
      )
      .finally(() => {
        release();
        this.#batchesInFlight -= 1;
        this.#checkDone();
      });
  }
}

/** Errors: Refusal `malformed` for numbers that are none. */
function sealHelloOf(sender: Sender, hello: sworn.v1.Hello.$Properties): SealHello {
  const [firstSeq, lastSeq, treeSize] = [hello.firstSeq, hello.lastSeq, hello.treeSize].map((one) => Number(one ?? 0));
  if (![firstSeq, lastSeq, treeSize].every(Number.isSafeInteger)) {
    throw new Refusal('malformed', 'Hello has a number that no record reaches');
  }
  return {
    ...sender,
    firstSeq: firstSeq as number,
    lastSeq: lastSeq as number,
    sealKey: hello.sealKey ?? '',
    checkpoint: hello.checkpoint ?? '',
    treeSize: treeSize as number,
    treeSubtrees: hello.treeSubtrees ?? [],
  };
}

/** Why a stream ends, for whatever went wrong. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof SealRefusal) return new Refusal(error.code, error.message, { retry: error.retry });
  if (error instanceof CollectorError && error.code === 'claim_lost') {
    const message = 'a newer stream of this agent came to another collector';
    return new Refusal('superseded', message, { retry: true, cause: error });
  }
  // Whatever failed on our side, the agent keeps its record and comes again.
  const why = error instanceof CollectorError ? error.code : 'internal';
  return new Refusal('store_unavailable', `not stored (${why}): ${describeError(error, 200)}`, {
    retry: true,
    cause: error,
  });
}
