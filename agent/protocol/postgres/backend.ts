// SPDX-License-Identifier: Apache-2.0

/**
 * The server's messages: each answers the request that waits longest, or its next step.
 *
 * A reply that does not fit the awaited step means that something was lost. Then a later step that it fits is taken, and
 * what stood before counts as not answered; a reply that fits nothing, with nothing awaited, is an exchange whose request
 * was not seen.
 *
 * Source   PostgreSQL manual, "Message Flow"
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import { type Columns, readColumns } from './columns.ts';
import { completeCommand, rowsOf, verbOf } from './command-complete.ts';
import type { Conversation } from './conversation.ts';
import { ImplicitTransaction } from './implicit-transaction.ts';
import { authenticate, negotiate, reportBackendKey, reportStatus } from './login.ts';
import type { MessageStream } from './message-stream.ts';
import { Backend as B } from './messages.ts';
import { ReplyContent } from './reply-content.ts';
import { Request } from './request.ts';
import { endsGroup, type Step, type StepKind } from './request-queue.ts';
import { isFatal, readReport } from './server-report.ts';

const TRANSACTION_STATES: Readonly<Record<number, string>> = { 73: 'idle', 84: 'transaction', 69: 'failed' };

/** Which steps a reply can answer. ErrorResponse answers any. */
const ANSWERS: Readonly<Record<number, readonly StepKind[]>> = {
  [B.parseComplete]: ['parse'],
  [B.bindComplete]: ['bind'],
  [B.closeComplete]: ['close'],
  [B.parameterDescription]: ['describe-statement'],
  [B.noData]: ['describe-statement', 'describe-portal'],
  [B.rowDescription]: ['describe-statement', 'describe-portal', 'query', 'reply'],
  [B.dataRow]: ['execute', 'query', 'reply'],
  [B.commandComplete]: ['execute', 'query', 'reply'],
  [B.emptyQueryResponse]: ['execute', 'query', 'reply'],
  [B.portalSuspended]: ['execute', 'reply'],
  [B.copyInResponse]: ['execute', 'query', 'reply'],
  [B.copyOutResponse]: ['execute', 'query', 'reply'],
  [B.copyBothResponse]: ['execute', 'query', 'reply'],
  [B.copyData]: ['execute', 'query', 'reply'],
  [B.copyDone]: ['execute', 'query', 'reply'],
  [B.functionCallResponse]: ['function-call'],
  [B.authentication]: ['startup'],
  [B.backendKeyData]: ['startup'],
  [B.negotiateProtocolVersion]: ['startup'],
  [B.readyForQuery]: ['sync', 'query', 'function-call', 'startup', 'reply'],
};

/** Replies that say something even when the request was not seen. */
const TELLING: ReadonlySet<number> = new Set([
  B.rowDescription,
  B.dataRow,
  B.commandComplete,
  B.emptyQueryResponse,
  B.copyInResponse,
  B.copyOutResponse,
  B.copyBothResponse,
  B.errorResponse,
]);

/** Replies that are the last to a step of the extended protocol. */
const ENDS_STEP: ReadonlySet<number> = new Set([
  B.parseComplete,
  B.bindComplete,
  B.closeComplete,
  B.noData,
  B.rowDescription,
  B.commandComplete,
  B.emptyQueryResponse,
  B.portalSuspended,
]);

/** What an exchange is called that carries a replication stream. */
const REPLICATION = 'COPY BOTH';

