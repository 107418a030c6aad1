// SPDX-License-Identifier: Apache-2.0

/**
 * TLS without a proxy: ciphertext of both directions and the secrets of the connection go in, plaintext comes out, each
 * record proved by its tag. What cannot be read is told, byte for byte.
 *
 * Both directions stand in one queue. A record whose secret is not there yet makes everything behind it wait, so that
 * what comes out has the order in which it passed the socket: a client's library derives the server's secret only after
 * the first records under it were already captured. Time and memory bound the wait.
 *
 * No socket, no clock, no logger: `at` is a time in nanoseconds that the caller puts on bytes.
 */
import type { Side } from '../protocol/decoder.ts';
import { type Arrival, Arrivals } from './arrivals.ts';
import type { Direction, TlsCounts } from './direction.ts';
import { Tried } from './key-search.ts';
import type { TlsDescription } from './negotiation.ts';
import { Output, type TlsSink, type UnreadableReason } from './output.ts';
import { Chunk } from './record-framer.ts';
import type { SecretStore } from './secret-store.ts';
import { TlsConnection } from './tls-connection.ts';

export type { TlsCounts } from './direction.ts';
export type { TlsDescription } from './negotiation.ts';
export type { TlsSink, UnreadableReason } from './output.ts';

export interface TlsLayerOptions {
  /** The first bytes of the connection were not seen. */
  readonly late: boolean;
  /** A secret is derived within microseconds of the record that needs it; its way to the agent may be slow. */
  readonly waitNs?: number;
  /** Ciphertext that waits, and what its keeping costs. */
  readonly waitBytesMax?: number;
}

const WAIT_NS = 5e9;
const WAIT_BYTES_MAX = 1024 * 1024;

export class TlsLayer {
  readonly #connection: TlsConnection;
  readonly #output: Output;
  readonly #waiting = new Arrivals();
  /** Early data, until the server says whether it takes it. */
  readonly #early = new Arrivals();
  readonly #waitNs: number;
  readonly #waitBytesMax: number;
  #ended = false;
  /** The head of the queue was tried, and waits. */
  #blocked = false;

  constructor(sink: TlsSink, secrets: SecretStore, options: TlsLayerOptions) {
    this.#output = new Output(sink);
    this.#connection = new TlsConnection(secrets, this.#output);
    this.#waitNs = options.waitNs ?? WAIT_NS;
    this.#waitBytesMax = options.waitBytesMax ?? WAIT_BYTES_MAX;
    if (!options.late) return;
    for (const direction of this.#directions) {
      direction.epoch = 'application';
      this.#connection.seeking.begin(direction, 'joined_late', false);
    }
  }

  get description(): TlsDescription {
    return this.#connection.negotiation.describe();
  }

