// SPDX-License-Identifier: Apache-2.0

/**
 * MCP over HTTP: what a POST asked and what its reply, JSON or server-sent events, answered; and what a stream that was
 * opened by GET told unasked. Each message or pair is an exchange; the bytes on the wire are with the first.
 *
 * Where requests and replies go by different exchanges of HTTP (the older HTTP+SSE, replies to the server's own requests),
 * each half is a line, with the same `rpc_id`.
 *
 * Source   MCP 2025-06-18, Transports, Streamable HTTP; 2024-11-05, HTTP with SSE
 */
import type { Exchange, Payload } from '../decoder.ts';
import { isEventStream, parseEventStream } from '../sse/event-stream.ts';
import { exchangeOf, NO_PAYLOAD } from './exchange.ts';
import { PARSED_BYTES_MAX, type RpcMessage, type RpcRequest, type RpcResponse, readMessages } from './json-rpc.ts';
import { Skimmer } from './skim.ts';
import { isMcp } from './words.ts';

/** A message with its own text, where it was one of several or in an event. */
export interface Found<M extends RpcMessage> {
  readonly message: M;
  readonly payload: Payload | undefined;
}

export function modelContext(exchange: Exchange): readonly Exchange[] | undefined {
  const { attributes, request, response, operation } = exchange;
  if (operation !== 'POST' && operation !== 'GET' && operation !== '') return undefined;
  const isStream = isEventStream(attributes['response_content_type'] ?? '');
  const asked = operation === 'POST' ? found(request) : [];
  const isTold = tells(attributes['request_headers']) || tells(attributes['response_headers']);
  if (!isTold && !asked.some(({ message }) => message.kind !== 'response' && isMcp(message))) {
    if (operation === 'POST' && !isStream) return undefined;
  }
  // What was asked and cannot be read stays where all of it is: in HTTP's row.
  if (asked.length === 0 && exchange.request.totalBytes > 0) return undefined;
  const { told, others } = isStream ? foundInEvents(response) : { told: found(response), others: 0 };
  const isOurs = isTold || [...asked, ...told].some(({ message }) => message.kind !== 'response' && isMcp(message));
  if (!isOurs || asked.length + told.length === 0) return undefined;
  const noted = others === 0 ? {} : { sse_other_events: String(others) };
  return meant({ ...exchange, attributes: { ...attributes, ...noted } }, asked, told);
}

/** A session, or a version that was agreed on, in the fields as they are shown. */
function tells(fields: string | undefined): boolean {
  return fields?.includes('"mcp-') === true && /"mcp-(?:session-id|protocol-version)":/.test(fields);
}

export function isToldByFields({ attributes }: Exchange): boolean {
  const fields = `${attributes['request_headers'] ?? ''}${attributes['response_headers'] ?? ''}`;
  return /"mcp-(?:session-id|protocol-version)":/.test(fields);
}

