// SPDX-License-Identifier: Apache-2.0

/**
 * DNS over HTTPS: a query and its reply in the words of DNS, and how they went in attributes of HTTP.
 *
 * Shape    POST with content of type application/dns-message, or GET with the message in base64url as the parameter `dns`; the
 *          reply is content of that type
 * Errors   never throws; what is no such message stays HTTP's
 * Source   RFC 8484, sections 4.1 and 6
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { Exchange, Payload } from '../decoder.ts';
import type { Meaning } from '../http/meanings.ts';
import { sayExchange } from './exchange.ts';
import { type Message, readMessage } from './message.ts';
import { sameCase } from './name.ts';
import type { Arrived } from './talk.ts';

const CONTENT_TYPE = /^application\/dns-message *(?:;|$)/i;
/** RFC 8484, section 6. */
const MESSAGE_BYTES_MAX = 65_535;
const BASE64URL = /^[\w-]+={0,2}$/;
/** Already said, or said otherwise by the message. */
const NOT_REPEATED = new Set(['unasked']);

export const dnsOverHttps: Meaning = (exchange) => {
  const { attributes } = exchange;
  const asked = CONTENT_TYPE.test(attributes['request_content_type'] ?? '');
  const answered = CONTENT_TYPE.test(attributes['response_content_type'] ?? '');
  if (!asked && !answered) return undefined;
  // A message with something taken out has its lengths no more.
  if (attributes['request_redactions'] !== undefined || attributes['response_redactions'] !== undefined)
    return undefined;
  const query = asked ? exchange.request : fromTarget(exchange);
  const request = half(exchange, 'client', query);
  if (request === undefined || request.message.isReply) return undefined;
  const response = answered ? half(exchange, 'server', exchange.response) : undefined;
  const reply = response?.message.isReply === true ? response : undefined;
  const said = sayExchange(request, reply, '');
  const ownAttributes = Object.entries(said.attributes).filter(([name]) => !NOT_REPEATED.has(name));
  return [
    {
      ...exchange,
      protocol: 'dns',
      operation: said.operation,
      resource: said.resource,
      statement: said.statement,
      statementShape: said.statementShape,
      parameters: '',
      request: said.request,
      ...(reply !== undefined && {
        response: said.response,
        status: said.status,
        errorCode: said.errorCode,
        errorMessage: said.errorMessage,
      }),
      ...(said.rows !== undefined && { rows: said.rows }),
      attributes: {
        ...attributes,
        ...Object.fromEntries(ownAttributes),
        http_method: exchange.operation,
        http_path: exchange.resource,
        // Then its addresses are no answer to what was asked.
        ...(reply !== undefined && !isAnswer(reply.message, request.message) && { unasked: 'true' }),
      },
    },
  ];
};

/** The message in the target of a GET. */
function fromTarget({ operation, parameters }: Exchange): Payload | undefined {
  if (operation !== 'GET' || parameters === '') return undefined;
  const { dns } = JSON.parse(parameters) as Record<string, string | string[]>;
  if (typeof dns !== 'string' || dns.length > 2 * MESSAGE_BYTES_MAX || !BASE64URL.test(dns)) return undefined;
  const bytes = Uint8Array.from(Buffer.from(dns, 'base64url'));
  return { bytes, totalBytes: bytes.length };
}

function half(exchange: Exchange, from: 'client' | 'server', payload: Payload | undefined): Arrived | undefined {
  if (payload === undefined || payload.bytes.length < payload.totalBytes) return undefined;
  if (payload.totalBytes > MESSAGE_BYTES_MAX) return undefined;
  const message = readMessage(asBuffer(payload.bytes));
  if (message === undefined) return undefined;
  const { requestBytes, responseBytes, requestAt, requestEndAt, responseAt, responseEndAt } = exchange;
  const times =
    from === 'client'
      ? { wireBytes: requestBytes, firstAt: requestAt, lastAt: requestEndAt }
      : { wireBytes: responseBytes, firstAt: responseAt, lastAt: responseEndAt };
  return { from, message, payload, ...times };
}

function isAnswer({ questions: [inReply] }: Message, { questions: [inQuery] }: Message): boolean {
  if (inReply === undefined || inQuery === undefined) return inReply === inQuery;
  return inReply.type === inQuery.type && sameCase(inReply.name) === sameCase(inQuery.name);
}
