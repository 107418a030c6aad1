// SPDX-License-Identifier: Apache-2.0

/** An agent's side of the stream, for tests and benchmarks: a real gRPC client over mutual TLS, and nothing clever. */
import { type ClientDuplexStream, credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { sworn } from '../../proto/record.ts';
import { INGEST_SERVICE } from '../ingest/service.ts';
import type { AgentCertificate } from '../trust/certificates.ts';

const IngestClient = makeGenericClientConstructor(INGEST_SERVICE, 'Ingest');
type Stream = ClientDuplexStream<Buffer, sworn.v1.Receipt>;

export interface Refused {
  readonly code: string;
  readonly message: string;
  readonly retry: boolean;
}

export class TestAgent {
  readonly agentId: string;
  readonly #client: InstanceType<typeof IngestClient>;
  readonly #stream: Stream;
  readonly #waiting: { seq: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly #welcome = Promise.withResolvers<{
    storedSeq: number;
    batchBytesMax: number;
    sealKey: string;
    treeSubtrees: Uint8Array[];
  }>();
  readonly #cosigned: string[] = [];
  #onCosigned: (() => void) | undefined;
  readonly #refused = Promise.withResolvers<Refused>();
  readonly #ended = Promise.withResolvers<Error | undefined>();
  storedSeq = 0;

  constructor(port: number, certificate: AgentCertificate) {
    this.agentId = certificate.agentId;
    const tls = credentials.createSsl(
      Buffer.from(certificate.caPem),
      Buffer.from(certificate.privateKeyPem),
      Buffer.from(certificate.certificatePem),
    );
    this.#client = new IngestClient(`127.0.0.1:${port}`, tls, {
      'grpc.max_send_message_length': -1,
      // Node takes no address as the name to ask for; the certificate has localhost too.
      'grpc.ssl_target_name_override': 'localhost',
    });
    this.#stream = (this.#client as unknown as { Deliver(): Stream }).Deliver();
    this.#stream.on('data', (receipt: sworn.v1.Receipt) => this.#receive(receipt));
    this.#stream.on('error', (error) => this.#end(error));
    this.#stream.on('end', () => this.#end(undefined));
    for (const promise of [this.#welcome.promise, this.#refused.promise]) promise.catch(() => {});
  }

  #receive(receipt: sworn.v1.Receipt): void {
    if (receipt.welcome != null) {
      this.storedSeq = Number(receipt.welcome.storedSeq);
      this.#welcome.resolve({
        storedSeq: this.storedSeq,
        batchBytesMax: receipt.welcome.batchBytesMax ?? 0,
        sealKey: receipt.welcome.sealKey ?? '',
        treeSubtrees: receipt.welcome.treeSubtrees ?? [],
      });
    } else if (receipt.stored != null) {
      this.storedSeq = Number(receipt.stored.seq);
      while (this.#waiting.length > 0 && this.#waiting[0]!.seq <= this.storedSeq) this.#waiting.shift()!.resolve();
    } else if (receipt.cosigned != null) {
      this.#cosigned.push(receipt.cosigned.note ?? '');
      this.#onCosigned?.();
    } else if (receipt.refused != null) {
      const { code, message, retry } = receipt.refused;
      this.#refused.resolve({ code: code ?? '', message: message ?? '', retry: retry ?? false });
    }
  }

  #end(error: Error | undefined): void {
    this.#ended.resolve(error);
    const gone = error ?? new Error('the stream has ended');
    this.#welcome.reject(gone);
    this.#refused.reject(gone);
    for (const { reject } of this.#waiting.splice(0)) reject(gone);
    this.#onCosigned?.();
  }

  /** Resolves with the highest seq that is stored. */
  async hello(fields: sworn.v1.Hello.$Properties = {}): Promise<number> {
    const hello = { agentId: this.agentId, host: `host-of-${this.agentId}`, version: 'test', ...fields };
    this.send(Buffer.from(sworn.v1.Delivery.encode({ hello }).finish()));
    return (await this.#welcome.promise).storedSeq;
  }

  get welcome(): Promise<{ storedSeq: number; batchBytesMax: number; sealKey: string; treeSubtrees: Uint8Array[] }> {
    return this.#welcome.promise;
  }

  /** Any bytes as one message; true while the stream takes more. */
  send(delivery: Buffer): boolean {
    return this.#stream.write(delivery);
  }

  /** Resolves when the stream takes more. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.#stream.once('drain', resolve));
  }

  /** Resolves when everything up to `seq` is stored. */
  stored(seq: number): Promise<void> {
    if (this.storedSeq >= seq) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ seq, resolve, reject }));
  }

  /** The next cosigned note, in order; undefined when the stream ends before one comes. */
  async cosigned(): Promise<string | undefined> {
    let isOver = false;
    void this.#ended.promise.then(() => {
      isOver = true;
    });
    while (this.#cosigned.length === 0 && !isOver) {
      await new Promise<void>((resolve) => {
        this.#onCosigned = resolve;
      });
    }
    return this.#cosigned.shift();
  }

  sendCheckpoint(note: string): void {
    this.send(Buffer.from(sworn.v1.Delivery.encode({ checkpoint: { note } }).finish()));
  }

  get refused(): Promise<Refused> {
    return this.#refused.promise;
  }

  /** Resolves when the stream is over, with the error that ended it. */
  get ended(): Promise<Error | undefined> {
    return this.#ended.promise;
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
