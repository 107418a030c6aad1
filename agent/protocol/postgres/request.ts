// SPDX-License-Identifier: Apache-2.0

/**
 * An exchange in the making: the messages of one request, and what came back so far.
 *
 * A request is what a person would call one: a login, a statement run by the simple protocol (or several: then it gives one
 * exchange for each, see `part`), or Parse, Bind, Describe and Execute of one statement together.
 */
import type { CarriedCredential, Exchange, Payload, Status } from '../decoder.ts';
import { EMPTY_STATEMENT, type Statement } from '../sql/statement.ts';
import type { Columns } from './columns.ts';
import type { Portal, PreparedStatement } from './prepared.ts';
import type { Session } from './session.ts';

/** What a request costs in memory besides its texts. */
export const REQUEST_OVERHEAD_BYTES = 256;
/** Notices and notifications kept for one exchange; one statement can raise one for each row. */
const LIST_ENTRIES_MAX = 20;
const LIST_LENGTH_MAX = 4096;

export const NO_PAYLOAD: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

export type Message = 'startup' | 'simple' | 'extended' | 'function' | 'none';

/** What a client sends between its statements. */
const ROUTINE: ReadonlySet<string> = new Set(['SSL REQUEST', 'GSSENC REQUEST', 'SYNC', 'FLUSH', 'TERMINATE']);

export class Request {
  readonly message: Message;
  /** Requests between two Syncs have the same number. */
  readonly group: number;

  /** For what is no SQL, or not run: LOGIN, PREPARE, SYNC, …; '' lets the statement say it. */
  operation = '';
  /** The statement at hand. */
  sql: Statement = EMPTY_STATEMENT;
  /** A simple Query: its statements, which of them the server is at, and how many bytes on the wire each has. */
  parts: readonly Statement[] = [];
  partBytes: readonly number[] = [];
  part = 0;
  /** The part at hand was answered; only ReadyForQuery may still belong to it. */
  isPartDone = false;
  prepared: PreparedStatement | undefined;
  portal: Portal | undefined;
  /** An Execute is part of it. */
  isExecuted = false;
  parameters = '';
  columns: Columns | undefined;

  requestBytes = 0;
  responseBytes = 0;
  requestAt: number;
  requestEndAt: number;
  /** -1 while no reply was seen. */
  responseAt = -1;
  responseEndAt = -1;

  /** Replies that are awaited. */
  openSteps = 0;
  outcome: 'none' | 'ok' | 'error' = 'none';
  /** Replies to it were lost or did not come. */
  isReplyLost = false;
  /** Replies were lost while it was the one to be answered. */
  hasReplyGap = false;
  isTruncated = false;
  /** It was given out; replies that still come belong to nothing. */
  isGivenOut = false;
  errorCode = '';
  errorMessage = '';
  rows: number | undefined;
  /** DataRows seen, which is all that is known of a portal that was suspended. */
  seenRows = 0;
  copy: 'no' | 'in' | 'out' | 'both' = 'no';
  request: Payload | undefined;
  response: Payload | undefined;
  attributes: Record<string, string> | undefined;
  credential: CarriedCredential | undefined;
  #notices: string[] | undefined;
  #notifications: string[] | undefined;
  #statuses: Record<string, string> | undefined;
  /** Of texts and payloads that are only this request's. */
  heldBytes = REQUEST_OVERHEAD_BYTES;

  constructor(message: Message, group: number, at: number) {
    this.message = message;
    this.group = group;
    this.requestAt = at;
    this.requestEndAt = at;
  }

  setAttribute(key: string, value: string): void {
    this.attributes ??= {};
    this.attributes[key] = value;
  }

  addRequestBytes(bytes: number, at: number): void {
    this.requestBytes += bytes;
    this.requestEndAt = at;
  }

  addResponseBytes(bytes: number, firstAt: number, lastAt: number): void {
    this.responseBytes += bytes;
    if (this.responseAt < 0) this.responseAt = firstAt;
    this.responseEndAt = lastAt;
  }

  addNotice(notice: string): void {
    this.#notices = addTo(this.#notices, notice);
  }

  addNotification(notification: string): void {
    this.#notifications = addTo(this.#notifications, notification);
  }

