// SPDX-License-Identifier: Apache-2.0

/** What both sides of a connection share: the session, the requests that wait, the statements that were prepared. */
import { ByteReader } from '../bytes/byte-reader.ts';
import { PayloadWriter } from '../bytes/payload-writer.ts';
import type { DecoderBounds, DecoderSink } from '../decoder.ts';
import { EMPTY_STATEMENT, type Statement } from '../sql/statement.ts';
import { StatementCache } from '../sql/statement-cache.ts';
import { readStatements } from '../sql/statement-reader.ts';
import { readParameters } from './parameters.ts';
import { PreparedTable } from './prepared.ts';
import type { Request } from './request.ts';
import { RequestQueue, type Step } from './request-queue.ts';
import { Session } from './session.ts';

/** All connections share what was found out about statements: they mostly send the same ones. 4 Mi characters of text. */
const CACHED_TEXTS_MAX = 10_000;
const CACHED_LENGTH_MAX = 4 * 1024 * 1024;
const cache = new StatementCache(CACHED_TEXTS_MAX, CACHED_LENGTH_MAX, {}, readStatements);
const backslashCache = new StatementCache(100, CACHED_LENGTH_MAX / 16, { backslashQuotes: true });

/** Small requests may wait in this much memory, however small the bound of a request is. */
const QUEUE_BYTES_MIN = 64 * 1024;

export class Conversation {
  readonly bounds: DecoderBounds;
  readonly sink: DecoderSink;
  readonly session = new Session();
  readonly queue: RequestQueue;
  readonly prepared: PreparedTable;

  /** Data of the COPY that the client sends, and whose it is. */
  readonly copyIn: PayloadWriter;
  #copyInOwner: Request | undefined;
  /** The request whose COPY takes the client's data, from the server's CopyInResponse on. */
  copying: Request | undefined;
  /** The client has ended its data for `copying`. */
  isCopyEnded = false;
  /** Rows and COPY data of the server, and whose they are. */
  readonly response: PayloadWriter;
  responseOwner: Request | undefined;

  /** What the server asked for last: tells what the client's next password message is. */
  passwordAwaited: 'nothing' | 'cleartext' | 'sasl-first' | 'other' = 'nothing';
  /** The client asked for encryption and was not answered yet. */
  encryptionAsked: 'no' | 'ssl' | 'gss' = 'no';

  /** Replies were lost: the request at the head may have been answered already. */
  isReplyDamaged = false;
  /** The group in which replies were lost: who of it is answered after that is likely and no more. -1: none. */
  damagedGroup = -1;
  /** Requests or replies were lost: who is answered is likely and no more. */
  isUncertain = false;
  /** Requests were lost, and the place in what the client sends is not found again: what waits may not be all. */
  areRequestsSought = false;
  /** The client has sent requests without waiting for the reply to the one before. */
  hasPipelined = false;
  /** Replies cannot be told apart until the client begins anew. */
  isIgnoringReplies = false;

  constructor(bounds: DecoderBounds, sink: DecoderSink) {
    this.bounds = bounds;
    this.sink = sink;
    this.queue = new RequestQueue(bounds.pipelineMax, 1.5 * bounds.requestBytesMax + QUEUE_BYTES_MIN, {
      finished: (request) => this.deliver(request),
      skipped: (step) => this.#skipped(step),
    });
    this.prepared = new PreparedTable(Math.max(QUEUE_BYTES_MIN / 2, bounds.requestBytesMax / 2));
    this.copyIn = new PayloadWriter(bounds.requestBytesMax);
    this.response = new PayloadWriter(bounds.responseBytesMax);
  }

  get heldBytes(): number {
    return this.queue.heldBytes + this.prepared.heldBytes + this.copyIn.heldBytes + this.response.heldBytes;
  }

  statementsOf(text: string): readonly Statement[] {
    return (this.session.backslashQuotes ? backslashCache : cache).statementsOf(text);
  }

