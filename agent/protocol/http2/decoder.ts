// SPDX-License-Identifier: Apache-2.0

/** HTTP/2: the frames of both directions, put together to streams, each of which is an exchange. */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { agreementOf, switchRequest } from '../http/agreement.ts';
import { type Fields, fieldValue } from '../http/fields.ts';
import { handOver, IN_REPLY, sentTo } from '../http/hand-over.ts';
import { followReply, giveWhole } from '../http/meanings.ts';
import type { Incomplete, Message } from '../http/message.ts';
import { headNotes } from '../http/parts.ts';
import type { FoundSecret } from '../http/secrets.ts';
import { parseTarget } from '../http/target.ts';
import { isEventStream } from '../sse/event-stream.ts';
import { type Goaway, goawayText, streamExchange, streamHalves } from './exchange.ts';
import { type FrameHandler, FrameStream } from './frame-stream.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, type FrameHeader } from './frames.ts';
import { type BlockEnd, HeaderBlocks } from './header-blocks.ts';
import {
  beginMessage,
  bodyOf,
  breakOff,
  type Half,
  type Head,
  headOf,
  INTERIM_KEPT_MAX,
  isWhole,
  type Stream,
} from './stream.ts';
import { Streams } from './streams.ts';
import { isReadable, Tunnels } from './tunnels.ts';

const SIDES = ['client', 'server'] as const;
const NOT_KNOWN = '?';

