// SPDX-License-Identifier: Apache-2.0

/** HTTP/1.0 and HTTP/1.1: two readers, one a direction, and the pairing of what they read. */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Exchange, Opening, Side } from '../decoder.ts';
import { agreementOf, switchRequest, switchRequestBytes } from '../http/agreement.ts';
import { exchangeOf } from '../http/exchange.ts';
import { type Fields, fieldMembers, fieldValue } from '../http/fields.ts';
import { handOver, IN_REPLY, sentTo } from '../http/hand-over.ts';
import { followReply, giveWhole } from '../http/meanings.ts';
import type { Message, RequestLine, StatusLine } from '../http/message.ts';
import { type HeadNotes, headNotes, replyPart, requestPart, requestTarget } from '../http/parts.ts';
import type { FoundSecret } from '../http/secrets.ts';
import type { RequestTarget } from '../http/target.ts';
import { isEventStream } from '../sse/event-stream.ts';
import { replyFraming, requestFraming } from './framing.ts';
import { requestGrammar, statusGrammar } from './grammar.ts';
import type { BodyPlan, MessageHandler } from './message.ts';
import { MessageReader } from './message-reader.ts';
import { type OpenExchange, Pairing } from './pairing.ts';

/** Besides one whole request, that many bytes of small ones may wait for their replies. */
const WAITING_BYTES_BESIDES = 64 * 1024;

