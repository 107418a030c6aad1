// SPDX-License-Identifier: Apache-2.0

/**
 * For tests: a collector that keeps its store in memory. It proves what it is sent as a real one may (numbers without a hole,
 * leaves that are those of the content) and can be told to be slow, to refuse, to forget to answer, and to go away.
 */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { formatCheckpoint, parseCheckpoint } from '../../../proto/log/checkpoint.ts';
import { MerkleFrontier } from '../../../proto/log/merkle.ts';
import {
  createVerifier,
  formatNote,
  formatVerifier,
  openNote,
  parseNote,
  parseVerifier,
  signText,
} from '../../../proto/log/note.ts';
import { sworn } from '../../../proto/record.ts';
import { type Decoded, decodeBatch } from '../../journal/reading-back.ts';
import type { Authority, Identity } from './test-certificates.ts';

const inflate = promisify(zstdDecompress);

type Call = ServerDuplexStream<Buffer, sworn.v1.Receipt.$Properties>;

export interface Behaviour {
  /** Before a batch is stored, and between that and its receipt. */
  storeDelayMs: number;
  receiptDelayMs: number;
  /** Sent instead of the next receipt. */
  refusal: sworn.v1.Refused.$Properties | undefined;
  /** Sent instead of Welcome. */
  helloRefusal: sworn.v1.Refused.$Properties | undefined;
  /** Says nothing to Hello. */
  ignoresHello: boolean;
  batchBytesMax: number;
  /** Cosigns checkpoints, as `sworn/NAME`; undefined: knows nothing of seals. */
  cosignsAs: string | undefined;
  /** The next cosignature is not given, changed, or kept in `held` for later. */
  cosigning: 'well' | 'never' | 'wrongly' | 'later';
  /** Welcome has the tree over what is stored. */
  showsTree: boolean;
}

export class CollectorStandIn {
  readonly behaviour: Behaviour = {
    storeDelayMs: 0,
    receiptDelayMs: 0,
    refusal: undefined,
    helloRefusal: undefined,
    ignoresHello: false,
    batchBytesMax: 0,
    cosignsAs: undefined,
    cosigning: 'well',
    showsTree: false,
  };
  key = generateKeyPairSync('ed25519').privateKey;
  /** Sizes of checkpoints that were proved against what is stored, and cosigned. */
  readonly cosigned: number[] = [];
  /** Each gives one cosignature that was kept back. */
  readonly held: (() => void)[] = [];
  /** Roots that were not those of what is stored. */
  forks = 0;
  /** By agent: entries 1, 2, 3, … */
  readonly stored = new Map<string, Decoded[]>();
  readonly hellos: sworn.v1.Hello[] = [];
  batches = 0;
  /** Batches that began before what was stored: sent again. */
  repeated = 0;
  /** The most bytes that were received and not yet acknowledged. */
  unacknowledgedMost = 0;
  #unacknowledged = 0;
  #server: Server | undefined;
  #port = 0;
  readonly #calls = new Set<Call>();

  async listen(identity: Identity, authority: Authority): Promise<number> {
    const server = new Server({ 'grpc.max_receive_message_length': 64 << 20 });
    const cert_chain = Buffer.from(identity.cert);
    const private_key = Buffer.from(identity.key);
    server.addService(
      {
        Deliver: {
          path: '/sworn.v1.Ingest/Deliver',
          requestStream: true,
          responseStream: true,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (receipt: sworn.v1.Receipt.$Properties) =>
            Buffer.from(sworn.v1.Receipt.encode(receipt).finish()),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      { Deliver: (call: Call) => this.#serve(call) },
    );
    const credentials = ServerCredentials.createSsl(Buffer.from(authority.cert), [{ cert_chain, private_key }], true);
    this.#port = await promisify(server.bindAsync.bind(server))(`127.0.0.1:${this.#port}`, credentials);
    this.#server = server;
    return this.#port;
  }

  /** Gone at once, with all connections; what is stored stays. `listen` brings it back at the same port. */
  die(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#calls.clear();
    this.#unacknowledged = 0;
  }

  of(agentId: string): Decoded[] {
    const known = this.stored.get(agentId) ?? [];
    this.stored.set(agentId, known);
    return known;
  }

  #serve(call: Call): void {
    this.#calls.add(call);
    let work = Promise.resolve();
    let sender: sworn.v1.Hello | undefined;
    const commonName = (call.getAuthContext().sslPeerCertificate?.subject as { CN?: string } | undefined)?.CN;
    const isOpen = () => this.#calls.has(call);
    call.on('data', (bytes: Buffer) => {
      // One after the other, as a store would.
      work = work.then(async () => {
        if (!isOpen()) return;
        const { hello, batch, checkpoint } = sworn.v1.Delivery.decode(bytes);
        if (hello != null) {
          assert.equal(hello.agentId, commonName);
          sender = sworn.v1.Hello.decode(sworn.v1.Hello.encode(hello).finish());
          this.hellos.push(sender);
          this.#welcome(call, sender.agentId);
        } else if (batch != null && sender !== undefined) {
          await this.#store(call, sender, batch, isOpen);
        } else if (checkpoint != null && sender !== undefined) {
          this.#cosign(call, sender, checkpoint.note ?? '');
        }
      });
      work.catch((error: unknown) => call.destroy(error as Error));
    });
    const close = () => {
      this.#calls.delete(call);
      call.end();
    };
    call.on('end', close);
    call.on('error', close);
    call.on('cancelled', close);
  }

  #welcome(call: Call, agentId: string): void {
    const { helloRefusal, ignoresHello, batchBytesMax } = this.behaviour;
    if (ignoresHello) return;
    if (helloRefusal !== undefined) this.#refuse(call, helloRefusal);
    else {
      const storedSeq = this.of(agentId).length;
      const treeSubtrees = this.behaviour.showsTree ? this.#treeAt(agentId, storedSeq).subtrees : [];
      call.write({ welcome: { storedSeq, batchBytesMax, sealKey: this.sealKey, treeSubtrees } });
    }
  }

  get sealKey(): string {
    const { cosignsAs } = this.behaviour;
    return cosignsAs === undefined
      ? ''
      : formatVerifier(createVerifier(`sworn/${cosignsAs}`, createPublicKey(this.key), 'cosignature'));
  }

  /** The tree over what is stored, made anew each time. */
  rootAt(agentId: string, size: number): Buffer {
    return this.#treeAt(agentId, size).root();
  }

  #treeAt(agentId: string, size: number): MerkleFrontier {
    const frontier = new MerkleFrontier();
    for (const { leaf } of this.of(agentId).slice(0, size)) frontier.append(leaf);
    return frontier;
  }