export class Backend {
  readonly #talk: Conversation;
  readonly #reader = new ByteReader(Buffer.alloc(0));
  /** Set once, before the first message. */
  stream!: MessageStream;
  readonly #content: ReplyContent;
  readonly #transaction = new ImplicitTransaction();

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#content = new ReplyContent(talk);
  }

  get heldBytes(): number {
    return this.#content.heldBytes;
  }

  /** Returns how many bytes of the message were above the bound of a response. */
  message(tag: number, bytes: Buffer, start: number, end: number, isWhole: boolean): number {
    const reader = this.#reader.reset(bytes, start, end);
    reader.encoding = this.#talk.session.encoding;
    if (tag === B.noticeResponse || tag === B.notificationResponse || tag === B.parameterStatus) {
      this.#unasked(tag, reader);
      return 0;
    }
    const step = this.#step(tag);
    if (step === undefined) return 0;
    const { request } = step;
    const isPastEnd = this.#passesEnd(tag, request);
    if (!this.#note(request)) {
      this.#passOver(tag, step);
      return 0;
    }
    if (isPastEnd && request.operation === REPLICATION) return 0;
    switch (tag) {
      case B.dataRow:
        return this.#content.row(request, bytes, start, end, isWhole ? 0 : this.stream.missingBytes);
      case B.copyData:
        return this.#content.copyData(request, bytes, start, end, this.stream.missingBytes);
      case B.rowDescription:
        this.#describeRows(step, readColumns(reader));
        break;
      case B.noData:
        this.#describeRows(step, null);
        break;
      case B.parameterDescription:
        this.#describeParameters(step, reader);
        break;
      case B.commandComplete:
        this.#complete(step, reader.cString());
        break;
      case B.emptyQueryResponse:
        request.outcome = 'ok';
        this.#endResult(step);
        break;
      case B.portalSuspended:
        request.outcome = 'ok';
        request.rows = request.seenRows;
        request.setAttribute('suspended', 'true');
        this.#endResult(step);
        break;
      case B.parseComplete:
        if (step.prepared !== undefined) step.prepared.previous = undefined;
        this.#talk.queue.pop();
        break;
      case B.bindComplete:
      case B.closeComplete:
        this.#talk.queue.pop();
        break;
      case B.copyInResponse:
      case B.copyOutResponse:
      case B.copyBothResponse:
        this.#beginCopy(tag, step, reader);
        break;
      case B.functionCallResponse:
        request.outcome = 'ok';
        this.#content.functionResult(request, reader);
        break;
      case B.errorResponse:
        this.#fail(step, reader);
        break;
      case B.readyForQuery:
        this.#ready(step, reader.u8());
        break;
      case B.authentication:
        authenticate(this.#talk, request, reader);
        break;
      case B.backendKeyData:
        reportBackendKey(request, reader);
        break;
      case B.negotiateProtocolVersion:
        negotiate(request, reader);
        break;
    }
    return 0;
  }

  // Whom a message answers

  /** The step that a message with `tag` answers, now the head of the queue; undefined when the message is nobody's. */
  #step(tag: number): Step | undefined {
    const talk = this.#talk;
    const { queue } = talk;
    if (talk.isIgnoringReplies) {
      this.stream.disown('reply_unmatched');
      return undefined;
    }
    if (queue.isBehind) {
      if (tag === B.readyForQuery) queue.catchUp();
      this.stream.disown('reply_to_given_up');
      return undefined;
    }
    let head = queue.head;
    while (head?.kind === 'copy-end') {
      queue.pop();
      head = queue.head;
    }
    if (head !== undefined) {
      const kinds = ANSWERS[tag];
      if (tag === B.errorResponse || kinds?.includes(head.kind)) return head;
      if (kinds !== undefined && queue.seek(kinds)) return queue.head;
    } else if (TELLING.has(tag)) {
      return this.#beginUnseen();
    }
    this.stream.disown('no_request');
    return undefined;
  }

  /** A reply whose request was not seen. */
  #beginUnseen(): Step | undefined {
    const request = new Request('none', 0, this.stream.firstAt);
    request.operation = 'UNKNOWN';
    request.setAttribute('request_unseen', 'true');
    this.#talk.queue.push('reply', request);
    return this.#talk.queue.head;
  }

  /** The message at hand is part of the reply to `request`. False when that was given out already. */
  #note(request: Request): boolean {
    const { stream } = this;
    if (request.isGivenOut) {
      stream.disown('reply_to_given_up');
      return false;
    }
    request.addResponseBytes(stream.messageBytes, stream.firstAt, stream.lastAt);
    if (stream.missingBytes > 0) request.setAttribute('response_gap_bytes', String(stream.missingBytes));
    return true;
  }

  /** A reply to a request that was given out: only what it does to the queue counts. */
  #passOver(tag: number, step: Step): void {
    const { queue } = this.#talk;
    if (tag === B.readyForQuery) queue.pop();
    else if (endsGroup(step.kind)) return;
    else if (tag === B.errorResponse) queue.skipToSync('');
    else if (ENDS_STEP.has(tag)) queue.pop();
  }

  /**
   * The last statement of a Query was answered, and here is an answer to one more: the one before is complete. The end of a
   * replication stream has two CommandCompletes, of the copy and of the command, which are one.
   */
  #passesEnd(tag: number, request: Request): boolean {
    if (!request.isPartDone || request.isGivenOut) return false;
    if (tag === B.readyForQuery || tag === B.errorResponse || tag === B.copyDone) return false;
    if (request.operation !== REPLICATION) this.#talk.deliverPart(request);
    return true;
  }

  /** Notices, notifications and settings come at any time: with the reply that is under way, or on their own. */
  #unasked(tag: number, reader: ByteReader): void {
    const head = this.#talk.queue.head;
    const isOwn = head === undefined || head.request.isGivenOut;
    const request = isOwn ? new Request('none', 0, this.stream.firstAt) : head.request;
    this.#note(request);
    const operation = takeUnasked(this.#talk, request, tag, reader);
    if (!isOwn) return;
    request.operation = operation;
    request.outcome = 'ok';
    this.#talk.deliver(request);
  }

  // Results

  #describeRows(step: Step, columns: Columns | null): void {
    const { request, prepared } = step;
    if (step.kind === 'query' || step.kind === 'reply') {
      if (columns === null) return;
      request.columns = columns;
      this.#content.beginRows(request);
      return;
    }
    if (step.kind === 'describe-portal' && request.portal !== undefined) request.portal.columns = columns;
    if (prepared !== undefined) prepared.columns = columns;
    if (request.operation === 'DESCRIBE' || request.operation === 'PREPARE') noteColumns(request, columns);
    this.#talk.queue.pop();
  }

  #describeParameters(step: Step, reader: ByteReader): void {
    const count = reader.u16();
    const typeOids: number[] = [];
    for (let i = 0; i < count && !reader.short; i++) typeOids.push(reader.u32());
    if (step.prepared !== undefined) step.prepared.typeOids = typeOids;
  }

  #complete(step: Step, tag: string): void {
    const { request } = step;
    request.outcome = 'ok';
    request.rows = rowsOf(tag);
    const verb = verbOf(tag);
    completeCommand(this.#talk, request, verb);
    this.#transaction.completed(verb);
    this.#endResult(step);
  }

  /** The result of a statement is complete. */
  #endResult(step: Step): void {
    const { request } = step;
    const talk = this.#talk;
    if (request.seenRows === 0 && this.#content.formOf(request).columns !== undefined && request.copy === 'no') {
      this.#content.beginRows(request);
    }
    talk.takePayloads(request);
    if (step.kind === 'execute') {
      talk.queue.pop();
    } else if (request.part + 1 < request.parts.length) {
      talk.deliverPart(request);
    } else {
      request.isPartDone = true;
    }
  }

  // COPY

  #beginCopy(tag: number, step: Step, reader: ByteReader): void {
    const { request } = step;
    const talk = this.#talk;
    const format = reader.u8() === 0 ? 'text' : 'binary';
    const direction = tag === B.copyInResponse ? 'in' : tag === B.copyOutResponse ? 'out' : 'both';
    request.setAttribute('copy', direction);
    request.setAttribute('copy_format', format);
    if (direction === 'both') {
      // A replication stream runs for days: say at once that it began, and at its end what went through it.
      request.outcome = 'ok';
      request.copy = 'both';
      talk.deliverPart(request);
      request.operation = REPLICATION;
      request.attributes = { copy: 'both' };
    }
    const isAgain = request.copy === direction;
    request.copy = direction;
    if (direction === 'out') return;
    talk.copying = request;
    if (isAgain) return;
    // A client that does not wait has sent its data already, and a Sync before it knew that it runs a COPY.
    talk.isCopyEnded = talk.queue.endCopyBehindHead();
  }

  // Errors and the end of a request

  #fail(step: Step, reader: ByteReader): void {
    const { request } = step;
    const report = readReport(reader);
    request.fail(report.code, report.message);
    this.#transaction.failed(request);
    for (const [key, value] of Object.entries(report.attributes)) request.setAttribute(key, value);
    request.setAttribute('severity', report.severity);
    const talk = this.#talk;
    talk.takePayloads(request);
    switch (step.kind) {
      case 'query':
        request.isPartDone = true;
        return;
      case 'reply':
        request.isPartDone = true;
        if (!isFatal(report.severity)) return;
        request.operation = 'DISCONNECT';
        delete request.attributes?.['request_unseen'];
        talk.queue.pop();
        return;
      case 'startup':
        // The server closes the connection; no ReadyForQuery comes.
        talk.queue.pop();
        return;
      case 'function-call':
        return;
      case 'sync':
        // What ran until here is undone: the transaction that Sync ends could not be committed.
        request.setAttribute('failed_at', 'sync');
        return;
      default:
        request.setAttribute('failed_at', step.kind);
        if (step.kind === 'parse' && step.prepared !== undefined) talk.prepared.revert(step.prepared);
        talk.queue.skipToSync(report.code);
    }
  }

  #ready(step: Step, state: number): void {
    const { request } = step;
    const talk = this.#talk;
    request.setAttribute('transaction_state', TRANSACTION_STATES[state] ?? 'unknown');
    if (step.kind === 'startup' && request.outcome === 'none') request.outcome = 'ok';
    this.#transaction.ready(state);
    talk.isReplyDamaged = false;
    talk.queue.pop();
    if (talk.queue.isEmpty && !talk.areRequestsSought) talk.isUncertain = false;
  }

  // Long messages

  beginLong(tag: number, bodyBytes: number): void {
    const request = this.#step(tag)?.request;
    if (request === undefined || request.isGivenOut) return;
    this.#passesEnd(tag, request);
    this.#content.beginLong(tag, bodyBytes, request);
  }

  longPart(bytes: Buffer, start: number, end: number): void {
    this.#content.longPart(bytes, start, end);
  }

  endLong(missingBytes: number): number {
    const { owner, droppedBytes } = this.#content.endLong(missingBytes);
    if (owner === undefined) this.stream.disown('no_request');
    else this.#note(owner);
    return droppedBytes;
  }

  abandonLong(): void {
    this.#content.abandonLong();
  }

  /** Replies may be missing. */
  lost(missingBytes: number): void {
    const talk = this.#talk;
    const { queue } = talk;
    this.#transaction.unknown();
    if (queue.readyAwaited > 1) {
      // Several requests wait, and nothing says which of them the next reply is for.
      queue.giveOutAll(true);
      talk.isIgnoringReplies = true;
      return;
    }
    const request = queue.head?.request;
    talk.isReplyDamaged = true;
    if (request === undefined) return;
    request.hasReplyGap = true;
    talk.damagedGroup = request.group;
    request.setAttribute('response_gap_bytes', String(missingBytes));
    this.#content.gap(request, missingBytes);
  }
}

/** Returns the name of what the server said, for when it is an exchange of its own. */
function takeUnasked(talk: Conversation, request: Request, tag: number, reader: ByteReader): string {
  if (tag === B.parameterStatus) {
    reportStatus(talk, request, reader);
    return 'PARAMETER STATUS';
  }
  if (tag === B.noticeResponse) {
    const report = readReport(reader);
    request.addNotice(`${report.severity}: ${report.message}`);
    return 'NOTICE';
  }
  const pid = reader.u32();
  const channel = reader.cString();
  request.addNotification(JSON.stringify({ channel, payload: reader.cString(), pid }));
  return 'NOTIFICATION';
}

/** A Describe that is not run tells the columns in its attributes: there is no response to put them in. */
function noteColumns(request: Request, columns: Columns | null): void {
  if (columns !== null) request.setAttribute('columns', columns.line.trimEnd());
}
