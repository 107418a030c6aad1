// SPDX-License-Identifier: Apache-2.0

import type { Exchange, Payload, Status } from '../decoder.ts';

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

export interface Said {
  readonly protocol: 'socks' | 'proxy';
  readonly operation: string;
  /** host:port, or ''. */
  readonly place: string;
  readonly status: Status;
  readonly errorCode?: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly requestAt: number;
  readonly requestEndAt: number;
  readonly responseAt: number;
}

/** Its messages are no payload: all that they say is in words, but for passwords. */
export function exchangeOf(said: Said): Exchange {
  const { operation, place, responseAt, errorCode = '' } = said;
  const statement = [operation, place].filter((part) => part !== '').join(' ');
  return {
    protocol: said.protocol,
    ...{ operation, target: place, resource: place, statement, statementShape: statement.toLowerCase() },
    ...{ parameters: '', request: NOTHING, response: NOTHING, status: said.status, errorCode, errorMessage: '' },
    ...{ requestBytes: said.requestBytes, responseBytes: said.responseBytes, truncated: false },
    ...{ attributes: said.attributes, requestAt: said.requestAt, requestEndAt: said.requestEndAt },
    ...{ responseAt, responseEndAt: responseAt },
  };
}

/** Names and addresses with a port, as URLs have them. */
export function placeOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A name as bytes have it, without what is no text. */
export function textOf(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/[^\x21-\x7e\u00a1-\uffff]/g, '?')
    .slice(0, 255);
}
