// SPDX-License-Identifier: Apache-2.0

/**
 * A reply of server-sent events that carries MCP, read while it arrives: a stream may stay open for hours. Each message is an
 * exchange as soon as its event is complete. HTTP's own exchange comes at the end, without what was given out, where the stream
 * has more to say: what it was, how many events, and all that is no message.
 *
 * Errors   never throws
 * Keeps    one event and what is no message, each up to the bound of replies; what was asked and is not answered
 */
import type { DecoderBounds, DecoderSink, Exchange } from '../decoder.ts';
import { handOver, IN_REPLY } from '../http/hand-over.ts';
import { GrowingBytes } from '../http/held-bytes.ts';
import { type Following, KeptBody } from '../http/kept-body.ts';
import { redactContent } from '../http/secret-content.ts';
import {
  EventStreamReader,
  isEventStream,
  type LongData,
  parseEventStream,
  type ServerSentEvent,
} from '../sse/event-stream.ts';
import { NO_PAYLOAD } from './exchange.ts';
import { PARSED_BYTES_MAX, type RpcMessage, readMessages } from './json-rpc.ts';
import { briefly, type Found, found, isReply, isToldByFields, meant } from './over-http.ts';
import { Skimmer } from './skim.ts';
import { isGreeting, isMcp } from './words.ts';

/** Where nothing else tells, the first event does: it is `endpoint`, with a URL, or a message. */
const FIRST_EVENT_BYTES_MAX = 8192;
/** Ids are texts of the server's choice. */
const ID_LENGTH_MAX = 256;
const EVENT_STREAM = 'text/event-stream';

/**
 * A follower of the reply to `http`, which has the whole request and the head of the reply; undefined when it is none of MCP.
 * `interimBytes` of its reply are those of interim replies.
 */
export function followEvents(
  http: Exchange,
  interimBytes: number,
  sink: DecoderSink,
  bounds: DecoderBounds,
): EventFollower | undefined {
  const { attributes, operation, request } = http;
  if (!isEventStream(attributes['response_content_type'] ?? '')) return undefined;
  if (attributes['response_content_encoding'] !== undefined || attributes['status_code'] !== '200') return undefined;
  if (operation !== 'GET' && operation !== 'POST') return undefined;
  const asked = operation === 'POST' ? found(request) : [];
  if (asked.length === 0 && request.totalBytes > 0) return undefined;
  const isSure = isToldByFields(http) || asked.some(isOfMcp);
  if (!isSure && operation === 'POST') return undefined;
  return new EventFollower(http, interimBytes, asked, isSure, sink, bounds.responseBytesMax);
}

const isOfMcp = ({ message }: Found<RpcMessage>): boolean =>
  message.kind === 'response' ? isGreeting(message) : isMcp(message);

export class EventFollower implements Following {
  readonly #http: Exchange;
  readonly #interimBytes: number;
  readonly #sink: DecoderSink;
  readonly #reader: EventStreamReader;
  /** Not yet given out. */
  #asked: readonly Found<RpcMessage>[];
  #isSure: boolean;
  /** What came before it was sure. */
  readonly #early = new GrowingBytes(FIRST_EVENT_BYTES_MAX);
  #long: LongMessage | undefined;
  /** Events that are no messages, and pieces of events, as they were. */
  readonly #rest: KeptBody;
  #notKept = 0;
  #messages = 0;
  #others = 0;
  #passedOver = 0;
  /** Bytes on the wire that exchanges were given out with. */
  readonly #given = { request: 0, response: 0 };
  /** Of the reply before the content at hand, and of the body. */
  #wireBefore = 0;
  #bodyBefore = 0;
  #at = 0;

