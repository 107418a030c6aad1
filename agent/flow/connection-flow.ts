// SPDX-License-Identifier: Apache-2.0

/**
 * One connection: both directions in order, the protocol that they speak, its decoder, and the account of every byte.
 */
import type { ByteAccount } from '../model/activity.ts';
import type { BytesMissing, BytesMoved, ConnectionClosed, ConnectionOpened } from '../model/kernel-event.ts';
import type { Decoder, DecoderBounds, DecoderSink, Exchange, SeenCredential, Side } from '../protocol/decoder.ts';
import { type Detection, detect, OPENING_BYTES_MAX } from '../protocol/detect.ts';
import { OpaqueDecoder } from '../protocol/opaque/decoder.ts';
import { Stream } from './stream.ts';

export type Direction = 'sent' | 'received';

export interface FlowSink {
  exchange(flow: ConnectionFlow, exchange: Exchange): void;
  credential(flow: ConnectionFlow, credential: SeenCredential): void;
  /** Bytes of the connection that were never had. */
  lost(flow: ConnectionFlow, direction: Direction, reason: string, bytes: number, atNs: number): void;
  /** Bytes that were had and not understood, or an exchange that was given up. */
  trouble(flow: ConnectionFlow, direction: Direction, reason: string, bytes: number, atNs: number): void;
}

/** Languages that hide what they say: their bytes are counted as unreadable. */
const ENCRYPTED = new Set(['tls', 'ssh', 'quic']);

interface OpeningBytes {
  readonly pieces: { readonly from: Side; readonly bytes: Uint8Array; readonly at: number }[];
  client: Buffer;
  server: Buffer;
  late: boolean;
}

function emptyOpening(late: boolean): OpeningBytes {
  return { pieces: [], client: Buffer.alloc(0), server: Buffer.alloc(0), late };
}

