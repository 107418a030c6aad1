// SPDX-License-Identifier: Apache-2.0

/**
 * One connection to a PostgreSQL server. Puts the parts together: two message streams, the client's messages that become
 * requests, the server's that answer them.
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { Backend } from './backend.ts';
import { Conversation } from './conversation.ts';
import { isFromItsBeginning } from './detect.ts';
import { Frontend } from './frontend.ts';
import { readStartup } from './login.ts';
import { type MessageHandler, MessageStream } from './message-stream.ts';
import { Startup } from './messages.ts';

const ANSWER_SSL = 0x53;
const ANSWER_GSS = 0x47;
const ANSWER_NO = 0x4e;

export class PostgresDecoder implements Decoder {
  readonly #sink: DecoderSink;
  readonly #talk: Conversation;
  readonly #frontend: Frontend;
  readonly #backend: Backend;
  readonly #client: MessageStream;
  readonly #server: MessageStream;
  readonly #ended = { client: false, server: false };
  readonly counts: Readonly<Record<Side, ByteCounts>>;

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#sink = sink;
    this.#talk = new Conversation(bounds, sink);
    this.#frontend = new Frontend(this.#talk);
    this.#backend = new Backend(this.#talk);
    const isWhole = isFromItsBeginning(opening);
    this.#client = new MessageStream('client', bounds, this.#clientHandler(), isWhole ? 'startup' : 'lost');
    this.#server = new MessageStream('server', bounds, this.#serverHandler(), isWhole ? 'messages' : 'lost');
    this.#frontend.stream = this.#client;
    this.#backend.stream = this.#server;
    this.counts = { client: this.#client.counts, server: this.#server.counts };
  }

  get heldBytes(): number {
    return this.#client.heldBytes + this.#server.heldBytes + this.#talk.heldBytes + this.#backend.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    if (from === 'client') {
      this.#client.push(bytes, at);
      this.#talk.copyIn.flush();
    } else {
      this.#server.push(bytes, at);
      this.#talk.response.flush();
    }
  }

  gap(from: Side, missingBytes: number, _at: number): void {
    (from === 'client' ? this.#client : this.#server).gap(missingBytes);
  }

  end(from: Side, _at: number): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    (from === 'client' ? this.#client : this.#server).end();
    if (!this.#ended.client || !this.#ended.server) return;
    this.#talk.queue.giveOutAll(false);
    this.#talk.prepared.clear();
  }

  #clientHandler(): MessageHandler {
    const frontend = this.#frontend;
    return {
      message: (tag, bytes, start, end, isWhole) => frontend.message(tag, bytes, start, end, isWhole),
      beginLong: () => frontend.beginLong(),
      longPart: (bytes, start, end) => frontend.longPart(bytes, start, end),
      endLong: (missingBytes) => frontend.endLong(missingBytes),
      abandonLong: () => frontend.abandonLong(),
      startup: (bytes, start, end) => this.#startup(new ByteReader(bytes, start, end)),
      answer: () => false,
      tlsHello: () => this.#tlsHello(),
      lost: () => frontend.lost(),
      trouble: (reason, bytes) => this.#sink.trouble('client', reason, bytes),
    };
  }

  #serverHandler(): MessageHandler {
    const backend = this.#backend;
    return {
      message: (tag, bytes, start, end, isWhole) => backend.message(tag, bytes, start, end, isWhole),
      beginLong: (tag, bodyBytes) => backend.beginLong(tag, bodyBytes),
      longPart: (bytes, start, end) => backend.longPart(bytes, start, end),
      endLong: (missingBytes) => backend.endLong(missingBytes),
      abandonLong: () => backend.abandonLong(),
      startup: () => 'nothing',
      answer: (byte) => this.#answer(byte),
      tlsHello: () => false,
      lost: (missingBytes) => backend.lost(missingBytes),
      trouble: (reason, bytes) => this.#sink.trouble('server', reason, bytes),
    };
  }

  #startup(reader: ByteReader): 'messages' | 'startup' | 'nothing' {
    const code = reader.i32();
    const request = this.#frontend.login();
    switch (code) {
      case Startup.sslRequest:
      case Startup.gssEncRequest:
        this.#talk.encryptionAsked = code === Startup.sslRequest ? 'ssl' : 'gss';
        this.#server.awaitAnswer();
        if (request.openSteps === 0) this.#talk.deliver(request);
        return 'startup';
      case Startup.cancelRequest:
        // It has no reply: the server closes the connection, whether it found something to cancel or not.
        request.operation = 'CANCEL';
        request.setAttribute('backend_pid', String(reader.u32()));
        if (request.openSteps === 0) this.#talk.deliver(request);
        this.#talk.queue.giveOutAll(false);
        return 'nothing';
      default:
        readStartup(this.#talk, request, code, reader);
        if (request.openSteps === 0) this.#talk.deliver(request);
        return 'messages';
    }
  }

  /** The byte that answers a request for encryption; a server that does not know the request answers with an error. */
  #answer(byte: number): boolean {
    const talk = this.#talk;
    const asked = talk.encryptionAsked;
    talk.encryptionAsked = 'no';
    const head = talk.queue.head;
    if (asked === 'no' || head?.kind !== 'startup') return false;
    const isGranted = byte === (asked === 'ssl' ? ANSWER_SSL : ANSWER_GSS);
    if (!isGranted && byte !== ANSWER_NO) return false;
    head.request.addResponseBytes(1, this.#server.firstAt, this.#server.lastAt);
    if (isGranted) this.#handOver(asked, this.#server);
    else head.request.setAttribute(asked, 'refused');
    return true;
  }

  /** The client goes on in TLS though the answer that allows it was not seen. */
  #tlsHello(): boolean {
    if (this.#talk.encryptionAsked !== 'ssl') return false;
    this.#handOver('ssl', this.#client);
    return true;
  }

  #handOver(asked: 'ssl' | 'gss', by: MessageStream): void {
    const { queue, prepared } = this.#talk;
    const request = queue.head?.request;
    if (request !== undefined) {
      request.operation = asked === 'ssl' ? 'SSL REQUEST' : 'GSSENC REQUEST';
      request.outcome = 'ok';
    }
    queue.giveOutAll(false);
    prepared.clear();
    this.#client.stop();
    this.#server.stop();
    this.#sink.handover(asked === 'ssl' ? 'tls' : 'gssapi', by.usedBytes);
  }
}