  constructor(
    http: Exchange,
    interimBytes: number,
    asked: readonly Found<RpcMessage>[],
    isSure: boolean,
    sink: DecoderSink,
    bytesMax: number,
  ) {
    this.#http = http;
    this.#interimBytes = interimBytes;
    this.#asked = asked;
    this.#isSure = isSure;
    this.#sink = sink;
    this.#at = http.responseAt;
    this.#rest = new KeptBody(bytesMax);
    this.#reader = new EventStreamReader((event) => this.#event(event), Math.min(bytesMax, PARSED_BYTES_MAX), {
      begin: () => {
        this.#long = new LongMessage(bytesMax);
        return this.#long;
      },
      end: (data) => this.#longEnds(data === undefined ? undefined : this.#long),
    });
  }

  get isSure(): boolean {
    return this.#isSure;
  }

  get heldBytes(): number {
    const ofEvent = this.#reader.heldBytes + (this.#long?.body.heldBytes ?? 0);
    return ofEvent + this.#rest.heldBytes + this.#early.heldBytes;
  }

  take(content: Uint8Array, wireBytes: number, at: number): number | undefined {
    const before = this.#notKeptNow;
    this.#at = at;
    if (!this.#isSure) {
      const answer = this.#lookAtFirst(content);
      if (answer === 'no') return undefined;
      if (answer === 'not-yet') return this.#early.append(content) - content.length;
      this.#isSure = true;
      this.#reader.push(this.#early.take());
    }
    this.#wireBefore = wireBytes;
    this.#bodyBefore = this.#reader.position;
    this.#reader.push(content);
    return this.#notKeptNow - before;
  }

  held(): Buffer {
    return this.#early.take();
  }

  gap(): void {
    if (!this.#isSure) return;
    this.#keepPieces();
    this.#reader.skipEvent();
  }

  /** The reply has ended; `http` is all of it, with the bytes on the wire of all that was given out. */
  end(http: Exchange): void {
    const isCutOff = this.#reader.isCutOff;
    this.#keepPieces();
    const { bytes, totalBytes, cut, sha256 } = this.#rest.finish();
    const { bytes: safe, secrets } = redactContent(bytes, EVENT_STREAM, true);
    handOver(this.#sink, secrets, http.responseEndAt, IN_REPLY);
    const { events, lastEventId, retryMs } = this.#reader;
    const noted: Record<string, string> = { sse_events: String(events), mcp_messages: String(this.#messages) };
    if (lastEventId !== '') noted['sse_last_event_id'] = lastEventId.slice(0, ID_LENGTH_MAX).toWellFormed();
    if (retryMs !== undefined) noted['sse_retry_ms'] = String(retryMs);
    if (this.#others > 0) noted['sse_other_events'] = String(this.#others);
    if (this.#passedOver > 0) noted['sse_events_passed_over'] = String(this.#passedOver);
    if (isCutOff) noted['sse_cut_off'] = 'true';
    const last: Exchange = {
      ...http,
      request: this.#asked.length > 0 ? http.request : NO_PAYLOAD,
      response: { bytes: safe, totalBytes, ...(sha256 && { sha256 }) },
      requestBytes: http.requestBytes - this.#given.request,
      responseBytes: http.responseBytes - this.#given.response,
      truncated: http.truncated || cut || this.#passedOver > 0,
      attributes: { ...http.attributes, ...noted },
    };
    const asked = this.#asked;
    this.#asked = [];
    if (asked.length > 0) {
      for (const exchange of meant(last, asked, [])) this.#sink.exchange(exchange);
      return;
    }
    // A reply that answered all and said nothing else: only its last bytes are left to be counted.
    const isSaid = http.operation === 'POST' && this.#messages > 0 && totalBytes === 0 && !last.truncated;
    const isWhole = !isCutOff && http.status === 'ok' && http.attributes['response_incomplete'] === undefined;
    this.#sink.exchange(isSaid && isWhole ? { ...last, routine: true } : last);
  }

  get #notKeptNow(): number {
    return this.#notKept + this.#reader.passedBytes + (this.#long?.notKept ?? 0);
  }

  /** Is the first event one of MCP? What it is told by is within the first bytes, however they are cut. */
  #lookAtFirst(content: Uint8Array): 'yes' | 'no' | 'not-yet' {
    const room = FIRST_EVENT_BYTES_MAX - this.#early.length;
    const bytes = Buffer.concat([this.#early.view(), content.subarray(0, room)]);
    const [first] = parseEventStream(bytes).events;
    if (first === undefined) return content.length < room ? 'not-yet' : 'no';
    return first.type === 'endpoint' ||
      readMessages(first.data)?.some((message) => isOfMcp({ message, payload: undefined }))
      ? 'yes'
      : 'no';
  }

  #event({ type, data }: ServerSentEvent): void {
    const { bytes, secrets } = redactContent(Buffer.from(data), 'application/json', true);
    const messages = readMessages(bytes.toString());
    if (messages === undefined) {
      this.#others++;
      this.#keep(`event: ${type}\n${data.replaceAll(/^/gm, 'data: ')}\n\n`);
      return;
    }
    handOver(this.#sink, secrets, this.#at, IN_REPLY);
    const payload = { bytes, totalBytes: Buffer.byteLength(data) };
    this.#give(
      messages.map((message) => ({ message, payload })),
      false,
    );
  }

  #longEnds(long: LongMessage | undefined): void {
    this.#long = undefined;
    this.#notKept += long?.notKept ?? 0;
    const message = long?.skimmer.message();
    if (long === undefined) {
      this.#passedOver++;
    } else if (message === undefined) {
      this.#others++;
      this.#keep(`data: ${long.body.finish().bytes.toString()}\n\n`);
    } else {
      const { bytes: head, totalBytes, cut, sha256 } = long.body.finish();
      const { bytes, secrets } = redactContent(head, 'application/json', true);
      handOver(this.#sink, secrets, this.#at, IN_REPLY);
      this.#give([{ message, payload: { bytes, totalBytes, ...(sha256 && { sha256 }) } }], cut);
    }
  }

  /** Messages of one event, with what they answer. */
  #give(told: readonly Found<RpcMessage>[], truncated: boolean): void {
    const ids = new Set(told.filter(isReply).map(({ message }) => message.id));
    const isDue = ({ message }: Found<RpcMessage>) => message.kind !== 'request' || ids.has(message.id);
    const due = this.#asked.filter(isDue);
    this.#asked = this.#asked.filter((one) => !isDue(one));
    const at = this.#at;
    const requestBytes = this.#http.requestBytes - this.#given.request;
    const wireBytes = this.#interimBytes + this.#wireBefore + this.#reader.position - this.#bodyBefore;
    const responseBytes = wireBytes - this.#given.response;
    const attributes = this.#messages === 0 ? this.#http.attributes : briefly(this.#http.attributes);
    this.#given.request += requestBytes;
    this.#given.response += responseBytes;
    this.#messages += told.length;
    const http: Exchange = {
      ...this.#http,
      response: NO_PAYLOAD,
      requestBytes,
      responseBytes,
      truncated: this.#http.truncated || truncated,
      attributes,
      responseAt: at,
      responseEndAt: at,
    };
    for (const exchange of meant(http, due, told)) {
      // What the server says unasked was not asked for when the stream was.
      const isAnswer =
        exchange.attributes['asked_by'] === undefined && exchange.attributes['request_missing'] === undefined;
      this.#sink.exchange(isAnswer ? exchange : { ...exchange, requestAt: at, requestEndAt: at });
    }
  }

  #keepPieces(): void {
    const long = this.#long;
    this.#long = undefined;
    if (long !== undefined) this.#notKept += long.notKept;
    const text = long === undefined ? this.#reader.giveUp() : `data: ${long.body.finish().bytes.toString()}`;
    if (long !== undefined) this.#reader.giveUp();
    if (text !== '') this.#keep(`${text}\n`);
  }

  #keep(text: string): void {
    const bytes = Buffer.from(text);
    this.#notKept += bytes.length - this.#rest.append(bytes);
  }
}

/** The data of an event that is too long to be read whole: its head, and its outermost words. */
class LongMessage implements LongData {
  readonly body: KeptBody;
  readonly skimmer = new Skimmer();
  notKept = 0;

  constructor(bytesMax: number) {
    this.body = new KeptBody(bytesMax);
  }

  push(bytes: Uint8Array): void {
    this.notKept += bytes.length - this.body.append(bytes);
    this.skimmer.push(bytes);
  }
}
