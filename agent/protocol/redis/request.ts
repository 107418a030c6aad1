// SPDX-License-Identifier: Apache-2.0

import type { CarriedCredential, Exchange, Payload, Status } from '../decoder.ts';
import type { Session } from './session.ts';

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };
/** What a request costs beside its texts. */
const REQUEST_BYTES = 256;

/** One exchange in the making. */
export class Request {
  /** The command's name in lower case, with a `|` before the subcommand; '' of what the server said unasked. */
  name = '';
  operation = '';
  resource = '';
  statement = '';
  shape = '';
  parameters = '';
  response: Payload = NOTHING;
  status: Status = 'unknown';
  errorCode = '';
  errorMessage = '';
  rows: number | undefined;
  requestBytes = 0;
  responseBytes = 0;
  isTruncated = false;
  requestAt = 0;
  requestEndAt = 0;
  responseAt = -1;
  responseEndAt = -1;
  /** Database of the session when the command was sent. */
  database = '';
  /** Of AUTH, until it is handed over. */
  password: string | undefined;
  credential: CarriedCredential | undefined;
  readonly attributes: Record<string, string> = {};
  /** Replies that are still to come: SUBSCRIBE has one for each channel. */
  repliesLeft = 1;
  /** What takes effect when it is answered with success. */
  onSuccess: ((session: Session) => void) | undefined;

  get heldBytes(): number {
    const texts = this.statement.length + this.parameters.length + this.resource.length + this.shape.length;
    return REQUEST_BYTES + texts + this.response.bytes.length;
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

  toExchange(session: Session): Exchange {
    const attributes = { ...this.attributes };
    if (session.user !== '') attributes['user'] = session.user;
    if (session.clientName !== '') attributes['client_name'] = session.clientName;
    const { rows } = this;
    return {
      operation: this.operation,
      target: this.database,
      resource: this.resource,
      statement: this.statement,
      statementShape: this.shape,
      parameters: this.parameters,
      request: NOTHING,
      response: this.response,
      status: this.status,
      errorCode: this.errorCode,
      errorMessage: this.errorMessage,
      ...(rows === undefined ? {} : { rows }),
      ...(this.credential !== undefined && { credential: this.credential }),
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      truncated: this.isTruncated || this.response.bytes.length < this.response.totalBytes,
      attributes,
      requestAt: this.requestAt,
      requestEndAt: this.requestEndAt,
      responseAt: this.responseAt < 0 ? this.requestEndAt : this.responseAt,
      responseEndAt: this.responseAt < 0 ? this.requestEndAt : this.responseEndAt,
    };
  }
}
