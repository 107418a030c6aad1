// SPDX-License-Identifier: Apache-2.0

import { PayloadWriter } from '../bytes/payload-writer.ts';
/**
 * One connection to a Redis or Valkey server: the client's commands, the server's replies, and what it says unasked.
 *
 * Replies come in the order of the commands, pushes between them. A command in a transaction is answered twice: it was
 * queued, and what became of it, in the reply of EXEC; it comes out with the second.
 */
import { carriedCredential, LOGIN_WITHOUT_TOKEN } from '../carried-credential.ts';
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { type Command, CommandReader } from './command-reader.ts';
import { isFromItsBeginning } from './detect.ts';
import { Pushes } from './pushes.ts';
import { requestOf } from './read-request.ts';
import { type Reply, ReplyReader } from './reply-reader.ts';
import type { Request } from './request.ts';
import { RequestQueue } from './request-queue.ts';
import { RespStream } from './resp-stream.ts';
import { Session } from './session.ts';
import { Transaction } from './transaction.ts';

/** Behind these the server sends its data and its log, and no replies. */
const REPLICATION: ReadonlySet<string> = new Set(['psync', 'sync']);

export class RedisDecoder implements Decoder {
  readonly #sink: DecoderSink;
  readonly #bounds: DecoderBounds;
  readonly #session: Session;
  readonly #queue: RequestQueue;
  readonly #transaction: Transaction;
  readonly #pushes: Pushes;
  readonly #response: PayloadWriter;
  readonly #commands: CommandReader;
  readonly #replies: ReplyReader;
  readonly #client: RespStream;
  readonly #server: RespStream;
  readonly #ended = { client: false, server: false };
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  /** Replies were lost; the next command of the client tells where the next begins. */
  #areRepliesLost = false;

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#sink = sink;
    this.#bounds = bounds;
    const isWhole = isFromItsBeginning(opening);
    this.#session = new Session(isWhole);
    const give = (request: Request): void => this.#give(request);
    this.#queue = new RequestQueue(bounds.pipelineMax, give);
    this.#transaction = new Transaction(give);
    this.#pushes = new Pushes(this.#session, this.#queue, give);
    this.#response = new PayloadWriter(bounds.responseBytesMax);
    this.#commands = new CommandReader(bounds.requestBytesMax, {
      command: (command) => this.#command(command),
      willHold: (bytes) => this.#makeRoom(bytes),
      lost: () => this.#clientLost(),
      trouble: (reason, bytes) => sink.trouble('client', reason, bytes),
    });
    this.#replies = new ReplyReader(this.#response, {
      begin: () => this.#queue.replySecrets,
      reply: (reply) => this.#reply(reply),
      lost: () => this.#serverLost(),
      trouble: (reason, bytes) => sink.trouble('server', reason, bytes),
    });
    this.#client = new RespStream('client', this.#commands, isWhole);
    this.#server = new RespStream('server', this.#replies, isWhole);
    this.#commands.stream = this.#client;
    this.#replies.stream = this.#server;
    this.#areRepliesLost = !isWhole;
    this.counts = { client: this.#client.counts, server: this.#server.counts };
  }

  get heldBytes(): number {
    const streams = this.#client.heldBytes + this.#server.heldBytes;
    const readers = this.#commands.heldBytes + this.#replies.heldBytes + this.#response.heldBytes;
    return streams + readers + this.#queue.heldBytes + this.#transaction.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    (from === 'client' ? this.#client : this.#server).push(bytes, at);
    this.#response.flush();
  }

  gap(from: Side, missingBytes: number, _at: number): void {
    (from === 'client' ? this.#client : this.#server).gap(missingBytes);
  }

  end(from: Side, _at: number): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    if (from === 'server') this.#endReply();
    (from === 'client' ? this.#client : this.#server).end();
    if (from === 'client') this.#commands.reset();
    if (this.#ended.client && this.#ended.server) this.#giveOutAll();
  }

  #command(command: Command): void {
    const session = this.#session;
    this.#resumeReplies();
    const request = requestOf(command, session, this.#bounds.requestBytesMax);
    request.requestBytes = this.#client.valueBytes;
    request.requestAt = this.#client.firstAt;
    request.requestEndAt = this.#client.lastAt;
    const { password } = request;
    if (password !== undefined) {
      this.#sink.credential({ kind: 'redis-auth', secret: password, reach: 'connection', at: this.#client.lastAt });
      request.credential = carriedCredential('redis-auth', password, 'connection');
      request.password = undefined;
    } else if (request.name === 'reset' || request.attributes['auth_user'] !== undefined) {
      request.credential = LOGIN_WITHOUT_TOKEN;
    }
    if (REPLICATION.has(request.name)) this.#handOver(request);
    else if (this.#hasNoReply(request)) this.#give(request);
    else {
      if (!this.#queue.isEmpty) session.hasPipelined = true;
      this.#queue.push(request);
    }
  }

  /** What CLIENT REPLY asks for holds for itself already. */
  #hasNoReply(request: Request): boolean {
    const session = this.#session;
    if (request.name === 'client|reply') {
      const mode = request.resource.toLowerCase();
      if (mode === 'on') session.replies = 'on';
      else if (mode === 'off') session.replies = 'off';
      else if (mode === 'skip' && session.replies === 'on') session.replies = 'skip-next';
      if (mode !== 'off' && mode !== 'skip') return false;
    } else if (session.replies === 'on') {
      return false;
    } else if (session.replies === 'skip-next') {
      session.replies = 'on';
    }
    request.attributes['reply'] = 'off';
    return true;
  }

  #reply(reply: Reply): void {
    const stream = this.#server;
    const response = this.#response.take();
    const arrived = { response, bytes: stream.valueBytes, firstAt: stream.firstAt, lastAt: stream.lastAt };
    if (this.#pushes.take(reply, arrived)) return;
    const request = this.#queue.shift();
    if (request === undefined) {
      this.#pushes.giveUnasked(reply, arrived);
      return;
    }
    request.addResponse(arrived.bytes, arrived.firstAt, arrived.lastAt);
    request.response = response;
    if (this.#session.isUncertain && this.#session.hasPipelined) request.attributes['reply_uncertain'] = 'true';
    settle(request, reply);
    if (request.status === 'ok') request.onSuccess?.(this.#session);
    if (!this.#transaction.take(request, reply, this.#session)) this.#give(request);
    else this.#makeRoom(this.#commands.heldBytes);
  }

  /** The last reply was not whole when the connection ended. */
  #endReply(): void {
    if (!this.#replies.hasBegun || this.#server.valueBytes === 0) return;
    const request = this.#queue.shift();
    if (request === undefined) return;
    const cutBytes = this.#response.droppedBytes;
    request.addResponse(this.#server.valueBytes, this.#server.firstAt, this.#server.lastAt);
    request.response = this.#response.take();
    request.isTruncated = true;
    request.attributes['response_incomplete'] = 'true';
    this.#server.settle(cutBytes);
    this.#give(request);
  }

  #give(request: Request): void {
    this.#sink.exchange(request.toExchange(this.#session));
  }

  #giveOutAll(): void {
    this.#transaction.giveOutAll();
    this.#queue.giveOutAll();
    this.#response.take();
    this.#replies.reset();
  }

  /** `bytes` will be held for a command: what waits makes room. */
  #makeRoom(bytes: number): void {
    const bytesMax = 2 * this.#bounds.requestBytesMax;
    while (!this.#transaction.isEmpty && bytes + this.#waitingBytes > bytesMax) this.#transaction.giveOutFirst();
    while (!this.#queue.isEmpty && bytes + this.#waitingBytes > bytesMax) this.#queue.giveOutFirst();
  }

  get #waitingBytes(): number {
    return this.#queue.heldBytes + this.#transaction.heldBytes;
  }

  #clientLost(): void {
    this.#session.isUncertain = true;
    this.#session.database = '';
  }

  #serverLost(): void {
    this.#session.isUncertain = true;
    this.#areRepliesLost = true;
  }

  /**
   * A client that waits for replies sends a command when it had the one before: what still seems to wait was answered out
   * of sight, and the server's next byte begins a reply.
   */
  #resumeReplies(): void {
    if (!this.#areRepliesLost) return;
    this.#areRepliesLost = false;
    this.#transaction.giveOutAll();
    for (const request of this.#queue.waiting) request.attributes['reply_lost'] = 'true';
    this.#queue.giveOutAll();
    this.#server.resume();
  }

  #handOver(request: Request): void {
    this.#queue.giveOutAll();
    this.#transaction.giveOutAll();
    this.#give(request);
    this.#client.settle(0);
    this.#client.stop();
    this.#server.giveUp('unfinished');
    this.#server.stop();
    this.#response.take();
    this.#replies.reset();
    this.#sink.handover('redis-replication', this.#client.usedBytes);
  }
}

function settle(request: Request, reply: Reply): void {
  if (reply.type === '-' || reply.type === '!') {
    request.fail(/^[A-Z][A-Z0-9_-]*(?= |$)/.exec(reply.text)?.[0] ?? '', reply.text);
  } else {
    request.status = 'ok';
  }
  if (reply.count !== undefined && !reply.isNull) request.rows = reply.count;
  if (reply.isNull) request.attributes['reply'] = 'null';
}