  /** What a Parse holds: the server takes one statement there and refuses several. */
  statementOf(text: string): Statement {
    const [first, second] = this.statementsOf(text);
    if (first === undefined) return { ...EMPTY_STATEMENT, text, operation: 'EMPTY' };
    return second === undefined ? first : { ...first, text };
  }

  /** COPY data of the client. Returns how many of the bytes were not kept. */
  addCopyData(request: Request, bytes: Buffer, start: number, end: number): number {
    if (this.#copyInOwner !== request) {
      this.#takeCopyIn();
      this.#copyInOwner = request;
    }
    const before = this.copyIn.droppedBytes;
    this.copyIn.append(bytes, start, end);
    return this.copyIn.droppedBytes - before;
  }

  /** The server's reply to `request` ends: what it held is complete. */
  takePayloads(request: Request): void {
    if (this.#copyInOwner === request) this.#takeCopyIn();
    if (this.copying === request) this.copying = undefined;
    if (this.responseOwner === request) {
      request.response = this.response.take();
      this.responseOwner = undefined;
    }
  }

  /** Give `request` out; a Query of several statements with those that were not answered. */
  deliver(request: Request): void {
    if (request.isGivenOut) return;
    if (request.message === 'simple') this.#deliverParts(request);
    else this.#deliverWhole(request);
    request.isGivenOut = true;
  }

  /** Give out the statement of a Query that the server has answered, and go on to the next. */
  deliverPart(request: Request): void {
    this.#give(request);
    request.nextPart(request.group === this.damagedGroup);
  }

  #deliverParts(request: Request): void {
    const failure = request.outcome === 'error' ? request.errorCode : undefined;
    this.#give(request);
    while (request.part + 1 < request.parts.length) {
      request.nextPart(request.group === this.damagedGroup);
      if (failure !== undefined) request.skip(failure);
      this.#give(request);
    }
  }

  #deliverWhole(request: Request): void {
    const { prepared, portal } = request;
    if (prepared?.request === request) prepared.request = undefined;
    if (portal?.request === request) portal.request = undefined;
    if (portal !== undefined) this.#finishParameters(request);
    if (request.message === 'extended' && request.operation === '' && !request.isExecuted) {
      request.operation = portal === undefined ? 'PREPARE' : 'BIND';
    }
    if (request.operation === '' && request.sql.operation === '') request.operation = 'EXECUTE';
    if (request.outcome === 'none' && !request.isReplyLost && request.openSteps === 0) request.outcome = 'ok';
    this.#give(request);
  }

  #give(request: Request): void {
    this.takePayloads(request);
    const isBehindLoss = request.group === this.damagedGroup && !request.hasReplyGap;
    if ((this.isUncertain || isBehindLoss) && request.message !== 'none') {
      request.setAttribute('reply_uncertain', 'true');
    }
    this.sink.exchange(request.toExchange(this.session));
  }

  #takeCopyIn(): void {
    const owner = this.#copyInOwner;
    this.#copyInOwner = undefined;
    if (owner !== undefined) owner.request = this.copyIn.take();
  }

  /** A Parse that was not run prepared nothing, a Close closed nothing. */
  #skipped(step: Step): void {
    if (step.prepared === undefined) return;
    if (step.kind === 'parse') this.prepared.revert(step.prepared);
    else if (step.kind === 'close' && step.prepared.isKnown) this.prepared.add(step.prepared);
  }

  #finishParameters(request: Request): void {
    const { portal, prepared } = request;
    if (portal === undefined) return;
    const { parameters } = portal;
    request.parameters = parameters.json;
    request.isTruncated ||= parameters.isCut;
    // The server may have told the types since.
    if (parameters.deferred === undefined || prepared === undefined || !prepared.typeOids.some((oid) => oid > 0))
      return;
    const reader = new ByteReader(parameters.deferred);
    reader.encoding = this.session.encoding;
    const room = Math.max(0, this.bounds.requestBytesMax - request.sql.text.length);
    request.parameters = readParameters(reader, prepared.typeOids, room).json;
  }
}
