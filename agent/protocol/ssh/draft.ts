// SPDX-License-Identifier: Apache-2.0

/** An exchange in the making. */
import type { CarriedCredential, Exchange, Payload, Side, Status } from '../decoder.ts';

/** Bytes on the wire since the last exchange that took them. */
export type WireBytes = Record<Side, number>;

export interface Draft {
  operation: string;
  target: string;
  resource: string;
  statement: string;
  statementShape?: string;
  parameters?: string;
  request?: Payload;
  response?: Payload;
  status: Status;
  errorCode?: string;
  errorMessage?: string;
  rows?: number;
  truncated?: boolean;
  routine?: boolean;
  credential?: CarriedCredential | undefined;
  attributes: Record<string, string>;
  requestAt: number;
  requestEndAt: number;
  responseAt?: number | undefined;
  responseEndAt?: number | undefined;
}

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

/** The exchange; it takes all of `wire`. */
export function exchangeOf(draft: Draft, wire: WireBytes): Exchange {
  const { client: requestBytes, server: responseBytes } = wire;
  wire.client = 0;
  wire.server = 0;
  const attributes: Record<string, string> = {};
  for (const name in draft.attributes) {
    const value = draft.attributes[name]!;
    if (value !== '') attributes[name] = value;
  }
  const responseAt = draft.responseAt ?? draft.requestAt;
  return {
    protocol: 'ssh',
    operation: draft.operation,
    target: draft.target,
    resource: draft.resource,
    statement: draft.statement,
    statementShape: draft.statementShape ?? draft.operation,
    parameters: draft.parameters ?? '',
    request: draft.request ?? NOTHING,
    response: draft.response ?? NOTHING,
    status: draft.status,
    errorCode: draft.errorCode ?? '',
    errorMessage: draft.errorMessage ?? '',
    ...(draft.rows !== undefined && { rows: draft.rows }),
    requestBytes,
    responseBytes,
    truncated: draft.truncated ?? false,
    ...(draft.routine === true && { routine: true }),
    ...(draft.credential && { credential: draft.credential }),
    attributes,
    requestAt: draft.requestAt,
    requestEndAt: draft.requestEndAt,
    responseAt,
    responseEndAt: draft.responseEndAt ?? (draft.responseAt === undefined ? draft.requestEndAt : responseAt),
  };
}
