// SPDX-License-Identifier: Apache-2.0

import type { Exchange, Payload, Status } from '../decoder.ts';
import { EMPTY_STATEMENT, type Statement } from '../sql/statement.ts';
import type { Column } from './columns.ts';
import type { Prepared } from './prepared.ts';

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };
const REQUEST_BYTES = 512;
export const NAME_LENGTH_MAX = 256;

/** What the server's next message is to a request. */
export type Awaited =
  | 'login'
  | 'first'
  | 'columns'
  | 'rows'
  | 'infile'
  | 'prepared-parameters'
  | 'prepared-columns'
  | 'text'
  | 'nothing';

/** One exchange in the making; a text of several statements is one after the other. */
export class Request {
  /** The command byte; -1 of a login. */
  readonly command: number;
  operation = '';
  target = '';
  sql: Statement = EMPTY_STATEMENT;
  /** Of a text of several statements, all, and which of them the server is at. */
  parts: readonly Statement[] = [];
  part = 0;
  parameters = '';
  request: Payload = NOTHING;
  response: Payload = NOTHING;
  status: Status = 'unknown';
  errorCode = '';
  errorMessage = '';
  rows: number | undefined;
  requestBytes = 0;
  responseBytes = 0;
  isTruncated = false;
  requestAt = -1;
  requestEndAt = -1;
  responseAt = -1;
  responseEndAt = -1;
  attributes: Record<string, string> = {};
  awaited: Awaited = 'first';
  columns: Column[] = [];
  columnsLeft = 0;
  /** The EOF behind the columns was there. */
  hasColumnsEnd = false;
  /** Result sets so far, of this exchange. */
  results = 0;
  prepared: Prepared | undefined;
  /** The rows are in binary. */
  isBinary = false;
  /** Of a prepared statement: definitions still to come. */
  parametersLeft = 0;
  user = '';
  /** What it is counted with while it waits. */
  heldBytes = 0;

  constructor(command: number) {
    this.command = command;
  }

  /** To be called when it begins to wait: what is subtracted later is what was added, whatever changed meanwhile. */
  settleHeldBytes(): void {
    const statements = this.parts.length > 0 ? this.parts : [this.sql];
    const length = statements.reduce((sum, { text }) => sum + text.length, 0);
    this.heldBytes = REQUEST_BYTES + length + this.parameters.length;
  }

  addRequest(bytes: number, firstAt: number, lastAt: number): void {
    this.requestBytes += bytes;
    if (this.requestAt < 0) this.requestAt = firstAt;
    this.requestEndAt = lastAt;
  }

  addResponse(bytes: number, firstAt: number, lastAt: number): void {
    this.responseBytes += bytes;
    if (this.responseAt < 0) this.responseAt = firstAt;
    this.responseEndAt = lastAt;
  }

  fail(code: string, message: string): void {
    this.status = 'error';
    this.errorCode = code;
    this.errorMessage = message;
  }

  /** Go on to the next statement of the text; what was given out is not given again. */
  nextPart(): void {
    this.part++;
    this.sql = this.parts[this.part] ?? EMPTY_STATEMENT;
    this.response = NOTHING;
    this.request = NOTHING;
    this.status = 'unknown';
    this.errorCode = '';
    this.errorMessage = '';
    this.rows = undefined;
    this.requestBytes = 0;
    this.responseBytes = 0;
    this.responseAt = -1;
    this.columns = [];
    this.results = 0;
    this.isTruncated = false;
    this.attributes = {};
  }

  toExchange(user: string): Exchange {
    const { sql, rows } = this;
    const attributes = { ...this.attributes };
    if (user !== '') attributes['user'] = user;
    if (sql.verbs !== '') attributes['verbs'] = sql.verbs;
    if (sql.unbounded) attributes['unbounded'] = 'true';
    if (this.parts.length > 1) {
      attributes['statement_index'] = String(this.part + 1);
      attributes['statement_count'] = String(this.parts.length);
    }
    const requestAt = this.requestAt < 0 ? this.responseAt : this.requestAt;
    const requestEndAt = this.requestAt < 0 ? requestAt : this.requestEndAt;
    return {
      operation: this.operation || sql.operation || 'QUERY',
      target: this.target,
      resource: sql.resource,
      statement: sql.text,
      statementShape: sql.shape,
      parameters: this.parameters,
      request: this.request,
      response: this.response,
      status: this.status,
      errorCode: this.errorCode,
      errorMessage: this.errorMessage,
      ...(rows === undefined ? {} : { rows }),
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      truncated: this.isTruncated || this.response.bytes.length < this.response.totalBytes,
      attributes,
      requestAt,
      requestEndAt,
      responseAt: this.responseAt < 0 ? requestEndAt : this.responseAt,
      responseEndAt: this.responseAt < 0 ? requestEndAt : this.responseEndAt,
    };
  }
}