export class ConnectionFlow {
  readonly opened: ConnectionOpened;
  /** '' while undecided; 'unknown' or what it looks like when no decoder has it. */
  protocol = '';
  lastAtNs: number;
  readonly #sink: FlowSink;
  readonly #bounds: DecoderBounds;
  readonly #streams: Readonly<Record<Direction, Stream>>;
  readonly #sideOf: Readonly<Record<Direction, Side>>;
  #opening: OpeningBytes | undefined;
  #decoder: Decoder | undefined;
  /** What decoders before the present one counted, and what they were. */
  readonly #before: Record<Direction, { decoded: number; notUnderstood: number; unreadable: number; cut: number }> = {
    sent: { decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0 },
    received: { decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0 },
  };
  readonly #lost: Record<Direction, number> = { sent: 0, received: 0 };
  /** Which process sent, from when on; more than one only when a connection is handed on. */
  readonly #senders: { readonly sinceNs: number; readonly pid: number }[] = [];
  #handover: { readonly protocol: string; readonly consumedBytes: number } | undefined;

  constructor(opened: ConnectionOpened, bounds: DecoderBounds, sink: FlowSink) {
    this.opened = opened;
    this.lastAtNs = opened.atNs;
    this.#bounds = bounds;
    this.#sink = sink;
    this.#sideOf =
      serverEnd(opened) === 'local' ? { sent: 'server', received: 'client' } : { sent: 'client', received: 'server' };
    // What a process sends passes the boundary in order, and so do the calls on a unix socket; only a network reorders.
    this.#streams = {
      sent: new Stream(this.#streamSink('sent'), false),
      received: new Stream(this.#streamSink('received'), opened.transport === 'tcp'),
    };
    this.#opening = emptyOpening(opened.joinedLate);
  }

  /** Which end the workload is; for a connection that was joined late, as well as the ports tell. */
  get role(): 'client' | 'server' {
    return this.#sideOf.sent === 'client' ? 'client' : 'server';
  }

  get heldBytes(): number {
    const opening = this.#opening === undefined ? 0 : this.#opening.client.length + this.#opening.server.length;
    return opening + (this.#decoder?.heldBytes ?? 0) + this.#streams.sent.heldBytes + this.#streams.received.heldBytes;
  }

  moved(event: BytesMoved): void {
    this.lastAtNs = event.atNs;
    if (event.pid !== 0 && event.pid !== this.#senders.at(-1)?.pid) {
      this.#senders.push({ sinceNs: event.atNs, pid: event.pid });
    }
    this.#streams[event.direction].push(event.offset, event.bytes, event.atNs);
  }

  missing(event: BytesMissing): void {
    this.lastAtNs = event.atNs;
    this.#streams[event.direction].missing(event.offset, event.bytes, event.reason, event.atNs);
  }

  /** Time passes: holes that have been open for long become losses. */
  expire(nowNs: number): void {
    this.#streams.received.expire(nowNs);
  }

  /** The process that sent what was sent at that time; 0 when no event told. */
  senderAt(atNs: number): number {
    for (let i = this.#senders.length - 1; i >= 0; i--) {
      const sender = this.#senders[i] as { sinceNs: number; pid: number };
      if (sender.sinceNs <= atNs) return sender.pid;
    }
    return this.#senders[0]?.pid ?? 0;
  }

  /** The end: pending exchanges come out, and the tail that was never seen becomes a loss. */
  close(event: ConnectionClosed): void {
    const sentEnd = event.sentBytes - event.unsentBytes;
    this.#streams.sent.finish(sentEnd, 'ring_full', event.atNs);
    if (event.unsentBytes > 0) this.#streams.sent.finish(event.sentBytes, 'never_sent', event.atNs);
    this.#streams.received.finish(event.receivedBytes + event.unreadBytes, 'ring_full', event.atNs);
    this.#endDecoding(event.atNs);
  }

  /** As `close`, when the source says no more of the connection: what was seen is all there is. */
  abandon(atNs: number): void {
    for (const direction of ['sent', 'received'] as const) {
      this.#streams[direction].finish(this.#streams[direction].nextOffset, 'ring_full', atNs);
    }
    this.#endDecoding(atNs);
  }

  /** What became of the bytes of a direction; adds up once the connection was closed. */
  account(direction: Direction): ByteAccount {
    const before = this.#before[direction];
    const now = this.#decoder?.counts[this.#sideOf[direction]];
    const unreadable = now !== undefined && ENCRYPTED.has(this.protocol) ? now.notUnderstood : 0;
    return {
      moved: this.#streams[direction].nextOffset,
      decoded: before.decoded + (now?.decoded ?? 0),
      notUnderstood: before.notUnderstood + (now?.notUnderstood ?? 0) - unreadable,
      unreadable: before.unreadable + unreadable,
      cut: before.cut + (now?.cut ?? 0),
      lost: this.#lost[direction],
    };
  }

  #streamSink(direction: Direction) {
    return {
      bytes: (bytes: Uint8Array, atNs: number): void => this.#feed(this.#sideOf[direction], bytes, atNs),
      gap: (missingBytes: number, reason: string, atNs: number): void => {
        this.#lost[direction] += missingBytes;
        this.#sink.lost(this, direction, reason, missingBytes, atNs);
        this.#feedGap(this.#sideOf[direction], missingBytes, atNs);
      },
    };
  }

  #directionOf(side: Side): Direction {
    return this.#sideOf.sent === side ? 'sent' : 'received';
  }

  #feed(from: Side, bytes: Uint8Array, at: number): void {
    if (this.#decoder === undefined) this.#gatherOpening(from, bytes, at);
    else this.#push(from, bytes, at);
  }

  #push(from: Side, bytes: Uint8Array, at: number): void {
    const decoder = this.#decoder as Decoder;
    try {
      decoder.push(from, bytes, at);
    } catch {
      this.#giveUpDecoding(from, bytes, at);
      return;
    }
    const handover = this.#handover;
    if (handover === undefined) return;
    this.#handover = undefined;
    this.#retireDecoder(at);
    this.#begin(handover.protocol, at);
    if (handover.consumedBytes < bytes.length) this.#feed(from, bytes.subarray(handover.consumedBytes), at);
  }

  #feedGap(from: Side, missingBytes: number, at: number): void {
    if (this.#decoder === undefined) {
      // The first bytes are not all there: what was gathered cannot be joined to what follows.
      this.#dropOpening();
      this.#opening = emptyOpening(true);
      return;
    }
    try {
      this.#decoder.gap(from, missingBytes, at);
    } catch {
      this.#giveUpDecoding(from, new Uint8Array(0), at);
    }
  }

  #gatherOpening(from: Side, bytes: Uint8Array, at: number): void {
    const opening = this.#opening as OpeningBytes;
    opening.pieces.push({ from, bytes: Uint8Array.from(bytes), at });
    opening[from] = Buffer.concat([opening[from], bytes.subarray(0, OPENING_BYTES_MAX - opening[from].length)]);
    this.#decide(detect(this.#openingView(opening)));
  }

  #openingView(opening: OpeningBytes) {
    const { remotePort, localPort } = this.opened;
    const serverPort = this.#sideOf.sent === 'client' ? remotePort : localPort;
    return { client: opening.client, server: opening.server, serverPort, late: opening.late };
  }

  #decide(detection: Detection): void {
    if (detection.kind === 'not-yet') return;
    const opening = this.#opening as OpeningBytes;
    this.#opening = undefined;
    if (detection.kind === 'found') {
      this.protocol = detection.definition.name;
      this.#decoder = detection.definition.create(this.#bounds, this.#decoderSink(), this.#openingView(opening));
    } else {
      this.protocol = detection.name;
      this.#decoder = new OpaqueDecoder();
    }
    for (const { from, bytes, at } of opening.pieces) this.#feed(from, bytes, at);
  }

  /** After a handover: another decoder if there is one for that language, else its bytes are counted. */
  #begin(protocol: string, _at: number): void {
    if (protocol === 'tunnel') {
      this.protocol = '';
      this.#decoder = undefined;
      this.#opening = emptyOpening(false);
      return;
    }
    this.protocol = protocol;
    this.#decoder = new OpaqueDecoder();
  }

  #dropOpening(): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    for (const { from, bytes } of opening.pieces) this.#before[this.#directionOf(from)].notUnderstood += bytes.length;
  }

  /** Lets the decoder finish, and keeps what it counted. */
  #retireDecoder(at: number): void {
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    try {
      decoder.end('client', at);
      decoder.end('server', at);
    } catch {
      this.#sink.trouble(this, 'sent', 'decoder_failed', 0, at);
    }
    for (const side of ['client', 'server'] as const) {
      const into = this.#before[this.#directionOf(side)];
      const { decoded, notUnderstood, cut } = decoder.counts[side];
      into.decoded += decoded;
      into.cut += cut;
      if (ENCRYPTED.has(this.protocol)) into.unreadable += notUnderstood;
      else into.notUnderstood += notUnderstood;
    }
    this.#decoder = undefined;
  }

  /** A decoder failed: a fault of ours. The flow goes on uncounted by it; what it held and what follows is not understood. */
  #giveUpDecoding(from: Side, bytes: Uint8Array, at: number): void {
    this.#handover = undefined;
    this.#sink.trouble(this, this.#directionOf(from), 'decoder_failed', bytes.length, at);
    const decoder = this.#decoder as Decoder;
    for (const side of ['client', 'server'] as const) {
      const into = this.#before[this.#directionOf(side)];
      const fed = this.#fedBytes(side);
      const { decoded, cut } = decoder.counts[side];
      const known = into.decoded + into.notUnderstood + into.unreadable + into.cut;
      const here = Math.max(0, fed - known);
      into.decoded += Math.min(decoded, here);
      into.cut += Math.min(cut, Math.max(0, here - decoded));
      into.notUnderstood += Math.max(0, here - decoded - cut);
    }
    this.protocol = 'unknown';
    this.#decoder = new OpaqueDecoder();
  }

  /** Bytes of a side that went to decoders, the piece in hand included. */
  #fedBytes(side: Side): number {
    const direction = this.#directionOf(side);
    return this.#streams[direction].nextOffset - this.#lost[direction];
  }

  #endDecoding(atNs: number): void {
    if (this.#decoder === undefined && this.#opening !== undefined) {
      // Too little was said to know the language; what there is may still be a whole exchange.
      this.#decide(detectAtEnd(this.#openingView(this.#opening)));
    }
    this.#retireDecoder(atNs);
  }

  #decoderSink(): DecoderSink {
    return {
      exchange: (exchange) => this.#sink.exchange(this, exchange),
      credential: (credential) => this.#sink.credential(this, credential),
      handover: (protocol, consumedBytes) => {
        this.#handover = { protocol, consumedBytes };
      },
      trouble: (from, reason, bytes) => this.#sink.trouble(this, this.#directionOf(from), reason, bytes, this.lastAtNs),
    };
  }
}

function detectAtEnd(opening: Parameters<typeof detect>[0]): Detection {
  const detection = detect(opening);
  return detection.kind === 'not-yet' ? { kind: 'none', name: 'unknown' } : detection;
}

/** Servers listen on ports below those that the kernel gives to clients, nearly always. */
function serverEnd(opened: ConnectionOpened): 'local' | 'remote' {
  if (opened.role === 'server') return 'local';
  if (opened.role === 'client') return 'remote';
  if (opened.transport === 'unix') return 'remote';
  return opened.localPort < opened.remotePort ? 'local' : 'remote';
}
