// SPDX-License-Identifier: Apache-2.0

/** A stream as an exchange, in the words of HTTP. */
import type { DecoderBounds, Exchange } from '../decoder.ts';
import { exchangeOf, type Halves } from '../http/exchange.ts';
import { replyPart, requestPart } from '../http/parts.ts';
import { redactTokens } from '../http/secret-tokens.ts';
import type { FoundSecret } from '../http/secrets.ts';
import { errorName } from './frames.ts';
import type { Stream } from './stream.ts';

/** The last word of the server: which streams it took up, and why it goes. */
export interface Goaway {
  readonly lastStream: number;
  readonly code: number;
  readonly text: string;
}

export interface StreamSecrets {
  readonly request: FoundSecret[];
  readonly reply: FoundSecret[];
}

const HALVES = ['request', 'reply'] as const;

/** REFUSED_STREAM (RFC 9113, section 7): what a stream above GOAWAY's last one is, too. */
const REFUSED = 7;

/** As far as they were read. The bodies are taken out of the stream; `stream.asking` is what was taken before. */
export function streamHalves(stream: Stream, bounds: DecoderBounds, missing: string, secrets: StreamSecrets): Halves {
  const { request, reply, asking } = stream;
  return {
    startedAt: stream.startedAt,
    request:
      asking ??
      (request.message && requestPart(request.message, request.notes!, request.target!, bounds, secrets.request)),
    unread: false,
    givenOut: stream.givenOut,
    reply: reply.message && replyPart(reply.message, reply.notes!, bounds, secrets.reply),
    early: stream.isEarly,
    interim: stream.interim,
    interimBytes: stream.interimBytes,
    uncertain: false,
    missing,
  };
}

/** Undefined when nothing of it was read. What is found in bodies and trailers is added to `secrets`. */
export function streamExchange(
  stream: Stream,
  bounds: DecoderBounds,
  goaway: Goaway | undefined,
  missing: string,
  secrets: StreamSecrets,
): Exchange | undefined {
  const { reply, asked } = stream;
  const plain = exchangeOf(streamHalves(stream, bounds, missing, secrets));
  if (plain === undefined) return asked && { ...asked, protocol: 'http' };
  const attributes = { ...plain.attributes };
  addStreamAttributes(attributes, stream, goaway);
  const failure = failureOf(stream, plain, goaway);
  if (reply.message?.start.statusCode === 0) delete attributes['status_code'];
  const exchange: Exchange = {
    ...plain,
    protocol: 'http',
    ...(reply.message?.start.statusCode === 0 && { status: 'unknown' }),
    ...failure,
    attributes,
  };
  return asked === undefined ? exchange : joined(asked, exchange);
}

function addStreamAttributes(attributes: Record<string, string>, stream: Stream, goaway: Goaway | undefined): void {
  attributes['stream_id'] = String(stream.id);
  const { reset } = stream;
  if (reset !== undefined) {
    attributes['reset_by'] = reset.by;
    attributes['reset_error'] = errorName(reset.code);
  }
  if (stream.isPushed) attributes['pushed'] = 'true';
  const { connectProtocol } = stream.request;
  if (connectProtocol !== '') attributes['connect_protocol'] = connectProtocol;
  for (const side of HALVES) {
    const { linesNotKept, unknownLines } = stream[side];
    if (linesNotKept === 0 && unknownLines === 0) continue;
    const name = side === 'reply' ? 'response' : side;
    if (linesNotKept > 0) attributes[`${name}_headers_not_kept`] = String(linesNotKept);
    // The table of what was said before was not seen, or is larger than what is followed.
    if (unknownLines > 0) attributes[`${name}_headers_unknown`] = String(unknownLines);
  }
  if (goaway !== undefined && !stream.reply.hasEnded) {
    attributes['goaway_error'] = errorName(goaway.code);
    if (stream.id > goaway.lastStream) attributes['goaway_processed'] = 'false';
  }
}

/** The name of HTTP/2's error where there is no status that says why. */
function failureOf(stream: Stream, plain: Exchange, goaway: Goaway | undefined): Partial<Exchange> {
  if (plain.status === 'error') return {};
  const { reset, reply, request } = stream;
  // Who has both whole and then resets it wants nothing more of it.
  if (reset?.by === 'client' && request.hasEnded && reply.hasEnded) return {};
  if (reset !== undefined && reset.code !== 0) {
    return { status: 'error', errorCode: errorName(reset.code), errorMessage: '' };
  }
  if (goaway === undefined || reply.hasEnded || reset !== undefined) return {};
  if (goaway.code !== 0) return { status: 'error', errorCode: errorName(goaway.code), errorMessage: goaway.text };
  return stream.id > goaway.lastStream ? { status: 'error', errorCode: errorName(REFUSED), errorMessage: '' } : {};
}

/** The request of HTTP/1 that turned the connection to HTTP/2, with its answer. */
function joined(asked: Exchange, answered: Exchange): Exchange {
  const { request_missing: _, ...attributes } = answered.attributes;
  const { response_missing: __, ...askedAttributes } = asked.attributes;
  return {
    ...asked,
    protocol: 'http',
    response: answered.response,
    status: answered.status,
    errorCode: answered.errorCode,
    errorMessage: answered.errorMessage,
    responseBytes: asked.responseBytes + answered.responseBytes,
    truncated: asked.truncated || answered.truncated,
    attributes: { ...askedAttributes, ...attributes },
    responseAt: answered.responseAt,
    responseEndAt: answered.responseEndAt,
  };
}

/** What GOAWAY says besides its code: for people, of any length and in any bytes. */
const TEXT_BYTES_MAX = 256;

export function goawayText(debug: Buffer): string {
  const text = debug.toString('latin1', 0, TEXT_BYTES_MAX).replace(/[^\x20-\x7e]/g, '.');
  return redactTokens(text, []);
}