  addStatus(name: string, value: string): void {
    this.#statuses ??= {};
    if (Object.keys(this.#statuses).length < LIST_ENTRIES_MAX) this.#statuses[name] = value.slice(0, LIST_LENGTH_MAX);
  }

  fail(code: string, message: string): void {
    this.outcome = 'error';
    this.errorCode = code;
    this.errorMessage = message;
  }

  /** The server discarded it because of an earlier error: it was sent and not run. */
  skip(because: string): void {
    if (this.outcome !== 'none') return;
    this.outcome = 'error';
    this.errorMessage = `not run: an earlier message failed${because === '' ? '' : ` (${because})`}`;
    this.setAttribute('skipped', 'true');
  }

  /**
   * The next statement of a Query begins; behind the last one, an answer that fits none of them. Where replies were lost
   * before it, or the request was not seen to begin with, that is the answer to a request that was not seen.
   */
  nextPart(areRepliesLost: boolean): void {
    const next = this.parts[++this.part];
    const isUnseen = next === undefined && (areRepliesLost || this.message === 'none');
    this.sql = next ?? { ...EMPTY_STATEMENT, text: isUnseen ? '' : this.sql.text };
    if (isUnseen) this.operation = 'UNKNOWN';
    this.isPartDone = false;
    this.requestBytes = this.partBytes[this.part] ?? 0;
    this.responseBytes = 0;
    this.responseAt = -1;
    this.responseEndAt = -1;
    this.outcome = 'none';
    this.isReplyLost = false;
    this.hasReplyGap = false;
    this.errorCode = '';
    this.errorMessage = '';
    this.rows = undefined;
    this.seenRows = 0;
    this.columns = undefined;
    this.copy = 'no';
    this.request = undefined;
    this.response = undefined;
    // A gap in a Query is one in its text as a whole: nothing says which of its statements it hit.
    const gapBytes = this.attributes?.['request_gap_bytes'];
    this.attributes = gapBytes === undefined ? undefined : { request_gap_bytes: gapBytes };
    if (next === undefined) this.setAttribute(isUnseen ? 'request_unseen' : 'statement_unmatched', 'true');
    this.#notices = undefined;
    this.#notifications = undefined;
    this.#statuses = undefined;
  }

  get status(): Status {
    if (this.outcome === 'none') return 'unknown';
    return this.outcome;
  }

  /** Unless it failed or carried word from the server: then somebody may want to know. */
  get #isRoutine(): boolean {
    if (!ROUTINE.has(this.operation) || this.outcome === 'error') return false;
    return this.#notices === undefined && this.#notifications === undefined;
  }

  toExchange(session: Session): Exchange {
    const { sql, prepared } = this;
    const attributes: Record<string, string> = { ...session.attributes, message: this.message };
    if (prepared !== undefined) {
      if (prepared.name !== '') attributes['statement_name'] = prepared.name;
      if (!prepared.isKnown) attributes['statement_unknown'] = 'true';
    }
    if (this.portal !== undefined && this.portal.name !== '') attributes['portal'] = this.portal.name;
    if (this.parts.length > 1) {
      attributes['statement_index'] = String(Math.min(this.part + 1, this.parts.length));
      attributes['statement_count'] = String(this.parts.length);
    }
    const isRun = this.operation === '';
    if (isRun && sql.unbounded) attributes['unbounded'] = 'true';
    if (isRun && sql.verbs !== '') attributes['verbs'] = sql.verbs;
    if (this.isReplyLost) attributes['reply_lost'] = 'true';
    if (this.#notices !== undefined) attributes['notices'] = JSON.stringify(this.#notices);
    if (this.#notifications !== undefined) attributes['notifications'] = JSON.stringify(this.#notifications);
    if (this.#statuses !== undefined) attributes['parameter_status'] = JSON.stringify(this.#statuses);
    if (this.attributes !== undefined) Object.assign(attributes, this.attributes);
    const request = this.request ?? NO_PAYLOAD;
    const response = this.response ?? NO_PAYLOAD;
    const hasReply = this.responseAt >= 0;
    const exchange: Exchange = {
      operation: isRun ? sql.operation : this.operation,
      target: session.database,
      resource: sql.resource,
      statement: sql.text,
      statementShape: sql.shape,
      parameters: this.parameters,
      request,
      response,
      status: this.status,
      errorCode: this.errorCode,
      errorMessage: this.errorMessage,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      truncated:
        this.isTruncated ||
        (prepared?.isCut ?? false) ||
        request.bytes.length < request.totalBytes ||
        response.bytes.length < response.totalBytes,
      ...(this.#isRoutine && { routine: true as const }),
      ...(this.credential !== undefined && { credential: this.credential }),
      attributes,
      requestAt: this.requestAt,
      requestEndAt: this.requestEndAt,
      responseAt: hasReply ? this.responseAt : this.requestAt,
      responseEndAt: hasReply ? this.responseEndAt : this.requestEndAt,
    };
    return this.rows === undefined ? exchange : { ...exchange, rows: this.rows };
  }
}

function addTo(list: string[] | undefined, entry: string): string[] {
  const entries = list ?? [];
  if (entries.length < LIST_ENTRIES_MAX) entries.push(entry.slice(0, LIST_LENGTH_MAX));
  else if (entries.length === LIST_ENTRIES_MAX) entries.push('…');
  return entries;
}
