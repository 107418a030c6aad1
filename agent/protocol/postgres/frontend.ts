// SPDX-License-Identifier: Apache-2.0

/**
 * The client's messages: each begins a request, or joins the one that it belongs to.
 *
 * Parse, Bind, Describe and Execute of one statement are one request, wherever they stand between two Syncs. A named Parse
 * is a request of its own (PREPARE): what it prepares may run a thousand times, or never. Sync and Flush belong to the
 * request before them.
 *
 * Source   PostgreSQL manual, "Message Flow"
 */
import { ByteReader, endOfHead, textOf } from '../bytes/byte-reader.ts';
import { EMPTY_STATEMENT, type Statement } from '../sql/statement.ts';
import { ClientCopy } from './client-copy.ts';
import type { Conversation } from './conversation.ts';
import type { MessageStream } from './message-stream.ts';
import { Frontend as F } from './messages.ts';
import { readFormats, readParameters } from './parameters.ts';
import { givePassword } from './password.ts';
import type { Portal, PreparedStatement } from './prepared.ts';
import { type Message, Request } from './request.ts';
import type { StepKind } from './request-queue.ts';
import { NAME_LENGTH_MAX } from './session.ts';

const PORTAL = 0x50;

export class Frontend {
  readonly #talk: Conversation;
  readonly #reader = new ByteReader(Buffer.alloc(0));
  readonly #copy: ClientCopy;
  /** Set once, before the first message. */
  stream!: MessageStream;
  /** Counts Syncs: a request can be joined by messages of its own group only. */
  #group = 0;
  #isGroupOpen = false;
  /** The request that the last message belongs to, and the one that logs in. */
  #last: Request | undefined;
  #login: Request | undefined;
  /** Bytes of the message at hand that were above a bound. */
  #cutBytes = 0;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#copy = new ClientCopy(talk);
  }

  /** Returns how many bytes of the message were above a bound. */
  message(tag: number, bytes: Buffer, start: number, end: number, isWhole: boolean): number {
    const reader = this.#reader.reset(bytes, start, end);
    reader.encoding = this.#talk.session.encoding;
    this.#cutBytes = 0;
    this.#talk.areRequestsSought = false;
    switch (tag) {
      case F.query:
        this.#query(reader);
        break;
      case F.parse:
        this.#parse(reader);
        break;
      case F.bind:
        this.#bind(reader, isWhole);
        break;
      case F.describe:
        this.#describe(reader);
        break;
      case F.execute:
        this.#execute(reader);
        break;
      case F.close:
        this.#close(reader);
        break;
      case F.sync:
        this.#sync();
        break;
      case F.flush:
        this.#flush();
        break;
      case F.copyData:
        this.#copyData(bytes, start, end);
        break;
      case F.copyDone:
      case F.copyFail:
        this.#endCopy(tag === F.copyFail ? reader.cString() : undefined);
        break;
      case F.functionCall:
        this.#functionCall(reader);
        break;
      case F.password:
        this.#password(reader);
        break;
      default:
        this.#terminate();
    }
    return this.#cutBytes;
  }

  // The simple protocol

  #query(reader: ByteReader): void {
    this.#beginGroup();
    const request = this.#begin('simple');
    const text = this.#text(reader);
    const statements = this.#talk.statementsOf(text);
    request.isTruncated = reader.short || this.#cutBytes > 0;
    const none = { ...EMPTY_STATEMENT, text, operation: request.isTruncated ? 'UNKNOWN' : 'EMPTY' };
    request.parts = statements.length === 0 ? [none] : statements;
    request.sql = request.parts[0] as Statement;
    request.heldBytes += text.length;
    this.#join(request);
    if (request.parts.length > 1) shareBytes(request);
    this.#await('query', request);
    this.#copy.lastRun = request;
    this.#isGroupOpen = false;
  }

  #functionCall(reader: ByteReader): void {
    this.#beginGroup();
    const request = this.#begin('function');
    request.operation = 'FUNCTION CALL';
    request.sql = { ...EMPTY_STATEMENT, resource: `function ${reader.u32()}` };
    const parameters = readParameters(reader, [], this.#talk.bounds.requestBytesMax);
    request.parameters = parameters.json;
    request.isTruncated = parameters.isCut;
    request.heldBytes += parameters.json.length;
    this.#join(request);
    this.#await('function-call', request);
    this.#isGroupOpen = false;
  }

  // The extended protocol

  #parse(reader: ByteReader): void {
    this.#beginGroup();
    const request = this.#begin('extended');
    const name = nameOf(reader);
    const text = this.#text(reader);
    const isCut = reader.short || this.#cutBytes > 0;
    const typeOids: number[] = [];
    const count = isCut ? 0 : reader.u16();
    for (let i = 0; i < count && !reader.short; i++) typeOids.push(reader.u32());
    const prepared: PreparedStatement = {
      name,
      sql: this.#talk.statementOf(text),
      isKnown: true,
      isCut: isCut || reader.short,
      typeOids,
      columns: undefined,
      request,
      previous: undefined,
    };
    if (name !== '') request.operation = 'PREPARE';
    setPrepared(request, prepared);
    request.heldBytes += text.length;
    this.#join(request);
    this.#talk.prepared.add(prepared);
    this.#await('parse', request, prepared);
  }

  #bind(reader: ByteReader, isWhole: boolean): void {
    this.#beginGroup();
    const { prepared: table, bounds } = this.#talk;
    const portalName = nameOf(reader);
    const prepared = table.statement(nameOf(reader));
    const parsed = prepared.name === '' ? prepared.request : undefined;
    const request = parsed?.portal === undefined && this.#canJoin(parsed) ? parsed : this.#begin('extended');
    const room = Math.max(0, bounds.requestBytesMax - prepared.sql.text.length);
    const parameters = readParameters(reader, prepared.typeOids, room);
    const formats = isWhole && !parameters.isCut ? readFormats(reader) : undefined;
    const portal: Portal = {
      name: portalName,
      prepared,
      parameters,
      resultFormats: reader.short ? undefined : formats,
      columns: undefined,
      request,
    };
    setPrepared(request, prepared);
    request.portal = portal;
    this.#join(request);
    table.addPortal(portal);
    const heldBytes = parameters.json.length + (parameters.deferred?.length ?? 0);
    this.#await('bind', request, prepared, heldBytes);
  }

  #describe(reader: ByteReader): void {
    this.#beginGroup();
    const isPortal = reader.u8() === PORTAL;
    const name = nameOf(reader);
    const portal = isPortal ? this.#talk.prepared.portal(name) : undefined;
    const prepared = portal?.prepared ?? this.#talk.prepared.statement(name);
    const described = portal === undefined ? prepared.request : portal.request;
    const request = this.#canJoin(described) ? described : this.#beginNamed('DESCRIBE', prepared);
    if (portal !== undefined) request.portal ??= portal;
    this.#join(request);
    this.#await(isPortal ? 'describe-portal' : 'describe-statement', request, prepared);
  }

  #execute(reader: ByteReader): void {
    this.#beginGroup();
    const portal = this.#talk.prepared.portal(nameOf(reader));
    const rowsMax = reader.i32();
    const request = this.#canJoin(portal.request) ? portal.request : this.#begin('extended');
    setPrepared(request, portal.prepared);
    request.portal = portal;
    request.isExecuted = true;
    if (rowsMax > 0) request.setAttribute('rows_max', String(rowsMax));
    // A second Execute of the portal is a request of its own: it fetches more rows.
    portal.request = undefined;
    this.#join(request);
    this.#await('execute', request, portal.prepared);
    this.#copy.lastRun = request;
  }

  #close(reader: ByteReader): void {
    this.#beginGroup();
    const isPortal = reader.u8() === PORTAL;
    const name = nameOf(reader);
    const { prepared: table } = this.#talk;
    const portal = isPortal ? table.portal(name) : undefined;
    const prepared = portal?.prepared ?? table.statement(name);
    // A portal that was just run is closed along with it.
    const last = this.#last;
    const isItsRun = portal !== undefined && last?.portal === portal && last.isExecuted && this.#canJoin(last);
    const request = isItsRun ? last : this.#beginNamed('CLOSE', prepared);
    if (portal === undefined) {
      table.remove(name);
    } else {
      request.portal ??= portal;
      table.removePortal(name);
    }
    this.#join(request);
    this.#await('close', request, portal === undefined ? prepared : undefined);
  }

  #sync(): void {
    const { copying, isCopyEnded, queue } = this.#talk;
    if (copying?.copy === 'in' && !isCopyEnded && !queue.isEmpty) {
      // In the middle of a COPY the server passes over it.
      this.#join(copying);
      return;
    }
    // The Sync behind the data of a COPY ends that, though its group was ended by one that the server passed over.
    const isBehindCopy = copying?.copy === 'in' && copying.message === 'extended' && copying.openSteps > 0;
    if (!isBehindCopy) this.#beginGroup();
    const last = isBehindCopy ? copying : this.#last;
    const request = isBehindCopy || this.#canJoin(last) ? (last as Request) : this.#beginNamed('SYNC', undefined);
    this.#join(request);
    this.#await('sync', request);
    this.#isGroupOpen = false;
  }

  #flush(): void {
    const last = this.#last;
    if (this.#canJoin(last)) {
      this.#join(last);
      return;
    }
    const request = this.#beginNamed('FLUSH', undefined);
    this.#join(request);
    this.#talk.deliver(request);
  }

  // COPY

  #copyData(bytes: Buffer, start: number, end: number): void {
    const { owner } = this.#copy;
    if (owner === undefined) {
      this.stream.disown('copy_data_outside_copy');
      return;
    }
    this.#join(owner);
    this.#cutBytes += this.#copy.data(owner, bytes, start, end, this.stream.missingBytes);
  }

  beginLong(): void {
    this.#talk.areRequestsSought = false;
    this.#copy.beginLong();
  }

  longPart(bytes: Buffer, start: number, end: number): void {
    this.#copy.longPart(bytes, start, end);
  }

  endLong(missingBytes: number): number {
    const { owner, droppedBytes } = this.#copy.endLong(missingBytes);
    if (owner === undefined) this.stream.disown('copy_data_outside_copy');
    else this.#join(owner);
    return droppedBytes;
  }

  abandonLong(): void {
    this.#copy.abandonLong();
  }

  #endCopy(failure: string | undefined): void {
    const { owner } = this.#copy;
    if (owner === undefined) {
      this.stream.disown('copy_data_outside_copy');
      return;
    }
    this.#join(owner);
    if (failure !== undefined) owner.setAttribute('copy_failed_by_client', failure.slice(0, NAME_LENGTH_MAX));
    if (this.#talk.copying === owner) this.#talk.isCopyEnded = true;
    else this.#await('copy-end', owner);
  }

  // The session

  /** A first packet belongs to the request of the login; the server's first replies answer that. */
  login(): Request {
    let request = this.#login;
    if (request !== undefined && !request.isGivenOut) {
      this.#join(request);
      return request;
    }
    const isFirst = request === undefined;
    request = this.#begin('startup');
    request.operation = 'LOGIN';
    this.#login = request;
    this.#join(request);
    // Behind a login that was answered already, no answer can be told to be for this one.
    if (isFirst) this.#await('startup', request);
    else request.isReplyLost = true;
    return request;
  }

  #password(reader: ByteReader): void {
    const request = this.#login;
    givePassword(this.#talk, request, reader, this.stream.lastAt);
    if (request === undefined || request.isGivenOut) this.stream.disown('password_outside_login');
    else this.#join(request);
  }

  #terminate(): void {
    const request = this.#begin('none');
    request.operation = 'TERMINATE';
    request.outcome = 'ok';
    this.#join(request);
    this.#talk.deliver(request);
  }

  /** Messages of the client may be missing: what they prepared or bound is not known. */
  lost(): void {
    const { prepared } = this.#talk;
    prepared.remove('');
    prepared.clearPortals();
    this.#talk.isUncertain = true;
    this.#talk.areRequestsSought = true;
    this.#isGroupOpen = false;
  }

  // Requests

  #begin(message: Message): Request {
    return new Request(message, this.#group, this.stream.firstAt);
  }

  #beginNamed(operation: string, prepared: PreparedStatement | undefined): Request {
    const request = this.#begin('extended');
    request.operation = operation;
    if (prepared !== undefined) setPrepared(request, prepared);
    return request;
  }

  #canJoin(request: Request | undefined): request is Request {
    return (
      request !== undefined &&
      this.#isGroupOpen &&
      request.group === this.#group &&
      request.openSteps > 0 &&
      !request.isGivenOut
    );
  }

  /** The message at hand belongs to `request`. */
  #join(request: Request): void {
    const { stream } = this;
    request.addRequestBytes(stream.messageBytes, stream.lastAt);
    this.#last = request;
    if (stream.missingBytes > 0) {
      request.isTruncated = true;
      request.setAttribute('request_gap_bytes', String(stream.missingBytes));
    }
  }

  /** The server will answer the message at hand. */
  #await(kind: StepKind, request: Request, prepared?: PreparedStatement, heldBytes = 0): void {
    if (heldBytes > 0) this.#talk.queue.addHeldBytes(request, heldBytes);
    this.#talk.queue.push(kind, request, prepared);
  }

  /**
   * The first message behind a Sync. A client that waits for replies begins only when it had the last one: where replies or
   * requests were lost, what still seems to wait was answered out of sight, and from here on all is sure again.
   */
  #beginGroup(): void {
    if (this.#isGroupOpen) return;
    this.#isGroupOpen = true;
    this.#group++;
    const talk = this.#talk;
    const isWaiting = !talk.queue.isEmpty;
    const isUnsure = talk.isReplyDamaged || (talk.isUncertain && !talk.hasPipelined);
    if (talk.isIgnoringReplies || (isUnsure && isWaiting)) {
      talk.queue.giveOutAll(true);
      talk.isIgnoringReplies = false;
      talk.isReplyDamaged = false;
      talk.isUncertain = true;
    } else if (isWaiting && !talk.isUncertain) {
      talk.hasPipelined = true;
    }
  }

  /** A text of the message at hand, up to the bound of a request. */
  #text(reader: ByteReader): string {
    const { requestBytesMax } = this.#talk.bounds;
    const start = reader.at;
    const zero = reader.zeroByte();
    const end = zero < 0 ? reader.end : zero;
    const head = endOfHead(reader.bytes, start, end, requestBytesMax);
    this.#cutBytes += end - head;
    reader.at = Math.min(end + 1, reader.end);
    if (zero < 0) reader.short = true;
    return textOf(reader.bytes, start, head, reader.encoding);
  }
}

function nameOf(reader: ByteReader): string {
  return reader.cString().slice(0, NAME_LENGTH_MAX);
}

function setPrepared(request: Request, prepared: PreparedStatement): void {
  request.prepared = prepared;
  request.sql = prepared.sql;
}

/** Share the bytes of a Query among its statements; the first one has what is not the others' text. */
function shareBytes(request: Request): void {
  const shares = request.parts.map((part) => Buffer.byteLength(part.text));
  let left = request.requestBytes;
  for (let i = shares.length - 1; i > 0; i--) {
    shares[i] = Math.min(left, shares[i] as number);
    left -= shares[i] as number;
  }
  request.partBytes = shares;
  request.requestBytes = left;
}
