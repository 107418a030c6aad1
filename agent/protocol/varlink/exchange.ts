// SPDX-License-Identifier: Apache-2.0

/** A call with its replies in the words of the record. */
import type { Exchange, Payload } from '../decoder.ts';
import type { Framed } from './message-stream.ts';
import type { VarlinkCall, VarlinkReply } from './messages.ts';
import { isResolving, namesIn } from './resolved.ts';

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };

export interface Asked {
  /** Undefined of a call that was too long to be read. */
  readonly call: VarlinkCall | undefined;
  readonly framed: Framed;
}

/** Replies to one call; of several, `payload` has them in lines. */
export interface Answered {
  readonly last: VarlinkReply | undefined;
  readonly payload: Payload;
  readonly truncated: boolean;
  readonly replies: number;
  readonly wireBytes: number;
  readonly at: number;
  readonly endAt: number;
}

/** `asked` and `answered`, one of them at least. */
export function exchangeOf(
  asked: Asked | undefined,
  answered: Answered | undefined,
  more: Readonly<Record<string, string>>,
): Exchange {
  const call = asked?.call;
  const reply = answered?.last;
  const method = call?.method ?? '';
  const dot = method.lastIndexOf('.');
  const at = asked?.framed.at ?? answered?.at ?? 0;
  const endAt = asked?.framed.endAt ?? at;
  return {
    operation: dot < 0 ? 'CALL' : method.slice(dot + 1),
    target: dot < 0 ? '' : method.slice(0, dot),
    resource: call === undefined ? '' : resourceOf(call),
    statement: [method, call?.parameters ?? ''].filter((part) => part !== '').join(' '),
    statementShape: method.toLowerCase(),
    parameters: call?.parameters ?? '',
    request: asked?.framed.payload ?? NOTHING,
    response: answered?.payload ?? NOTHING,
    status: reply === undefined ? (call?.oneway ? 'ok' : 'unknown') : reply.error === '' ? 'ok' : 'error',
    errorCode: reply?.error ?? '',
    errorMessage: reply === undefined || reply.error === '' ? '' : reply.parameters,
    requestBytes: asked?.framed.wireBytes ?? 0,
    responseBytes: answered?.wireBytes ?? 0,
    truncated: (asked?.framed.truncated ?? false) || (answered?.truncated ?? false),
    attributes: {
      ...(call?.oneway && { oneway: 'true' }),
      ...(call?.upgrade && { upgrade: 'true' }),
      ...((answered?.replies ?? 0) > 1 && { replies: String(answered?.replies) }),
      ...(call !== undefined && reply !== undefined && isResolving(call) && namesIn(reply)),
      ...more,
    },
    requestAt: at,
    requestEndAt: endAt,
    responseAt: answered?.at ?? endAt,
    responseEndAt: answered?.endAt ?? endAt,
  };
}

/** Of a question for a name the name, as a question of DNS has it; else what is called. */
function resourceOf(call: VarlinkCall): string {
  const name = isResolving(call) ? call.values['name'] : undefined;
  return typeof name === 'string' ? name.toLowerCase().replace(/\.$/, '') : call.method;
}