export class Http1Decoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #sink: DecoderSink;
  readonly #pairing: Pairing;
  readonly #requests: MessageReader<RequestLine>;
  readonly #replies: MessageReader<StatusLine>;
  /** The client waits here for leave to speak another language. */
  #pausedFor: OpenExchange | undefined;
  #handover: string | undefined;
  #granted: Granted | undefined;
  readonly #ended = { client: false, server: false };

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#sink = sink;
    const waitingBytesMax = bounds.requestBytesMax + WAITING_BYTES_BESIDES;
    this.#pairing = new Pairing(bounds.pipelineMax, waitingBytesMax, opening.late, (open) => this.#give(open));
    const requests = new RequestHandler(bounds, sink, this.#pairing, {
      pause: (open) => {
        this.#pausedFor = open;
        this.#requests.pause();
      },
    });
    const replies = new ReplyHandler(bounds, sink, this.#pairing, {
      refuses: (open) => this.#resume(open),
      grants: (protocol, open, fields) => {
        this.#handover = protocol;
        this.#granted = { open, fields, unanswered: undefined };
      },
    });
    this.#requests = new MessageReader(requestGrammar, bounds.pendingBytesMax, requests, opening.late);
    this.#replies = new MessageReader(statusGrammar, bounds.pendingBytesMax, replies, opening.late);
    this.counts = { client: this.#requests.counts, server: this.#replies.counts };
  }

  get heldBytes(): number {
    return this.#requests.heldBytes + this.#replies.heldBytes + this.#pairing.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    if (this.#handover !== undefined) {
      this.counts[from].notUnderstood += bytes.length;
      return;
    }
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (from === 'client') {
      this.#requests.push(buffer, at);
      return;
    }
    const consumedBytes = this.#replies.push(buffer, at);
    if (this.#handover === undefined) return;
    this.#requests.stop('sent-before-handover');
    this.#pairing.endAll();
    const granted = this.#granted;
    this.#granted = undefined;
    const agreement = granted && agreementOf(granted.open.switchRequest, granted.fields, granted.unanswered);
    this.#sink.handover(this.#handover, consumedBytes, agreement);
  }

  gap(from: Side, missingBytes: number, at: number): void {
    if (this.#handover !== undefined) return;
    this.#readerOf(from).gap(missingBytes, at);
  }

  end(from: Side, at: number): void {
    if (this.#handover !== undefined || this.#ended[from]) return;
    this.#ended[from] = true;
    this.#readerOf(from).end(at);
    if (from === 'server') {
      this.#pairing.endReplies();
      this.#requests.resume();
    }
    if (this.#ended.client && this.#ended.server) this.#pairing.endAll();
  }

  #readerOf(side: Side): MessageReader<RequestLine> | MessageReader<StatusLine> {
    return side === 'client' ? this.#requests : this.#replies;
  }

  #give(open: OpenExchange): void {
    const exchange = exchangeOf(open);
    // What h2c was asked with is answered in HTTP/2, on stream 1 (RFC 7540, section 3.2).
    if (exchange !== undefined && this.#handover === 'http2' && this.#granted?.open === open) {
      this.#granted.unanswered = exchange;
      return;
    }
    if (exchange !== undefined) giveWhole(exchange, open.followed, this.#sink);
    if (this.#handover === undefined) this.#resume(open);
  }

  #resume(open: OpenExchange): void {
    if (this.#pausedFor !== open) return;
    this.#pausedFor = undefined;
    this.#requests.resume();
  }
}

/** The reply that changes the language, and what it answers. */
interface Granted {
  readonly open: OpenExchange;
  readonly fields: Fields;
  unanswered: Exchange | undefined;
}

class RequestHandler implements MessageHandler<RequestLine> {
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  readonly #pairing: Pairing;
  readonly #connection: { pause(open: OpenExchange): void };
  #open: OpenExchange | undefined;
  #notes: HeadNotes | undefined;
  #target: RequestTarget | undefined;

  constructor(
    bounds: DecoderBounds,
    sink: DecoderSink,
    pairing: Pairing,
    connection: { pause(open: OpenExchange): void },
  ) {
    this.#bounds = bounds;
    this.#sink = sink;
    this.#pairing = pairing;
    this.#connection = connection;
  }

  begins(at: number): void {
    this.#open = this.#pairing.beginRequest(at);
  }

  head(message: Message<RequestLine>): BodyPlan {
    const open = this.#open!;
    const { fields, start } = message;
    open.method = start.method;
    open.expectsContinue = fieldMembers(fields, 'expect').includes('100-continue');
    const secrets: FoundSecret[] = [];
    const framed = requestFraming(fields, start.version);
    this.#target = requestTarget(message);
    secrets.push(...this.#target.secrets);
    this.#notes = headNotes(message, framed.conflicts, framed.transferCodings, secrets);
    handOver(this.#sink, secrets, message.startAt, sentTo(this.#target));
    const asksToSwitch = start.method === 'CONNECT' || fieldValue(fields, 'upgrade') !== '';
    open.switchRequest = asksToSwitch ? switchRequest(start.method, this.#target, fields) : undefined;
    return { framing: framed.framing, bytesMax: this.#bounds.requestBytesMax, doubtful: open.expectsContinue };
  }

  /** A client that was refused before it sent the body it announced may go on with its next request. */
  lacksBody(bytes: Uint8Array): 'yes' | 'no' | 'not-yet' {
    const open = this.#open!;
    if (!open.replyBegan || open.interim.includes(100)) return 'no';
    return startsRequest(bytes);
  }

  ends(message: Message<RequestLine>): void {
    const open = this.#open!;
    const secrets: FoundSecret[] = [];
    const part = requestPart(message, this.#notes!, this.#target!, this.#bounds, secrets);
    handOver(this.#sink, secrets, message.endAt, sentTo(this.#target!));
    this.#open = this.#notes = this.#target = undefined;
    const asked = open.switchRequest;
    const mayBeGranted = asked !== undefined && !open.replyBegan && !this.#pairing.noMoreReplies;
    if (mayBeGranted) this.#connection.pause(open);
    const switchBytes = asked === undefined ? 0 : switchRequestBytes(asked);
    this.#pairing.endRequest(open, switchBytes === 0 ? part : { ...part, heldBytes: part.heldBytes + switchBytes });
  }

  abandons(): void {
    this.#pairing.abandonRequest(this.#open!);
    this.#open = undefined;
  }

  losesPlace(): void {
    this.#pairing.requestsWereLost();
  }

  trouble(reason: string, bytes: number): void {
    this.#sink.trouble('client', reason, bytes);
  }
}

interface SwitchAnswers {
  /** The reply to `open` leaves the connection as it is. */
  refuses(open: OpenExchange): void;
  grants(protocol: string, open: OpenExchange, fields: Fields): void;
}

class ReplyHandler implements MessageHandler<StatusLine> {
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  readonly #pairing: Pairing;
  readonly #connection: SwitchAnswers;
  /** Undefined while an interim reply is read. */
  #open: OpenExchange | undefined;
  #notes: HeadNotes | undefined;

  constructor(bounds: DecoderBounds, sink: DecoderSink, pairing: Pairing, connection: SwitchAnswers) {
    this.#bounds = bounds;
    this.#sink = sink;
    this.#pairing = pairing;
    this.#connection = connection;
  }

  begins(): void {}

  head(message: Message<StatusLine>): BodyPlan {
    const { fields, start } = message;
    const { statusCode } = start;
    const secrets: FoundSecret[] = [];
    if (statusCode < 200 && statusCode !== 101) {
      headNotes(message, [], [], secrets);
      handOver(this.#sink, secrets, message.startAt, IN_REPLY);
      this.#pairing.interimReply(statusCode, message.wireBytes, message.startAt);
      return { framing: { kind: 'none' }, bytesMax: 0, doubtful: false };
    }
    const open = this.#pairing.beginReply(message.startAt);
    this.#open = open;
    const framed = replyFraming(fields, start.version, statusCode, open.method);
    this.#notes = headNotes(message, framed.conflicts, framed.transferCodings, secrets);
    handOver(this.#sink, secrets, message.startAt, IN_REPLY);
    if (framed.framing.kind === 'handover') this.#connection.grants(framed.framing.protocol, open, fields);
    else this.#connection.refuses(open);
    if (open.request !== undefined && isEventStream(fieldValue(fields, 'content-type'))) {
      const reply = replyPart(message, this.#notes, this.#bounds, []);
      open.followed = followReply({ ...open, reply }, this.#sink, this.#bounds);
    }
    return {
      framing: framed.framing,
      bytesMax: this.#bounds.responseBytesMax,
      doubtful: open.method === undefined,
      following: open.followed,
    };
  }

  /** A reply to a HEAD that was not seen announces a body and has none: the next reply stands in its place. */
  lacksBody(bytes: Uint8Array): 'yes' | 'no' | 'not-yet' {
    return statusGrammar.check(bytes, 0, bytes.length);
  }

  ends(message: Message<StatusLine>): void {
    const open = this.#open;
    if (open === undefined) return;
    const secrets: FoundSecret[] = [];
    const part = replyPart(message, this.#notes!, this.#bounds, secrets);
    handOver(this.#sink, secrets, message.endAt, IN_REPLY);
    this.#open = this.#notes = undefined;
    this.#pairing.endReply(open, part);
  }

  abandons(): void {}

  losesPlace(): void {
    this.#pairing.repliesWereLost();
  }

  trouble(reason: string, bytes: number): void {
    this.#sink.trouble('server', reason, bytes);
  }
}

const REQUEST_STARTS = ['GET ', 'HEAD ', 'POST ', 'PUT ', 'PATCH ', 'DELETE ', 'OPTIONS '];

function startsRequest(bytes: Uint8Array): 'yes' | 'no' | 'not-yet' {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  for (const start of REQUEST_STARTS) {
    if (text.length > start.length) {
      const target = text[start.length];
      if (text.startsWith(start) && (target === '/' || target === 'h')) return 'yes';
    } else if (start.startsWith(text)) {
      return 'not-yet';
    }
  }
  return 'no';
}
