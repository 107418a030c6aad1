// SPDX-License-Identifier: Apache-2.0

/**
 * What Kubernetes says over the streams of SPDY. The client opens them and says of each what it is for.
 *
 * Shape    exec, attach: a stream each with `streamtype` error, stdin, stdout, stderr or resize; one exchange at the end
 *          portforward: for each connection that is forwarded, two streams with the same `requestid` and `port`: `streamtype`
 *          error and data; an exchange each, when both are finished, and a connection that is carried
 * Bounds   FORWARDS_MAX at a time; STREAMS_MAX streams
 * Bytes    what a forwarded connection says belongs to its exchange; all else that was understood since the last exchange of
 *          the connection belongs to the next one
 * Source   Kubernetes' remote command and port forward protocols; SPDY Protocol, draft 3.1, section 2.6
 */
import type { DecoderBounds, DecoderSink, Exchange, Side } from '../decoder.ts';
import { FrameReader } from '../spdy/frames.ts';
import { HeaderBlocks, type Headers } from '../spdy/header-blocks.ts';
import { Forward } from './forward.ts';
import { type Channel, Session, type SessionEnd } from './session.ts';
import type { StreamRequest } from './stream-request.ts';

const FORWARDS_MAX = 64;
const STREAMS_MAX = 4096;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const HEADERS = 8;
const FIN = 1;
const CHANNELS: Readonly<Record<string, Channel>> = {
  stdin: 'stdin',
  stdout: 'stdout',
  stderr: 'stderr',
  error: 'error',
  resize: 'resize',
};

type How = 'complete' | 'relieved' | 'ended';

interface Stream {
  readonly pair: Pair | undefined;
  readonly channel: Channel | 'data' | undefined;
  readonly open: Record<Side, boolean>;
}

/** The two streams of a connection that is forwarded. */
interface Pair {
  readonly key: string;
  readonly forward: Forward;
  /** What it said. */
  readonly bytes: Record<Side, number>;
  readonly streams: Set<Stream>;
  isComplete: boolean;
}