export class Http2Decoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  readonly #streams: Streams;
  readonly #tunnels: Tunnels;
  readonly #frames: Readonly<Record<Side, FrameStream>>;
  readonly #blocks: Readonly<Record<Side, HeaderBlocks>>;
  readonly #ended = { client: false, server: false };
  /** Streams may be open of which nothing was seen. */
  #mayHaveMissed: boolean;
  /** The highest stream that was seen. */
  #highest = 0;
  /** Replies that are whole, while their requests may be among what is searched. */
  readonly #unasked = new Set<number>();
  #goaway: Goaway | undefined;
  /** Why a stream that is given out now has no reply. */
  #missing = 'not-awaited';

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#bounds = bounds;
    this.#sink = sink;
    this.#mayHaveMissed = opening.late;
    this.#streams = new Streams(bounds, (stream) => {
      this.#unasked.delete(stream.id);
      this.#give(stream, 'given-out');
    });
    this.#blocks = {
      client: new HeaderBlocks(bounds.pendingBytesMax, opening.late),
      server: new HeaderBlocks(bounds.pendingBytesMax, opening.late),
    };
    this.#frames = {
      client: new FrameStream('client', bounds.pendingBytesMax, opening.late, this.#handler('client')),
      server: new FrameStream('server', bounds.pendingBytesMax, opening.late, this.#handler('server')),
    };
    this.counts = { client: this.#frames.client.counts, server: this.#frames.server.counts };
    this.#tunnels = new Tunnels(bounds, sink, this.counts);
    const asked = opening.agreement?.unanswered;
    if (asked === undefined) return;
    // RFC 7540, section 3.2: the request of HTTP/1 is stream 1, and is whole.
    this.#highest = 1;
    this.#streams.open(1, asked.requestAt, asked).request.hasEnded = true;
  }

  get heldBytes(): number {
    let held = this.#streams.heldBytes + this.#tunnels.heldBytes;
    for (const side of SIDES) held += this.#frames[side].heldBytes + this.#blocks[side].heldBytes;
    return held;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#frames[from].push(buffer, at);
  }

  gap(from: Side, missingBytes: number, at: number): void {
    this.#frames[from].gap(missingBytes, at);
  }

  end(from: Side, _at: number): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#frames[from].end();
    this.#refuseBlock(from, 'header-block-incomplete');
    this.#blocks[from].clear();
    if (!this.#ended.client || !this.#ended.server) return;
    this.#tunnels.endAll();
    this.#missing = 'connection-ended';
    for (const stream of this.#streams.all()) this.#close(stream, 'connection-ended');
    this.#streams.forget();
    this.#unasked.clear();
  }

  #handler(side: Side): FrameHandler {
    let header: FrameHeader | undefined;
    let half: Half<unknown> | undefined;
    let stream: Stream | undefined;
    const bytesMax = side === 'client' ? this.#bounds.requestBytesMax : this.#bounds.responseBytesMax;
    const isOpen = (): boolean => stream !== undefined && this.#streams.get(stream.id) === stream;
    return {
      frame: (one, payload, startAt, endAt) => this.#frame(side, one, payload, startAt, endAt),
      frameLost: ({ type }) => {
        if (type !== FRAME.headers && type !== FRAME.continuation && type !== FRAME.pushPromise) return;
        this.#refuseBlock(side, 'header-block-incomplete');
        this.#blocks[side].forget();
        this.#mayHaveMissed = true;
      },
      dataBegins: (one, bytes, at) => {
        header = one;
        stream = this.#streams.get(one.stream);
        half = stream && (side === 'client' ? stream.request : stream.reply);
        if (half?.message === undefined || half.hasEnded) stream = half = undefined;
        addWire(half, bytes, at);
      },
      dataFraming: (bytes, at) => {
        if (isOpen()) addWire(half, bytes, at);
      },
      data: (content, at) => {
        const { counts } = this.#frames[side];
        if (header !== undefined && this.#tunnels.has(header.stream)) {
          this.#tunnels.push(header.stream, side, content, at);
          return;
        }
        if (stream === undefined && this.#mayHaveMissed) {
          counts.notUnderstood += content.length;
          this.#sink.trouble(side, 'stream-unknown', content.length);
          return;
        }
        // Of a stream that was reset or given out what follows is framed, and not kept.
        const kept =
          stream !== undefined && half !== undefined && isOpen()
            ? this.#streams.addBody(stream, half, content, bytesMax, at)
            : 0;
        counts.decoded += kept;
        counts.cut += content.length - kept;
        if (isOpen()) addWire(half, content.length, at);
      },
      dataGap: (missingBytes) => {
        if (header !== undefined) this.#tunnels.gap(header.stream, side, missingBytes);
        if (stream === undefined || half?.message === undefined || !isOpen()) return;
        bodyGap(half.message, bytesMax, missingBytes);
      },
      dataEnds: () => {
        const one = stream;
        const ended = half;
        const { flags, stream: id } = header ?? { flags: 0, stream: 0 };
        const open = isOpen();
        stream = half = header = undefined;
        if ((flags & FLAG.endStream) === 0) return;
        this.#tunnels.end(id, side);
        if (one === undefined || ended === undefined || !open) return;
        this.#ends(one, ended);
      },
      losesPlace: () => {
        this.#mayHaveMissed = true;
        this.#refuseBlock(side, 'header-block-incomplete');
        this.#blocks[side].forget();
        this.#tunnels.losesPlace(side);
        for (const { request, reply } of this.#streams.all()) {
          const one = side === 'client' ? request : reply;
          if (one.message === undefined || one.hasEnded) continue;
          bodyGap(one.message, bytesMax, 0);
        }
      },
      trouble: (reason, bytes) => this.#sink.trouble(side, reason, bytes),
    };
  }

  #frame(side: Side, header: FrameHeader, payload: Buffer, startAt: number, endAt: number): void {
    const bytes = FRAME_HEADER_BYTES + payload.length;
    const { counts } = this.#frames[side];
    const blocks = this.#blocks[side];
    const isOfBlock =
      header.type === FRAME.headers || header.type === FRAME.pushPromise || header.type === FRAME.continuation;
    if (!isOfBlock || (header.type !== FRAME.continuation && blocks.isOpen)) {
      // A block is not interrupted (RFC 9113, section 4.3): of one that is, the rest will not come.
      if (this.#refuseBlock(side, 'header-block-incomplete')) blocks.forget();
    }
    if (isOfBlock) {
      const end = blocks.add(header, payload, bytes, startAt, endAt);
      if (end === 'open') return;
      counts[end.block === undefined ? 'notUnderstood' : 'decoded'] += end.bytes;
      if (end.block === undefined) {
        this.#mayHaveMissed = true;
        this.#sink.trouble(side, end.reason, end.bytes);
      } else {
        this.#head(side, end, headOf(end.block));
      }
      return;
    }
    counts.decoded += bytes;
    if (header.type === FRAME.rstStream) this.#reset(side, header.stream, payload.readUInt32BE(0), bytes, endAt);
    else if (header.type === FRAME.goaway) this.#goes(side, payload);
  }

  /** A block that was begun will not become one; answers whether there was one. */
  #refuseBlock(side: Side, reason: string): boolean {
    const bytes = this.#blocks[side].drop();
    if (bytes === 0) return false;
    this.#frames[side].counts.notUnderstood += bytes;
    this.#sink.trouble(side, reason, bytes);
    return true;
  }

  #head(side: Side, end: BlockEnd & { kind: 'block' }, head: Head): void {
    if (end.promised !== undefined) this.#promise(end, end.promised, head);
    else if (side === 'client') this.#requestHead(end, head);
    else this.#replyHead(end, head);
    if (end.endsStream) this.#tunnels.end(end.stream, side);
  }

  #requestHead(end: BlockEnd & { kind: 'block' }, head: Head): void {
    this.#endUnasked(end.stream);
    const known = this.#streams.get(end.stream);
    const isSeen = end.stream <= this.#highest;
    this.#highest = Math.max(this.#highest, end.stream);
    if (known === undefined && isSeen && !head.pseudo.has(':method')) return;
    if (known === undefined && isSeen && !this.#mayHaveMissed) return;
    const stream = known ?? this.#streams.open(end.stream, end.startAt);
    if (stream.request.hasEnded) return;
    if (stream.request.message === undefined) this.#beginRequest(stream, end, head);
    else this.#trailers(stream.request, end, head);
    this.#blockEnds(stream, stream.request, end);
  }

  /** Streams count up: of those before this one no request will come any more. */
  #endUnasked(before: number): void {
    for (const id of this.#unasked) {
      if (id > before) continue;
      this.#unasked.delete(id);
      const stream = this.#streams.get(id);
      if (id < before && stream !== undefined) this.#close(stream, 'connection-ended');
    }
  }

  #promise(end: BlockEnd & { kind: 'block' }, promised: number, head: Head): void {
    if (promised % 2 !== 0 || promised === 0 || this.#streams.get(promised) !== undefined) return;
    const stream = this.#streams.open(promised, end.startAt);
    stream.isPushed = true;
    this.#beginRequest(stream, end, head);
    // The server sent it: these bytes are on the side of the reply.
    stream.request.message!.wireBytes = 0;
    stream.interimBytes += end.bytes;
    stream.request.hasEnded = true;
    this.#streams.addText(stream, 2 * end.block.listBytes);
  }

  #beginRequest(stream: Stream, end: BlockEnd & { kind: 'block' }, head: Head): void {
    const { request } = stream;
    const word = (name: string): string => head.pseudo.get(name) ?? (head.unknownLines > 0 ? NOT_KNOWN : '');
    const method = word(':method');
    const authority = head.pseudo.get(':authority') ?? '';
    const host = authority === '' ? (head.fields.lines.find(({ name }) => name === 'host')?.value ?? '') : authority;
    const connectProtocol = head.pseudo.get(':protocol') ?? '';
    const isTunnel = method === 'CONNECT' && connectProtocol === '';
    const target = isTunnel ? host : word(':path');
    const message = beginMessage({ method, target, version: '2' }, head.fields, end.startAt);
    const secrets: FoundSecret[] = [];
    request.target = parseTarget(isTunnel ? method : method === 'CONNECT' ? 'GET' : method, target, host);
    secrets.push(...request.target.secrets);
    request.connectProtocol = connectProtocol.slice(0, 64);
    request.notes = headNotes(message, [], [], secrets);
    request.message = message;
    note(request, end, head);
    handOver(this.#sink, secrets, end.startAt, sentTo(request.target));
  }

  #replyHead(end: BlockEnd & { kind: 'block' }, head: Head): void {
    const hasStatus = head.pseudo.has(':status');
    const known = this.#streams.get(end.stream);
    const isStrange = known === undefined && !this.#mayHaveMissed && !this.#streams.wasGivenOut(end.stream);
    // Of a stream that was reset, or trailers of what was not seen: there is no exchange that they belong to.
    if (known === undefined && (!hasStatus || (isStrange && end.stream <= this.#highest))) return;
    const stream = known ?? this.#streams.open(end.stream, end.startAt);
    this.#highest = Math.max(this.#highest, end.stream % 2 === 1 ? end.stream : 0);
    const { reply } = stream;
    if (reply.hasEnded) return;
    const status = head.pseudo.get(':status') ?? '';
    const statusCode = /^\d{3}$/.test(status) ? Number(status) : 0;
    if (reply.message !== undefined) {
      this.#trailers(reply, end, head);
    } else if (statusCode >= 100 && statusCode < 200 && !end.endsStream) {
      if (stream.interim.length < INTERIM_KEPT_MAX) stream.interim.push(statusCode);
      stream.interimBytes += end.bytes;
      const secrets: FoundSecret[] = [];
      headNotes(beginMessage(undefined, head.fields, end.startAt), [], [], secrets);
      handOver(this.#sink, secrets, end.startAt, IN_REPLY);
      return;
    } else {
      const message = beginMessage({ statusCode, reason: '', version: '2' }, head.fields, end.startAt);
      const secrets: FoundSecret[] = [];
      reply.notes = headNotes(message, [], [], secrets);
      reply.message = message;
      note(reply, end, head);
      handOver(this.#sink, secrets, end.startAt, IN_REPLY);
      if (stream.request.message !== undefined && !stream.request.hasEnded) stream.isEarly = true;
      if (isEventStream(fieldValue(head.fields, 'content-type'))) this.#follow(stream);
    }
    this.#blockEnds(stream, reply, end);
    this.#turn(stream, end, head.fields);
  }

  /** Its reply says one thing after the other: somebody may read it on while it arrives. */
  #follow(stream: Stream): void {
    const { request, reply } = stream;
    if (!request.hasEnded || request.message === undefined || reply.message === undefined) return;
    if (stream.asked !== undefined || stream.isPushed || request.target === undefined) return;
    const secrets = { request: [] as FoundSecret[], reply: [] as FoundSecret[] };
    const bodyBytes = request.message.body?.heldBytes ?? 0;
    const halves = streamHalves(stream, this.#bounds, '', secrets);
    stream.asking = halves.request;
    this.#streams.requestTaken(stream, bodyBytes, halves.request?.payload.bytes.length ?? 0);
    handOver(this.#sink, secrets.request, request.message.endAt, sentTo(request.target));
    stream.followed = followReply(halves, this.#sink, this.#bounds);
    if (stream.followed !== undefined) bodyOf(reply.message, this.#bounds.responseBytesMax).follow(stream.followed);
  }

  /** Extended CONNECT that is granted: its exchange is whole, and what follows on the stream is another language's. */
  #turn(stream: Stream, end: BlockEnd & { kind: 'block' }, fields: Fields): void {
    const { request, reply } = stream;
    const statusCode = reply.message?.start.statusCode ?? 0;
    if (this.#streams.get(stream.id) !== stream || !isReadable(request.connectProtocol)) return;
    if (statusCode < 200 || statusCode > 299 || request.message === undefined || request.target === undefined) return;
    // What a client says before it may is its body: where the conversation begins nobody knows then.
    if (request.message.body !== undefined || request.hasEnded || end.endsStream) return;
    const asked = switchRequest(request.message.start.method, request.target, request.message.fields);
    request.hasEnded = reply.hasEnded = true;
    this.#close(stream, 'connection-ended');
    this.#tunnels.open(stream.id, agreementOf(asked, fields), end.endAt);
  }

  #trailers(half: Half<unknown>, end: BlockEnd & { kind: 'block' }, head: Head): void {
    const message = half.message!;
    const { lines, malformedLines } = message.trailers;
    message.trailers = {
      ...head.fields,
      lines: [...lines, ...head.fields.lines],
      malformedLines: malformedLines + head.fields.malformedLines,
    };
    note(half, end, head);
  }

  #blockEnds(stream: Stream, half: Half<unknown>, end: BlockEnd & { kind: 'block' }): void {
    const isOpen = this.#streams.addText(stream, 2 * end.block.listBytes);
    if (isOpen && end.endsStream) this.#ends(stream, half);
  }

  /** One side has said all. */
  #ends(stream: Stream, half: Half<unknown>): void {
    half.hasEnded = true;
    const { request, reply } = stream;
    if (!reply.hasEnded) return;
    if (request.message === undefined && !request.hasEnded && this.#frames.client.isLost) this.#unasked.add(stream.id);
    else if (request.hasEnded || request.message === undefined) this.#close(stream, 'connection-ended');
  }

  #reset(by: Side, id: number, code: number, bytes: number, at: number): void {
    this.#tunnels.reset(id);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.reset = { by, code };
    if (by === 'client') addWire(stream.request, bytes, at);
    else if (stream.reply.message === undefined) stream.interimBytes += bytes;
    else addWire(stream.reply, bytes, at);
    this.#missing = 'stream-reset';
    this.#close(stream, 'stream-reset');
    this.#missing = 'not-awaited';
  }

  #goes(side: Side, payload: Buffer): void {
    if (side !== 'server') return;
    const lastStream = payload.readUInt32BE(0) & 0x7fffffff;
    this.#goaway = { lastStream, code: payload.readUInt32BE(4), text: goawayText(payload.subarray(8)) };
  }

  #close(stream: Stream, why: Incomplete): void {
    this.#unasked.delete(stream.id);
    this.#streams.remove(stream);
    this.#give(stream, why);
  }

  #give(stream: Stream, why: Incomplete): void {
    if (stream.request.hasEnded && isWhole(stream.reply)) stream.reply.hasEnded = true;
    breakOff(stream.request, why);
    breakOff(stream.reply, why);
    const secrets = { request: [] as FoundSecret[], reply: [] as FoundSecret[] };
    const { target, message } = stream.request;
    const replyEndAt = stream.reply.message?.endAt ?? stream.startedAt;
    const exchange = streamExchange(stream, this.#bounds, this.#goaway, this.#missing, secrets);
    if (target !== undefined) {
      handOver(this.#sink, secrets.request, message?.endAt ?? stream.startedAt, sentTo(target));
    }
    handOver(this.#sink, secrets.reply, replyEndAt, IN_REPLY);
    if (exchange !== undefined) giveWhole(exchange, stream.followed, this.#sink);
  }
}

function addWire(half: Half<unknown> | undefined, bytes: number, at: number): void {
  const message = half?.message;
  if (message === undefined) return;
  message.wireBytes += bytes;
  message.endAt = at;
}

function note(half: Half<unknown>, end: BlockEnd & { kind: 'block' }, head: Head): void {
  addWire(half, end.bytes, end.endAt);
  half.linesNotKept += end.block.linesNotKept;
  half.unknownLines += head.unknownLines;
}

function bodyGap(message: Message<unknown>, bytesMax: number, missingBytes: number): void {
  message.incomplete = 'gap';
  bodyOf(message, bytesMax).gap(missingBytes);
}