/** What is in the request's content and what is in the reply's, as exchanges. */
export function meant(
  http: Exchange,
  asked: readonly Found<RpcMessage>[],
  told: readonly Found<RpcMessage>[],
): readonly Exchange[] {
  const replies = new Map<string, Found<RpcResponse>>();
  for (const one of told) if (isReply(one) && one.message.id !== '') replies.set(one.message.id, one);
  const pairs: { askedBy: 'client' | 'server'; request?: Found<RpcRequest>; response?: Found<RpcResponse> }[] = [];
  for (const one of asked) {
    if (isReply(one)) {
      pairs.push({ askedBy: 'server', response: one });
      continue;
    }
    const request = one as Found<RpcRequest>;
    const response = request.message.kind === 'request' ? replies.get(request.message.id) : undefined;
    if (response !== undefined) replies.delete(request.message.id);
    pairs.push({ askedBy: 'client', request, ...(response && { response }) });
  }
  const unasked = told.filter((one) => !isReply(one) || replies.get(one.message.id) === one);
  for (const one of unasked) {
    if (isReply(one)) pairs.push({ askedBy: 'client', response: one });
    else pairs.push({ askedBy: 'server', request: one as Found<RpcRequest> });
  }
  const isAlone = pairs.length === 1;
  // A reply of HTTP that is none of JSON-RPC (a page that says 404) is kept with what was asked.
  const unread = told.length === 0 ? http.response : NO_PAYLOAD;
  return pairs.map(({ askedBy, request, response }, index) => {
    const isFirst = index === 0;
    // What a client asked is in the request's half of HTTP; what a server asks is in the reply's.
    const { request: sent, response: received } = http;
    const whole = { request: askedBy === 'client' ? sent : received, response: askedBy === 'client' ? received : sent };
    const meaning = exchangeOf(
      { protocol: 'mcp', request: request?.message, response: response?.message, askedBy },
      {
        target: http.target,
        request: request === undefined ? NO_PAYLOAD : (request.payload ?? whole.request),
        response: response === undefined ? (isFirst ? unread : NO_PAYLOAD) : (response.payload ?? whole.response),
        requestBytes: isFirst ? http.requestBytes : 0,
        responseBytes: isFirst ? http.responseBytes : 0,
        truncated: http.truncated,
        attributes: {
          ...(isFirst ? http.attributes : briefly(http.attributes)),
          http_method: http.operation,
          http_path: http.resource,
          ...(!isAlone && { carried_with: String(pairs.length) }),
          ...missing(request, response),
        },
        requestAt: http.requestAt,
        requestEndAt: http.requestEndAt,
        responseAt: http.responseAt,
        responseEndAt: http.responseEndAt,
      },
    );
    const failed = meaning.status === 'unknown' && http.status === 'error';
    return {
      ...meaning,
      ...(failed && { status: http.status, errorCode: http.errorCode, errorMessage: http.errorMessage }),
      ...(http.credential && { credential: http.credential }),
    };
  });
}

export function isReply(one: Found<RpcMessage>): one is Found<RpcResponse> {
  return one.message.kind === 'response';
}

function missing(request: Found<RpcRequest> | undefined, response: unknown): Record<string, string> {
  if (request === undefined) return { request_missing: 'elsewhere' };
  return request.message.kind === 'request' && response === undefined ? { response_missing: 'elsewhere' } : {};
}

/** Heads of HTTP stand with the first only: of a long stream they would be repeated a thousand times. */
export function briefly(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    ['http_version', 'status_code', 'user_agent'].flatMap((name) =>
      attributes[name] === undefined ? [] : [[name, attributes[name]]],
    ),
  );
}

export function found({ bytes, totalBytes }: Payload): Found<RpcMessage>[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.length === 0 || !/^\s*[[{]/.test(text.toString('latin1', 0, 32))) return [];
  if (bytes.length < totalBytes || bytes.length > PARSED_BYTES_MAX) {
    const skimmer = new Skimmer();
    skimmer.push(bytes);
    const message = skimmer.message();
    return message === undefined ? [] : [{ message, payload: undefined }];
  }
  const all = text.toString();
  // Without that name it is none, however it is parsed; names may be written with escapes.
  if (!all.includes('jsonrpc') && !all.includes('\\u')) return [];
  const messages = readMessages(all) ?? [];
  const isBatch = /^\s*\[/.test(text.toString('latin1', 0, 32));
  return messages.map((message) => ({ message, payload: isBatch ? payloadOf(jsonOf(message)) : undefined }));
}

/** Events that are no messages (`endpoint` of the older transport, keep-alives) are counted. */
function foundInEvents({ bytes }: Payload): { told: Found<RpcMessage>[]; others: number } {
  const told: Found<RpcMessage>[] = [];
  let others = 0;
  for (const { data } of parseEventStream(bytes).events) {
    const messages = data.length > PARSED_BYTES_MAX ? undefined : readMessages(data);
    if (messages === undefined) others++;
    else for (const message of messages) told.push({ message, payload: payloadOf(data) });
  }
  return { told, others };
}

export function payloadOf(text: string): Payload {
  const bytes = Buffer.from(text);
  return { bytes, totalBytes: bytes.length };
}

/** A member of a batch, written again: the batch's own text has no borders that outlast reading it. */
function jsonOf(message: RpcMessage): string {
  const id = message.id === '' ? {} : { id: JSON.parse(message.id) as unknown };
  if (message.kind !== 'response') {
    const { method, params } = message;
    return JSON.stringify({ jsonrpc: '2.0', ...id, method, params });
  }
  const { result, error } = message;
  return JSON.stringify({ jsonrpc: '2.0', ...id, ...(error === undefined ? { result } : { error }) });
}