  #cosign(call: Call, sender: sworn.v1.Hello, bytes: string): void {
    const { cosignsAs, cosigning } = this.behaviour;
    assert.ok(cosignsAs !== undefined, 'a checkpoint for a collector that did not ask for any');
    const note = parseNote(bytes);
    assert.equal(openNote(note, [parseVerifier(sender.sealKey)]).length, 1);
    const { origin, size, root, extensions } = parseCheckpoint(note.text);
    assert.deepEqual([origin, extensions], [`sworn/${sender.agentId}`, []]);
    assert.equal(size, this.of(sender.agentId).length, 'a checkpoint that does not end where a batch ended');
    if (!root.equals(this.rootAt(sender.agentId, size))) {
      this.forks += 1;
      this.#refuse(call, { code: 'forked', message: `another root at ${size}`, retry: false });
      return;
    }
    if (cosigning === 'never') return;
    const text = cosigning === 'wrongly' ? formatCheckpoint({ origin, size: size + 1, root, extensions }) : note.text;
    const signature = signText(text, `sworn/${cosignsAs}`, this.key, Math.floor(Date.now() / 1000));
    const answer = () => {
      this.cosigned.push(size);
      call.write({ cosigned: { note: formatNote({ text, signatures: [...note.signatures, signature] }) } });
    };
    if (cosigning === 'later') this.held.push(answer);
    else answer();
  }

  async #store(
    call: Call,
    sender: sworn.v1.Hello,
    batch: sworn.v1.Batch.$Properties,
    isOpen: () => boolean,
  ): Promise<void> {
    const bytes = await inflate(batch.activitiesZstd!);
    assert.equal(bytes.length, batch.uncompressedBytes);
    this.#unacknowledged += bytes.length;
    this.unacknowledgedMost = Math.max(this.unacknowledgedMost, this.#unacknowledged);
    await pause(this.behaviour.storeDelayMs);
    if (!isOpen()) return;
    const firstSeq = Number(batch.firstSeq);
    const activities = decodeBatch({ firstSeq, count: batch.count!, bytes, host: sender.host }, sender.agentId);
    const stored = this.of(sender.agentId);
    if (firstSeq > stored.length + 1) {
      this.#refuse(call, { code: 'gap', message: `${stored.length + 1} is next, not ${firstSeq}`, retry: true });
      return;
    }
    if (firstSeq <= stored.length) this.repeated += 1;
    this.batches += 1;
    stored.push(...activities.slice(stored.length + 1 - firstSeq));
    await pause(this.behaviour.receiptDelayMs);
    this.#unacknowledged -= bytes.length;
    if (!isOpen()) return;
    const { refusal } = this.behaviour;
    if (refusal === undefined) call.write({ stored: { seq: stored.length } });
    else this.#refuse(call, refusal);
  }

  #refuse(call: Call, refused: sworn.v1.Refused.$Properties): void {
    this.behaviour.refusal = undefined;
    call.write({ refused });
    this.#calls.delete(call);
    call.end();
  }
}

function pause(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
