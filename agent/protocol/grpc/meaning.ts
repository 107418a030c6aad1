// SPDX-License-Identifier: Apache-2.0

/**
 * gRPC over HTTP: which method was called, and how it ended. Messages stay bytes, since their schema is not known.
 *
 * Source   grpc/grpc, doc/PROTOCOL-HTTP2.md, doc/PROTOCOL-WEB.md, doc/statuscodes.md
 */
import type { Exchange, Payload } from '../decoder.ts';
import type { Meaning, TakeSecret } from '../http/meanings.ts';
import { redactTokens } from '../http/secret-tokens.ts';
import { fieldView } from './field-view.ts';
import { type Messages, readMessages } from './messages.ts';

const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

const CONTENT_TYPE = /^application\/grpc(-web)?(?:\+[\w.-]+)?(?:;|$)/i;
const OWN_FIELDS = ['grpc-encoding', 'grpc-status', 'grpc-message'] as const;
const METHOD_PATH = /^\/(.+)\/([^/]+)$/;

export const grpc: Meaning = (exchange, take) => {
  const { attributes } = exchange;
  const type = CONTENT_TYPE.exec(attributes['request_content_type'] ?? attributes['response_content_type'] ?? '');
  if (type === null) return undefined;
  const isWeb = type[1] !== undefined;
  const [, service = '', method = ''] = METHOD_PATH.exec(exchange.resource) ?? [];
  const request = half(exchange, 'request', isWeb, take);
  const response = half(exchange, 'response', isWeb, take);
  const ending = endingOf(exchange, response.messages?.trailers ?? '');
  const isUnary = request.messages?.count === 1 && request.messages.restBytes === 0;
  return [
    {
      ...exchange,
      protocol: 'grpc',
      operation: method || exchange.operation,
      resource: service === '' ? exchange.resource : `${service}/${method}`,
      parameters: isUnary && request.messages?.first !== undefined ? fieldView(request.messages.first) : '',
      request: request.payload,
      response: response.payload,
      ...outcome(exchange, ending),
      attributes: {
        ...attributes,
        ...request.attributes,
        ...response.attributes,
        ...(ending !== undefined && { grpc_status: String(ending.code) }),
      },
    },
  ];
};

interface Half {
  readonly payload: Payload;
  /** Undefined where a credential was taken out of the body, and with it the place of what follows. */
  readonly messages: Messages | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

function half(exchange: Exchange, side: 'request' | 'response', isWeb: boolean, take: TakeSecret): Half {
  const payload = exchange[side];
  if (exchange.attributes[`${side}_redactions`] !== undefined) {
    return { payload, messages: undefined, attributes: { [`grpc_${side}_framing`]: 'redacted' } };
  }
  const coding = fieldsOf(exchange, `${side}_headers`)['grpc-encoding'] ?? 'identity';
  const bytes = Buffer.from(payload.bytes.buffer, payload.bytes.byteOffset, payload.bytes.byteLength);
  const messages = readMessages(bytes, coding, isWeb, side === 'response');
  for (const secret of messages.secrets) take(side, secret);
  const attributes: Record<string, string> = { [`grpc_${side}_messages`]: String(messages.count) };
  const set = (name: string, value: number): void => {
    if (value > 0) attributes[name] = String(value);
  };
  if (coding !== 'identity') attributes[`grpc_${side}_encoding`] = coding.slice(0, 32);
  set(`grpc_${side}_decompressed`, messages.decompressed);
  set(`grpc_${side}_undecoded`, messages.undecoded);
  // Of a body that was cut, the messages beyond are in no count.
  set(`grpc_${side}_rest_bytes`, messages.restBytes);
  set(`${side}_redactions`, messages.secrets.length);
  return {
    payload: messages.decompressed === 0 ? payload : { ...payload, bytes: messages.bytes },
    messages,
    attributes,
  };
}

interface Ending {
  readonly code: number;
  readonly message: string;
}

/** In the trailers, in the head where there is nothing else, or behind the messages of gRPC-Web. */
function endingOf(exchange: Exchange, webTrailers: string): Ending | undefined {
  const fields: Record<string, string> = {
    ...fieldsOf(exchange, 'response_headers'),
    ...fieldsOf(exchange, 'response_trailers'),
  };
  for (const [, name, value] of webTrailers.matchAll(/^(grpc-[a-z]+) *: *(.*?)\r?$/gim)) {
    fields[name!.toLowerCase()] = value!;
  }
  const status = fields['grpc-status'] ?? '';
  if (!/^\d{1,3}$/.test(status)) return undefined;
  return { code: Number(status), message: redactTokens(percentDecoded(fields['grpc-message'] ?? ''), []) };
}

function outcome(
  exchange: Exchange,
  ending: Ending | undefined,
): Pick<Exchange, 'status' | 'errorCode' | 'errorMessage'> {
  if (ending?.code === 0) return { status: 'ok', errorCode: '', errorMessage: '' };
  if (ending !== undefined) {
    return {
      status: 'error',
      errorCode: STATUS_NAMES[ending.code] ?? String(ending.code),
      errorMessage: ending.message,
    };
  }
  // Without a status the call has not ended well, whatever HTTP says of the beginning.
  const { status, errorCode, errorMessage } = exchange;
  return { status: status === 'ok' ? 'unknown' : status, errorCode, errorMessage };
}

/** gRPC's fields of those that are shown; of repeated ones the first. */
function fieldsOf(exchange: Exchange, attribute: string): Record<string, string> {
  const json = exchange.attributes[attribute];
  const own: Record<string, string> = {};
  // Most sections have none, and are not parsed again.
  if (json?.includes('"grpc-') !== true) return own;
  const fields = JSON.parse(json) as Record<string, string | string[]>;
  for (const name of OWN_FIELDS) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value !== undefined) own[name] = Array.isArray(value) ? (value[0] ?? '') : value;
  }
  return own;
}

/** What is not well encoded stays as it is. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