export class SpdyStreams {
  readonly readers: Readonly<Record<Side, FrameReader>>;
  readonly #sink: DecoderSink;
  readonly #request: StreamRequest;
  readonly #bounds: DecoderBounds;
  /** Of exec and attach. */
  readonly #session: Session | undefined;
  readonly #blocks: Readonly<Record<Side, HeaderBlocks>> = { client: new HeaderBlocks(), server: new HeaderBlocks() };
  readonly #streams = new Map<number, Stream>();
  readonly #pairs = new Map<string, Pair>();
  #opened = 0;
  #done: Pair[] = [];
  readonly #pending: Record<Side, number> = { client: 0, server: 0 };
  readonly #ended = { client: false, server: false };
  #isBroken = false;
  #unknownBytes = 0;
  #lastAt = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest, countsItself = true) {
    this.#sink = sink;
    this.#request = request;
    this.#bounds = bounds;
    this.#session = request.operation === 'portforward' ? undefined : new Session(bounds, sink, request);
    const readerOf = (from: Side) =>
      new FrameReader({
        consumed: (bytes) => {
          if (countsItself) this.#pending[from] += bytes;
        },
        control: (type, flags, content, at) => {
          this.#control(from, type, flags, content, at);
          if (countsItself) this.settle();
        },
        data: (id, content, isFinished, at) => {
          const dropped = this.#data(from, id, content, isFinished, at);
          if (countsItself && isFinished) this.settle();
          return dropped;
        },
        hole: (id, missingBytes) => this.#hole(from, id, missingBytes),
        broken: () => this.#break(from),
        trouble: (reason, count) => {
          // Who carries the frames tells what was missed.
          if (countsItself) sink.trouble(from, reason, count);
        },
      });
    this.readers = { client: readerOf('client'), server: readerOf('server') };
  }

  get heldBytes(): number {
    let held = this.#session?.heldBytes ?? 0;
    for (const { forward } of this.#pairs.values()) held += forward.heldBytes;
    for (const { forward } of this.#done) held += forward.heldBytes;
    for (const side of ['client', 'server'] as const) {
      held += this.readers[side].heldBytes + this.#blocks[side].heldBytes;
    }
    return held;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    this.#lastAt = at;
    this.#session?.touch(from, at);
    this.readers[from].push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), at);
  }

  /** Bytes on the wire that the next exchange stands for, when whoever carries the frames counts. */
  carried(from: Side, bytes: number): void {
    this.#pending[from] += bytes;
  }

  /** Give out what is finished. */
  settle(): void {
    for (const pair of this.#done) this.#give(pair, pair.isComplete ? 'complete' : 'relieved');
    this.#done = [];
  }

  end(from: Side): void {
    this.#ended[from] = true;
    this.readers[from].end();
    this.#blocks[from].end();
    if (!this.#ended.client || !this.#ended.server) return;
    if (this.#session !== undefined) this.#session.end(this.#endOf('ended'));
    this.settle();
    for (const pair of this.#pairs.values()) this.#give(pair, 'ended');
    this.#pairs.clear();
    this.#streams.clear();
    if (this.#pending.client + this.#pending.server > 0) this.#sink.exchange(this.#leftOver());
  }

  #control(from: Side, type: number, flags: number, content: Buffer, at: number): void {
    const id = content.length < 4 ? 0 : content.readUInt32BE(0) & 0x7fff_ffff;
    if (type === SYN_STREAM && content.length >= 10) {
      this.#open(from, id, this.#blocks[from].read(content.subarray(10)), (flags & FIN) !== 0, at);
    } else if ((type === SYN_REPLY || type === HEADERS) && content.length >= 4) {
      this.#blocks[from].read(content.subarray(4));
      if ((flags & FIN) !== 0) this.#close(this.#streams.get(id), from);
    } else if (type === RST_STREAM) {
      const stream = this.#streams.get(id);
      this.#close(stream, 'client');
      this.#close(stream, 'server');
    }
  }

  #open(from: Side, id: number, headers: Headers | undefined, isFinished: boolean, at: number): void {
    if (headers === undefined) this.#isBroken = true;
    const type = headers?.get('streamtype') ?? '';
    const pair = this.#session === undefined && headers !== undefined ? this.#pairOf(headers) : undefined;
    const known = pair !== undefined && type === 'data' ? 'data' : CHANNELS[type];
    const stream: Stream = {
      pair,
      channel: Object.hasOwn(CHANNELS, type) || type === 'data' ? known : undefined,
      open: { client: true, server: true },
    };
    if (this.#streams.size >= STREAMS_MAX) this.#streams.delete(this.#streams.keys().next().value as number);
    this.#streams.set(id, stream);
    pair?.streams.add(stream);
    pair?.forward.session.touch(from, at);
    if (isFinished) this.#close(stream, from);
  }

  #pairOf(headers: Headers): Pair {
    const port = (headers.get('port') ?? '').slice(0, 16);
    // An id is given once for a connection; without one each pair of streams of a port is one.
    const key = `${port} ${(headers.get('requestid') ?? '').slice(0, 64)}`;
    const before = this.#pairs.get(key);
    if (before !== undefined) return before;
    if (this.#pairs.size >= FORWARDS_MAX) this.#finish(this.#pairs.values().next().value as Pair, false);
    const forward = new Forward(`forward ${++this.#opened}`, port, this.#bounds, this.#sink, this.#request);
    const pair: Pair = { key, forward, bytes: { client: 0, server: 0 }, streams: new Set(), isComplete: false };
    this.#pairs.set(key, pair);
    return pair;
  }

  #data(from: Side, id: number, bytes: Buffer, isFinished: boolean, at: number): number {
    const stream = this.#streams.get(id);
    const pair = stream?.pair;
    const session = this.#session ?? pair?.forward.session;
    const { channel } = stream ?? {};
    let dropped = bytes.length;
    if (session !== undefined && channel !== undefined) {
      session.touch(from, at);
      if (channel === 'data') dropped = pair === undefined ? dropped : this.#forwarded(pair, from, bytes, at);
      else dropped = session.data(channel, bytes, at);
    } else this.#unknownBytes += bytes.length;
    if (isFinished) this.#close(stream, from);
    return dropped;
  }

  /** Whoever reads the connection says what of it was not understood. */
  #forwarded({ forward, bytes: said }: Pair, from: Side, bytes: Buffer, at: number): number {
    // What is carried compressed is more than it was on the wire.
    const own = Math.min(bytes.length, this.#pending[from]);
    this.#pending[from] -= own;
    said[from] += own;
    forward.data(from, bytes, at);
    return 0;
  }

  #hole(from: Side, id: number, missingBytes: number): void {
    const stream = this.#streams.get(id);
    const { channel, pair } = stream ?? {};
    if (channel === 'data') pair?.forward.hole(from, missingBytes);
    else (this.#session ?? pair?.forward.session)?.hole(channel, missingBytes, from);
  }

  #break(from: Side): void {
    this.#isBroken = true;
    this.#session?.hole(undefined, 0, from);
    for (const { forward } of this.#pairs.values()) forward.hole(from, undefined);
  }

  #close(stream: Stream | undefined, from: Side): void {
    if (stream === undefined) return;
    stream.open[from] = false;
    const { pair } = stream;
    if (pair === undefined || pair.streams.size < 2 || this.#pairs.get(pair.key) !== pair) return;
    for (const { open, channel } of pair.streams) {
      // The client closes its side of the error channel at once, or never: what it would say there nobody reads.
      if (open.server || (open.client && channel !== 'error')) return;
    }
    this.#finish(pair, true);
  }

  #finish(pair: Pair, isComplete: boolean): void {
    pair.isComplete = isComplete;
    pair.forward.close();
    this.#pairs.delete(pair.key);
    for (const [id, stream] of this.#streams) if (stream.pair === pair) this.#streams.delete(id);
    this.#done.push(pair);
  }

  #give({ forward, bytes }: Pair, how: How): void {
    const end = this.#endOf(how);
    const [requestBytes, responseBytes] = [end.requestBytes + bytes.client, end.responseBytes + bytes.server];
    forward.end({ ...end, requestBytes, responseBytes });
  }

  #endOf(how: How): SessionEnd {
    const { client: requestBytes, server: responseBytes } = this.#pending;
    this.#pending.client = this.#pending.server = 0;
    const unknown = this.#unknownBytes;
    this.#unknownBytes = 0;
    return {
      ...{ requestBytes, responseBytes, isBroken: this.#isBroken, isWell: how === 'complete' },
      attributes: {
        ...(unknown > 0 && { unexpected_channel_bytes: String(unknown) }),
        ...(how === 'relieved' && { given_out: 'too-many-open' }),
      },
    };
  }

  /** Frames that keep the connection, behind the last exchange. */
  #leftOver(): Exchange {
    const { target, resource, attributes } = this.#request;
    const nothing = { bytes: new Uint8Array(), totalBytes: 0 };
    const at = this.#lastAt;
    return {
      ...{ protocol: 'kubernetes', operation: 'portforward', target, resource, attributes },
      ...{ statement: '', statementShape: '', parameters: '', request: nothing, response: nothing },
      ...{ status: 'ok' as const, errorCode: '', errorMessage: '', truncated: false, routine: true as const },
      ...{ requestBytes: this.#pending.client, responseBytes: this.#pending.server },
      ...{ requestAt: at, requestEndAt: at, responseAt: at, responseEndAt: at },
    };
  }
}
