// SPDX-License-Identifier: Apache-2.0

/** What both sides of a connection share: the session, the requests that wait, what was prepared. */
import { PayloadWriter } from '../bytes/payload-writer.ts';
import { LOGIN_WITHOUT_TOKEN } from '../carried-credential.ts';
import type { CarriedCredential, DecoderBounds, DecoderSink } from '../decoder.ts';
import { Capability, Command } from './constants.ts';
import { PreparedTable } from './prepared.ts';
import type { Request } from './request.ts';

/** Small requests may wait in this much memory, however small the bound of a request is. */
const QUEUE_BYTES_MIN = 64 * 1024;

export class Talk {
  readonly bounds: DecoderBounds;
  readonly sink: DecoderSink;
  readonly response: PayloadWriter;
  /** Data of LOAD DATA LOCAL. */
  readonly file: PayloadWriter;
  readonly prepared: PreparedTable;
  #waiting: Request[] = [];
  #heldBytes = 0;
  user = '';
  database = '';
  serverCapabilities: number | undefined;
  capabilities = 0;
  /** The method by which the client proves who it is, as was said last. */
  plugin = '';
  /** The client's next message holds a password as it is. */
  isPasswordAwaited = false;
  /** The server's key was asked for: what follows is encrypted with it. */
  isKeyAsked = false;
  isLoggedIn = false;
  /** What the login at hand showed. */
  carried: CarriedCredential | undefined;
  areRepliesLost = false;
  isUncertain = false;
  hasPipelined = false;
  /** From here on both sides compress. */
  onCompressed: () => void = () => {};

  constructor(bounds: DecoderBounds, sink: DecoderSink) {
    this.bounds = bounds;
    this.sink = sink;
    this.response = new PayloadWriter(bounds.responseBytesMax);
    this.file = new PayloadWriter(Math.floor(bounds.requestBytesMax / 8));
    this.prepared = new PreparedTable(Math.floor(bounds.requestBytesMax / 8) + QUEUE_BYTES_MIN);
  }

  get heldBytes(): number {
    return this.#heldBytes + this.response.heldBytes + this.file.heldBytes + this.prepared.heldBytes;
  }

  get head(): Request | undefined {
    return this.#waiting[0];
  }

  has(capability: number): boolean {
    return (this.capabilities & capability) !== 0;
  }

  get mayBeSeveral(): boolean {
    return this.has(Capability.multiStatements) || !this.isLoggedIn;
  }

  await(request: Request): void {
    if (this.head !== undefined) this.hasPipelined = true;
    this.#waiting.push(request);
    request.settleHeldBytes();
    this.#heldBytes += request.heldBytes;
    const bytesMax = this.bounds.requestBytesMax + QUEUE_BYTES_MIN;
    // Replies are matched by their place: who is given out early takes the place of those behind with it.
    const isFull = () => this.#waiting.length > this.bounds.pipelineMax || this.#heldBytes > bytesMax;
    if (this.#waiting.length > 1 && isFull()) this.giveOutAll('not-awaited', 1);
  }

  /** The head was answered. */
  finish(request: Request): void {
    if (this.#waiting[0] === request) {
      this.#waiting.shift();
      this.#heldBytes -= request.heldBytes;
    }
    this.give(request);
    if (this.#waiting.length === 0) this.#heldBytes = 0;
  }

  give(request: Request): void {
    const isHead = this.response.writtenBytes > 0 || this.response.isCut;
    if (isHead && request.awaited !== 'nothing') request.response = this.response.take();
    if (this.isUncertain && this.hasPipelined) request.attributes['reply_uncertain'] = 'true';
    const exchange = request.toExchange(this.user);
    if (request.command !== -1 && request.command !== Command.changeUser) this.sink.exchange(exchange);
    else {
      this.sink.exchange({ ...exchange, credential: this.carried ?? LOGIN_WITHOUT_TOKEN });
      this.carried = undefined;
    }
  }

  /** All that wait go without their replies, but for the last `butLast`. */
  giveOutAll(why: string, butLast = 0): void {
    const given = this.#waiting.splice(0, this.#waiting.length - butLast);
    this.#heldBytes = this.#waiting.reduce((bytes, one) => bytes + one.heldBytes, 0);
    for (const request of given) {
      if (request.status === 'unknown' && why !== '') request.attributes['reply_missing'] = why;
      this.give(request);
    }
    if (given.length > 0 && butLast > 0) this.isUncertain = true;
    this.response.take();
    this.file.take();
  }
}