  /** Bounded: by `waitBytesMax`, and for each side by a record or two and an unfinished handshake message. */
  get heldBytes(): number {
    let held = this.#waiting.heldBytes + this.#early.heldBytes;
    for (const { framer, messages } of this.#directions) held += framer.memoryBytes + messages.heldBytes;
    return held;
  }

  /** Since when something waits for a secret, or for the server's word on early data. */
  get waitingSince(): number | undefined {
    return this.#waiting.head?.at ?? this.#early.head?.at;
  }

  counts(side: Side): TlsCounts {
    return this.#connection.directions[side].counts;
  }

  /** Bytes that `from` sent next. Keeps copies only. Never throws, whatever they are. */
  push(from: Side, bytes: Uint8Array, at: number): void {
    if (this.#ended) return;
    const of = this.#connection.directions[from];
    this.#connection.search.arrived(bytes.length, at);
    if (this.#waiting.empty) {
      this.#blocked = false;
      this.#read(of, new Chunk(bytes), at);
      if (!this.#blocked) this.#drain();
    } else if (bytes.length > 0) {
      this.#waiting.push({ kind: 'bytes', of, bytes: Buffer.from(bytes), at });
    }
    this.#holdToBound();
    this.#output.flush();
  }

  /** `missingBytes` of ciphertext that `from` sent next were never captured. */
  gap(from: Side, missingBytes: number, at: number): void {
    if (this.#ended || missingBytes <= 0) return;
    const of = this.#connection.directions[from];
    if (this.#waiting.empty) this.#missed(of, missingBytes, at);
    else this.#waiting.push({ kind: 'gap', of, missingBytes, at });
    this.#holdToBound();
    this.#output.flush();
  }

  /** New secrets are in the store: what waits is tried. Who only seeks sees them by itself. */
  secretsChanged(_at: number): void {
    if (this.#ended) return;
    this.#connection.search.secretsChanged();
    this.#drain();
    this.#output.flush();
  }

  /** What has waited for longer than `waitNs` becomes unreadable; what stood behind it goes on. Call it once a second. */
  expire(now: number): void {
    if (this.#ended) return;
    // What another connection has proved of the session meanwhile, nobody told this one.
    this.#drain();
    while (!this.#waiting.empty && now - this.#waiting.head!.at > this.#waitNs) this.#giveUp('no_secret');
    if (!this.#early.empty && now - this.#early.head!.at > this.#waitNs) this.#giveUpEarlyData('no_secret');
    this.#output.flush();
  }

  /** No more of either side. Everything is told, and every secret and key that was taken is filled with zeros. */
  end(at: number): void {
    if (this.#ended) return;
    while (!this.#waiting.empty || !this.#early.empty) {
      if (this.#waiting.empty) this.#giveUpEarlyData('no_secret');
      else this.#giveUp('no_secret');
    }
    for (const of of this.#directions) {
      this.#output.unreadable(of, of.losses === undefined ? 'record_incomplete' : of.reason, of.framer.end(), at);
      this.#connection.seeking.end(of, at);
    }
    this.#output.flush();
    this.#connection.end();
    this.#ended = true;
  }

  get #directions(): readonly Direction[] {
    const { client, server } = this.#connection.directions;
    return [client, server];
  }

  /** Reads the chunk; what stands behind a record that has to wait is put in the queue's front with it. */
  #read(of: Direction, chunk: Chunk, at: number): void {
    const { framer } = of;
    for (;;) {
      if (of.dead !== undefined) {
        this.#output.unreadable(of, of.dead, framer.end() + chunk.remaining, at);
        return;
      }
      const framed = framer.next(chunk);
      switch (framed.kind) {
        case 'need-more':
          return;
        case 'record':
          if (this.#record(of, framed.record, at, of.cipher === undefined ? new Tried() : NONE, chunk)) break;
          return;
        case 'candidate':
          if (!this.#connection.seeking.candidate(of, framed.record, framed.before, at)) framer.refuse();
          else chunk = chunk.after(framer.accept(framed.record.length));
          if (!this.#releaseEarlyData(of, chunk, at)) break;
          return;
        case 'passed':
          this.#connection.seeking.passed(of, framed.bytes, framed.type, at);
          break;
        case 'skipped':
          this.#connection.seeking.skipped(of, framed.bytes, at);
          break;
        case 'remnant':
          this.#output.unreadable(of, 'record_incomplete', framed.bytes, at);
          break;
        case 'no-header':
          if (of.untouched) of.dead = 'not_tls';
          else this.#connection.seeking.begin(of, 'record_damaged', false);
          break;
      }
    }
  }

  /** Returns whether to go on with what follows in the chunk; if not, it is in the queue. */
  #record(of: Direction, record: Buffer, at: number, tried: Tried, chunk: Chunk, waiting?: Arrival): boolean {
    const outcome = this.#connection.record(of, record, at, tried);
    if (outcome === 'set-aside') this.#early.push({ kind: 'record', of, bytes: Buffer.from(record), at, tried });
    if (outcome === 'wait') {
      this.#blocked = true;
      const arrival = waiting ?? { kind: 'record', of, bytes: Buffer.from(record), at, tried };
      this.#waiting.putBack(arrival, ...rest(of, chunk, at));
      return false;
    }
    return !this.#releaseEarlyData(of, chunk, at);
  }

  /** The server has spoken: early data comes before all else, read or refused. */
  #releaseEarlyData(of: Direction, chunk: Chunk, at: number): boolean {
    const { earlyData } = this.#connection.negotiation;
    if (this.#early.empty || earlyData === 'open') return false;
    const early = this.#early.takeAll();
    if (earlyData === 'accepted') {
      this.#waiting.putBack(...early, ...rest(of, chunk, at));
      return true;
    }
    for (const arrival of early) this.#unread(arrival, 'early_data_rejected');
    return false;
  }

  #missed(of: Direction, missingBytes: number, at: number): void {
    if (of.dead === undefined) this.#connection.seeking.missed(of, missingBytes, at);
    else this.#output.gap(of, missingBytes, at);
  }

  /** Reads what waits, until a record has to wait on. */
  #drain(): void {
    this.#blocked = false;
    while (!this.#blocked) {
      const arrival = this.#waiting.shift();
      if (arrival === undefined) return;
      const { of, at } = arrival;
      if (arrival.kind === 'gap') this.#missed(of, arrival.missingBytes, at);
      else if (arrival.kind === 'bytes') this.#read(of, new Chunk(arrival.bytes), at);
      else if (of.dead !== undefined) this.#unread(arrival, of.dead);
      else this.#record(of, arrival.bytes, at, arrival.tried, NO_CHUNK, arrival);
    }
  }

  /** The head of the queue is not waited for any longer. */
  #giveUp(reason: 'no_secret' | 'memory_bound'): void {
    const head = this.#waiting.shift();
    if (head?.kind === 'record') {
      const untried = reason === 'no_secret' && head.tried.isUnfinished;
      this.#connection.refuse(head.of, head.bytes, head.at, untried ? 'trials_exhausted' : reason);
      const { client, server } = this.#connection.directions;
      if (head.of === server && client.epoch === 'plain') this.#giveUpEarlyData(reason);
    }
    this.#drain();
  }

  #giveUpEarlyData(reason: 'no_secret' | 'memory_bound'): void {
    for (const arrival of this.#early.takeAll()) this.#unread(arrival, reason);
    this.#connection.giveUpEarlyData();
  }

  #holdToBound(): void {
    while (this.#waiting.heldBytes + this.#early.heldBytes > this.#waitBytesMax) {
      if (this.#waiting.empty) this.#giveUpEarlyData('memory_bound');
      else this.#giveUp('memory_bound');
    }
  }

  #unread(arrival: Arrival, reason: UnreadableReason): void {
    if (arrival.kind !== 'gap') this.#output.unreadable(arrival.of, reason, arrival.bytes.length, arrival.at);
  }
}

/** A record whose key is there is tried with no other. */
const NONE = new Tried();
const NO_CHUNK = new Chunk(Buffer.alloc(0));

function rest(of: Direction, chunk: Chunk, at: number): readonly Arrival[] {
  return chunk.remaining === 0 ? [] : [{ kind: 'bytes', of, bytes: Buffer.from(chunk.bytes.subarray(chunk.at)), at }];
}
