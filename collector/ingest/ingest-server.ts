// SPDX-License-Identifier: Apache-2.0

/** The gRPC server that agents deliver to: mutual TLS, one stream at a time for each agent. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { CollectorError, describeError } from '../model/error.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import type { SealDesk } from '../seal/seal-desk.ts';
import type { Claim, EventStore } from '../store/event-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { BlockWriter, type StoredBlock } from './block-writer.ts';
import { ByteBudget } from './byte-budget.ts';
import { type DeliveryCall, DeliveryStream, type TakenOver } from './delivery-stream.ts';
import type { OwnActivity } from './own-record.ts';
import type { AgentPresence } from './presence.ts';
import { INGEST_SERVICE, Refusal } from './service.ts';

export interface IngestOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: { readonly certificatePem: string; readonly privateKeyPem: string; readonly caPem: string };
  readonly collectorId: string;
  readonly store: EventStore;
  readonly seal: SealDesk;
  readonly rules: RuleSet;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly batchBytesMax: number;
  readonly streamBytesMax: number;
  readonly totalBytesMax: number;
  readonly insertIntervalMs: number;
  readonly insertRetryMs: number;
  readonly watched: () => boolean;
  readonly onStored: (stored: StoredBlock) => void;
  /** After rows of the collector's own record are stored: their leaves, in order, from this seq on. */
  readonly onOwnStored?: (firstSeq: number, leaves: readonly Uint8Array[]) => void;
  readonly presence?: AgentPresence;
}

/** A batch in its message, compressed and with its frame, is hardly larger than what it holds. */
const MESSAGE_SLACK_BYTES = 1 << 20;
/** A peer that went away without a word is noticed after these two. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_ANSWER_MS = 10_000;
const SHUTDOWN_MS_MAX = 2_000;

export interface ConnectedAgent {
  readonly agentId: string;
  readonly connectedAt: Date;
  readonly storedSeq: number;
  /** The last checkpoint of its log that was cosigned. */
  readonly cosigned: { readonly size: number; readonly timeMs: number } | undefined;
}

export class IngestServer {
  readonly #options: IngestOptions;
  readonly #server: Server;
  readonly #writer: BlockWriter;
  readonly #budget: ByteBudget;
  readonly #streams = new Set<DeliveryStream>();
  readonly #byAgent = new Map<string, { stream: DeliveryStream; connectedAt: Date }>();
  #stopping = false;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#budget = new ByteBudget(options.totalBytesMax);
    this.#writer = new BlockWriter({
      store: options.store,
      metrics: options.metrics,
      log: options.log,
      collectorId: options.collectorId,
      intervalMs: options.insertIntervalMs,
      retryMs: options.insertRetryMs,
      onStored: options.onStored,
      ...(options.onOwnStored !== undefined && { onOwnStored: options.onOwnStored }),
    });
    this.#server = new Server({
      'grpc.max_receive_message_length': options.batchBytesMax + MESSAGE_SLACK_BYTES,
      'grpc.max_send_message_length': MESSAGE_SLACK_BYTES,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
      'grpc.max_concurrent_streams': 4,
    });
    this.#server.addService(INGEST_SERVICE, { Deliver: (call: DeliveryCall) => this.#accept(call) });
  }

  get agents(): readonly ConnectedAgent[] {
    return [...this.#byAgent].map(([agentId, { stream, connectedAt }]) => ({
      agentId,
      connectedAt,
      storedSeq: stream.storedSeq,
      cosigned: stream.cosigned,
    }));
  }

  /** Listen; resolves with the port. */
  start(): Promise<number> {
    const { host, port, tls } = this.#options;
    const credentials = ServerCredentials.createSsl(
      Buffer.from(tls.caPem),
      [{ private_key: Buffer.from(tls.privateKeyPem), cert_chain: Buffer.from(tls.certificatePem) }],
      true,
    );
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) => {
        if (error !== null) {
          reject(
            new CollectorError('config_invalid', `cannot listen on ${address}: ${describeError(error)}`, {
              cause: error,
            }),
          );
        } else {
          resolve(bound);
        }
      });
    });
  }

  /**
   * Write into the collector's own record. Resolves when it is in the store, with the seq of each.
   *
   * Errors   CollectorError; then none of them is stored
   */
  record(own: readonly OwnActivity[]): Promise<readonly number[]> {
    return this.#writer.record(own);
  }

  #accept(call: DeliveryCall): void {
    const { metrics, log, rules, store } = this.#options;
    const name: unknown = call.getAuthContext()?.sslPeerCertificate?.subject?.CN;
    const stream = new DeliveryStream({
      call,
      certificateName: typeof name === 'string' ? name : '',
      batchBytesMax: this.#options.batchBytesMax,
      streamBytesMax: this.#options.streamBytesMax,
      budget: this.#budget,
      metrics,
      log,
      context: { rules, newRows: () => store.newBatch(), watched: this.#options.watched },
      takeOver: (agentId, newer) => this.#takeOver(agentId, newer),
      admit: (claim, lastSeq, admitted) => this.#admit(claim, lastSeq, admitted),
      seal: this.#options.seal,
      write: async (sender, batch) => {
        this.#options.presence?.heard(sender.agentId);
        await this.#writer.write(sender, batch);
        this.#options.presence?.stored(sender.agentId, batch.lastSeq, batch.word);
      },
      onDone: (done) => this.#forget(done),
    });
    this.#streams.add(stream);
    if (this.#stopping) stream.refuse(new Refusal('store_unavailable', 'the collector is stopping', { retry: true }));
  }

  /** The newest stream of an agent is the one that counts; its seq is asked for when the older ones are done. */
  async #takeOver(agentId: string, newer: DeliveryStream): Promise<TakenOver> {
    this.#options.presence?.heard(agentId);
    if (agentId === this.#options.collectorId) {
      throw new Refusal('wrong_agent', "this is the collector's own name: nobody else writes its record");
    }
    const older = this.#byAgent.get(agentId)?.stream;
    this.#byAgent.set(agentId, { stream: newer, connectedAt: new Date() });
    this.#options.metrics.agentsConnected.set(this.#byAgent.size);
    if (older !== undefined) {
      older.refuse(new Refusal('superseded', 'a newer stream of this agent took its place'));
      await older.done;
    }
    const claim = await this.#options.store.claim(agentId);
    return { claim, storedSeq: await this.#options.store.highestSeq(agentId) };
  }

  #admit(claim: Claim, lastSeq: number, stream: DeliveryStream): void {
    // A still newer stream may have come while the store was asked; then this one has been refused already.
    if (this.#byAgent.get(claim.agentId)?.stream !== stream) return;
    this.#writer.admit(claim, lastSeq);
    if (stream.sender !== undefined) this.#options.presence?.connected(stream.sender, lastSeq);
  }

  #forget(stream: DeliveryStream): void {
    this.#streams.delete(stream);
    const { agentId } = stream;
    if (agentId !== undefined && this.#byAgent.get(agentId)?.stream === stream) {
      this.#byAgent.delete(agentId);
      this.#options.presence?.gone(agentId, stream.wasToldToComeAgain);
      this.#options.log.info({ agent: agentId }, 'an agent has gone');
    }
    this.#options.metrics.agentsConnected.set(this.#byAgent.size);
  }

  /** Take no more, store and acknowledge what is here, and close. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const draining = this.#writer.drain();
    await Promise.all([...this.#streams].map((stream) => stream.finish()));
    await draining;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, SHUTDOWN_MS_MAX);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
