// SPDX-License-Identifier: Apache-2.0

/** A request with its reply, or one half of it, as an exchange. */
import type { Exchange, Payload } from '../decoder.ts';
import type { RpcRequest, RpcResponse } from './json-rpc.ts';
import { type ReplyWords, replyWords, requestWords } from './words.ts';

export const NO_PAYLOAD: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

/** What both ways of carrying messages fill in themselves. */
export type Carried = Pick<
  Exchange,
  | 'target'
  | 'request'
  | 'response'
  | 'requestBytes'
  | 'responseBytes'
  | 'truncated'
  | 'requestAt'
  | 'requestEndAt'
  | 'responseAt'
  | 'responseEndAt'
> & { readonly attributes: Readonly<Record<string, string>> };

export interface Pair {
  readonly protocol: 'mcp' | 'json-rpc';
  /** At least one of both. */
  readonly request: RpcRequest | undefined;
  readonly response: RpcResponse | undefined;
  /** Of the two ends, who asked. */
  readonly askedBy: 'client' | 'server';
}

const UNANSWERED: ReplyWords = { status: 'unknown', errorCode: '', errorMessage: '', attributes: {} };
/** What a reply is called whose request was elsewhere, or was not seen. */
const REPLY = 'response';

export function exchangeOf({ protocol, request, response, askedBy }: Pair, carried: Carried): Exchange {
  const asked =
    request === undefined
      ? { operation: REPLY, resource: '', statement: REPLY, statementShape: REPLY, parameters: '', attributes: {} }
      : requestWords(request);
  const replied = response === undefined ? UNANSWERED : replyWords(request?.method ?? '', response);
  const id = request?.id || response?.id || '';
  const isNotification = request?.kind === 'notification';
  return {
    ...carried,
    protocol,
    operation: asked.operation,
    resource: asked.resource,
    statement: asked.statement,
    statementShape: asked.statementShape,
    parameters: asked.parameters,
    status: isNotification ? 'ok' : replied.status,
    errorCode: replied.errorCode,
    errorMessage: replied.errorMessage,
    attributes: {
      ...carried.attributes,
      ...(id !== '' && { rpc_id: id }),
      ...(askedBy === 'server' && { asked_by: 'server' }),
      ...asked.attributes,
      ...replied.attributes,
    },
  };
}
