// SPDX-License-Identifier: Apache-2.0

/** Messages of SSH, in the order in which they passed: who logged in, what was run, what was said. See README.md. */
import { ByteReader } from '../bytes/byte-reader.ts';
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import { Channels } from './channels.ts';
import { ConnectionFacts } from './connection-facts.ts';
import { exchangeOf, type WireBytes } from './draft.ts';
import { FrameReader } from './frame-reader.ts';
import { GlobalRequests } from './global-requests.ts';
import { Login } from './login.ts';

const VERSION = Buffer.from('SSH-');

export class SshDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>> = {
    client: { decoded: 0, notUnderstood: 0, cut: 0 },
    server: { decoded: 0, notUnderstood: 0, cut: 0 },
  };
  readonly #sink: DecoderSink;
  readonly #frames: Readonly<Record<Side, FrameReader>>;
  readonly #facts = new ConnectionFacts();
  /** Of the connection as a whole, until an exchange takes them. */
  readonly #wire: WireBytes = { client: 0, server: 0 };
  readonly #login: Login;
  readonly #channels: Channels;
  readonly #requests: GlobalRequests;
  readonly #ended = { client: false, server: false };
  #disconnect = '';

  constructor(bounds: DecoderBounds, sink: DecoderSink) {
    this.#sink = sink;
    this.#frames = { client: this.#reader('client', bounds), server: this.#reader('server', bounds) };
    this.#login = new Login(this.#facts, sink, this.#wire);
    this.#channels = new Channels(bounds, this.#facts, sink, this.counts);
    this.#requests = new GlobalRequests(this.#facts, sink, this.#wire);
  }

  get heldBytes(): number {
    return this.#frames.client.heldBytes + this.#frames.server.heldBytes + this.#channels.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    this.#frames[from].push(bytes, at);
  }

  gap(from: Side, missingBytes: number, at: number): void {
    this.#frames[from].gap();
    this.#channels.gap(from, missingBytes, at);
    this.#sink.trouble(from, 'gap_in_messages', missingBytes);
  }

  end(from: Side, at: number): void {
    this.#frames[from].end();
    this.#ended[from] = true;
    if (!this.#ended.client || !this.#ended.server) return;
    this.#login.end(at, this.#disconnect);
    this.#channels.end(at);
    this.#requests.end();
    if (this.#wire.client + this.#wire.server === 0) return;
    const labels = { requestAt: at, requestEndAt: at };
    const rest = { operation: 'transport', target: this.#facts.user, resource: '', statement: '', routine: true };
    const attributes = { ...this.#facts.attributes, disconnect: this.#disconnect };
    this.#sink.exchange(exchangeOf({ ...rest, ...labels, status: 'ok', attributes }, this.#wire));
  }

  #reader(side: Side, { pendingBytesMax }: DecoderBounds): FrameReader {
    return new FrameReader(this.counts[side], pendingBytesMax, {
      frame: (message, wireBytes, startAt, endAt) => this.#frame(side, message, wireBytes, startAt, endAt),
      trouble: (reason, bytes) => this.#sink.trouble(side, reason, bytes),
    });
  }

  #frame(from: Side, message: Buffer, wireBytes: number, startAt: number, endAt: number): void {
    const number = message[0] as number;
    if (number >= 90 && number <= 100) {
      if (this.#channels.message(from, message, wireBytes, startAt, endAt)) return;
      this.counts[from].notUnderstood += wireBytes;
      this.#sink.trouble(from, 'unknown_channel', wireBytes);
      return;
    }
    this.counts[from].decoded += wireBytes;
    this.#wire[from] += wireBytes;
    if (!this.#read(from, number, message, startAt, endAt)) this.#sink.trouble(from, 'message_short', 0);
  }

  /** Returns whether it was whole. */
  #read(from: Side, number: number, message: Buffer, startAt: number, endAt: number): boolean {
    const isClient = from === 'client';
    if (number === 1) return this.#disconnected(from, message);
    if (number === 20) this.#facts.offered(from, message);
    else if (number >= 30 && number <= 49) {
      if (!isClient) this.#facts.keyExchange(message);
    } else if (number === 50 && isClient) return this.#login.request(message, startAt, endAt);
    else if (number === 51 && !isClient) return this.#login.failed(message, endAt);
    else if (number === 52 && !isClient) this.#login.succeeded(endAt);
    else if (number === 53 && !isClient) this.#login.banner(message);
    else if (number >= 60 && number <= 79) this.#login.ofMethod(isClient, message, endAt);
    else if (number === 80) return this.#requests.request(from, message, startAt, endAt);
    else if (number === 81 || number === 82) this.#requests.answered(from, message, endAt);
    else if (number === VERSION[0] && message.subarray(0, 4).equals(VERSION)) this.#facts.version(from, message);
    else if (number > 7 && number !== 21) this.#sink.trouble(from, 'unknown_message', 0);
    return true;
  }

  #disconnected(from: Side, message: Buffer): boolean {
    const reader = new ByteReader(message, 1);
    const code = reader.u32();
    this.#disconnect = `${from}: ${code} ${reader.text(Math.min(reader.u32(), 1024))}`;
    return !reader.short;
  }
}
