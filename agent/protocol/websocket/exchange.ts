// SPDX-License-Identifier: Apache-2.0

/** What one side said, as an exchange: nothing in WebSocket says which message answers which. */
import type { Agreement, Exchange, Payload, Side, Status } from '../decoder.ts';
import { pathShape } from '../http/target.ts';

const NO_PAYLOAD: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

/** A statement shows that much of a message's text, in characters; all of it is in the payload. */
const TEXT_SHOWN_MAX = 1024;

export interface Said {
  readonly from: Side;
  readonly operation: string;
  /** What is shown behind operation and path; '' for nothing. */
  readonly text: string;
  readonly payload?: Payload;
  readonly wireBytes: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly status: Status;
  readonly truncated?: boolean;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly routine?: boolean;
  readonly at: number;
  readonly endAt: number;
}

export function exchangeOf(said: Said, agreement: Agreement | undefined): Exchange {
  const { from, operation, payload = NO_PAYLOAD, wireBytes, at, endAt } = said;
  const path = (agreement?.path ?? '').split('?')[0] as string;
  const isClient = from === 'client';
  const text = said.text.length > TEXT_SHOWN_MAX ? `${said.text.slice(0, TEXT_SHOWN_MAX).toWellFormed()}…` : said.text;
  return {
    operation,
    target: agreement?.authority ?? '',
    resource: path,
    statement: [operation, path, text].filter((word) => word !== '').join(' '),
    statementShape: [operation, pathShape(path)].filter((word) => word !== '').join(' '),
    parameters: '',
    request: isClient ? payload : NO_PAYLOAD,
    response: isClient ? NO_PAYLOAD : payload,
    status: said.status,
    errorCode: said.errorCode ?? '',
    errorMessage: said.errorMessage ?? '',
    requestBytes: isClient ? wireBytes : 0,
    responseBytes: isClient ? 0 : wireBytes,
    truncated: said.truncated ?? false,
    ...(said.routine && { routine: true }),
    ...(agreement?.credential && { credential: agreement.credential }),
    attributes: said.attributes,
    requestAt: at,
    requestEndAt: endAt,
    responseAt: at,
    responseEndAt: endAt,
  };
}
