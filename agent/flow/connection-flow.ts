// SPDX-License-Identifier: Apache-2.0

/**
 * One connection: both directions in order, the language that they speak, its decoder, and the account of every byte.
 *
 * The account holds by construction: a byte that comes out of a stream goes to exactly one `Decoding` (or still waits in
 * the opening), which answers for it; a byte that does not come out is lost, with a reason.
 */
import type { ByteAccount } from '../model/activity.ts';
import type { BytesMissing, BytesMoved, ConnectionClosed, ConnectionOpened } from '../model/kernel-event.ts';
import type { DecoderBounds, Exchange, ProtocolDefinition, SeenCredential, Side } from '../protocol/decoder.ts';
import { OpaqueDecoder } from '../protocol/opaque/decoder.ts';
import { Decoding, type DecodingListener, type DecodingStep } from './decoding.ts';
import { AS_CLIENT, AS_SERVER, type Decision, type Direction, OpeningBytes, type SideOf } from './opening.ts';
import { Senders } from './senders.ts';
import { REORDER_NS, Stream, UNIX_REORDER_NS } from './stream.ts';

export type { Direction } from './opening.ts';

export interface FlowSink {
  exchange(flow: ConnectionFlow, exchange: Exchange): void;
  credential(flow: ConnectionFlow, credential: SeenCredential): void;
  /** Bytes of the connection that were never had. */
  lost(flow: ConnectionFlow, direction: Direction, reason: string, bytes: number, atNs: number): void;
  /** Bytes that were had and not understood, or an exchange that was given up. */
  trouble(flow: ConnectionFlow, direction: Direction, reason: string, bytes: number, atNs: number): void;
}

export interface FlowOptions {
  readonly bounds: DecoderBounds;
  /** Left out: all that there are. */
  readonly protocols?: readonly ProtocolDefinition[];
}

/** Languages that hide what they say: their bytes are counted as unreadable. */
const ENCRYPTED = new Set(['tls', 'ssh', 'quic', 'gssapi']);

/**
 * Decoders of one connection that may fail before it is only counted. A fault of ours costs what was pending, and not the
 * rest of the connection; but who found one input that breaks a decoder has more.
 */
const FAILURES_MAX = 3;
/** A tunnel in a tunnel is as far as anybody goes; a decoder that hands over for ever is at fault. */
const HANDOVERS_MAX = 8;

const DIRECTIONS = ['sent', 'received'] as const;

interface Settled {
  decoded: number;
  notUnderstood: number;
  unreadable: number;
  cut: number;
}

export class ConnectionFlow {
  readonly opened: ConnectionOpened;
  /** '' while undecided; what it looks like, or 'unknown', when no decoder has it. */
  protocol = '';
  /** When something was last heard of it. */
  lastAtNs: number;
  readonly #sink: FlowSink;
  readonly #options: FlowOptions;
  readonly #streams: Readonly<Record<Direction, Stream>>;
  readonly #senders = new Senders();
  /** Which sides are possible: both while nothing has proved one. */
  #ways: readonly SideOf[];
  #opening: OpeningBytes | undefined;
  #decoding: Decoding | undefined;
  /** What decoders before the present one answered for. */
  readonly #settled: Readonly<Record<Direction, Settled>> = {
    sent: { decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0 },
    received: { decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0 },
  };
  readonly #lost: Record<Direction, number> = { sent: 0, received: 0 };
  readonly #surplus: Record<Direction, number> = { sent: 0, received: 0 };
  #isOnlyCounted = false;
  #failures = 0;
  #handovers = 0;

  constructor(opened: ConnectionOpened, options: FlowOptions, sink: FlowSink) {
    this.opened = opened;
    this.lastAtNs = opened.atNs;
    this.#options = options;
    this.#sink = sink;
    this.#ways = waysOf(opened);
    const isUnix = opened.transport === 'unix';
    // What a process sends passes the boundary in order. A network reorders, and so do threads with one unix socket.
    this.#streams = {
      sent: new Stream(this.#streamSink('sent'), isUnix ? UNIX_REORDER_NS : 0),
      received: new Stream(this.#streamSink('received'), isUnix ? UNIX_REORDER_NS : REORDER_NS),
    };
    this.#opening = this.#newOpening(opened.joinedLate);
  }

  /** Which end the workload is: as the source says, or as the bytes have proved. */
  get role(): 'client' | 'server' | 'unknown' {
    return this.#ways.length > 1 ? 'unknown' : this.#sideOf.sent;
  }

  get heldBytes(): number {
    const { sent, received } = this.#streams;
    return (this.#opening?.heldBytes ?? 0) + (this.#decoding?.heldBytes ?? 0) + sent.heldBytes + received.heldBytes;
  }

  moved(event: BytesMoved): void {
    this.#heardOf(event.atNs);
    if (event.direction === 'sent') this.#senders.note(event.atNs, event.pid);
    // Before the bytes: a decoder tells from the order of both sides which reply is whose.
    this.#streams.sent.settle(event.sentSettledOffset ?? 0, event.atNs);
    this.#streams.received.settle(event.receivedSettledOffset ?? 0, event.atNs);
    this.#streams[event.direction].push(event.offset, event.bytes, event.atNs);
  }

  missing(event: BytesMissing): void {
    this.#heardOf(event.atNs);
    this.#streams[event.direction].missing(event.offset, event.bytes, event.reason, event.atNs);
  }

  /** Time passes: holes that have been open for long become losses. */
  expire(nowNs: number): void {
    this.#streams.sent.expire(nowNs);
    this.#streams.received.expire(nowNs);
  }

  /** The process of the workload that sent at that time; 0 when no event told. */
  senderAt(atNs: number): number {
    return this.#senders.at(atNs);
  }

  /** The end: pending exchanges come out, and the tail that was never seen becomes a loss. */
  close(event: ConnectionClosed): void {
    this.#heardOf(event.atNs);
    if (this.opened.transport === 'udp') {
      this.#countOnly(event);
      return;
    }
    const sentEnd = Math.max(0, event.sentBytes - event.unsentBytes);
    const receivedEnd = event.receivedBytes + event.unreadBytes;
    this.#finishStream('sent', sentEnd, event.atNs);
    if (event.unsentBytes > 0) this.#streams.sent.finish(event.sentBytes, 'never_sent', event.atNs);
    this.#finishStream('received', receivedEnd, event.atNs);
    this.#endDecoding(event.atNs);
  }

  /** As `close`, when the source says no more of the connection: what was seen is all there is. */
  abandon(atNs: number): void {
    for (const direction of DIRECTIONS) this.#streams[direction].finish(undefined, '', atNs);
    this.#endDecoding(atNs);
  }

  /** Gives back memory: what waits comes out, what is unfinished ends, and the bytes that follow are looked at afresh. */
  shed(atNs: number): void {
    for (const direction of DIRECTIONS) this.#streams[direction].giveUp('memory_bound', atNs);
    if (this.heldBytes === 0 || this.#isOnlyCounted) return;
    this.#sink.trouble(this, 'received', 'memory_bound', 0, atNs);
    this.#endDecoding(atNs);
    this.#opening = this.#newOpening(true);
  }

  /** What became of the bytes of a direction. Adds up at any time; what is still thought about is not understood yet. */
  account(direction: Direction): ByteAccount {
    const { decoded, notUnderstood, unreadable, cut } = this.#settled[direction];
    const lost = this.#lost[direction];
    const moved = this.#streams[direction].nextOffset;
    const pending = this.#opening?.bytes[direction] ?? 0;
    const now = this.#decoding?.account(this.#sideOf[direction]);
    if (now === undefined) return { moved, decoded, notUnderstood: notUnderstood + pending, unreadable, cut, lost };
    const hidden = this.#isEncrypted() ? now.notUnderstood : 0;
    return {
      moved,
      decoded: decoded + now.decoded,
      notUnderstood: notUnderstood + now.notUnderstood - hidden,
      unreadable: unreadable + hidden,
      cut: cut + now.cut,
      lost,
    };
  }

  /**
   * Bytes that passed the boundary and that the socket's counters do not have, known when it was closed: TCP refused
   * them, or what came before them never came. As far as they came out they are in the account.
   */
  surplus(direction: Direction): number {
    return this.#surplus[direction];
  }

  /** Since when bytes wait until it is known whose language they are; undefined when none do. */
  get waitingSinceNs(): number | undefined {
    return this.#opening?.arrivals[0]?.at;
  }

  /** Nobody knows the language, and the beginning, which might have told it, was not seen: that is worth a line. */
  get #isUnrecognised(): boolean {
    return this.opened.joinedLate && this.#isOnlyCounted && this.protocol === 'unknown';
  }

  get #sideOf(): SideOf {
    return this.#ways[0] as SideOf;
  }

  #heardOf(atNs: number): void {
    if (atNs > this.lastAtNs) this.lastAtNs = atNs;
  }

  #isEncrypted(): boolean {
    return this.#decoding !== undefined && ENCRYPTED.has(this.#decoding.protocol);
  }

  #newOpening(late: boolean): OpeningBytes {
    return new OpeningBytes(late, { local: this.opened.localPort, remote: this.opened.remotePort });
  }

  #streamSink(direction: Direction) {
    return {
      bytes: (bytes: Uint8Array, atNs: number): void => this.#feed(direction, bytes, atNs),
      gap: (missingBytes: number, reason: string, atNs: number): void => {
        this.#lost[direction] += missingBytes;
        this.#sink.lost(this, direction, reason, missingBytes, atNs);
        this.#feedGap(direction, missingBytes, atNs);
      },
      conflict: (bytes: number, atNs: number): void => {
        this.#sink.trouble(this, direction, 'conflicting_segments', bytes, atNs);
      },
    };
  }

  #finishStream(direction: Direction, endOffset: number, atNs: number): void {
    const stream = this.#streams[direction];
    stream.finish(endOffset, 'ring_full', atNs);
    this.#surplus[direction] = stream.nextOffset - endOffset + stream.beyondEndBytes;
  }

  /** Of UDP the source tells the sums and no bytes: seen, by design not looked at. */
  #countOnly(event: ConnectionClosed): void {
    this.protocol = 'unknown';
    for (const [direction, bytes] of [
      ['sent', event.sentBytes],
      ['received', event.receivedBytes],
    ] as const) {
      this.#streams[direction].skipTo(bytes);
      this.#settled[direction].notUnderstood += bytes;
    }
  }

  #feed(direction: Direction, bytes: Uint8Array, at: number): void {
    for (let rest = bytes; rest.length > 0; ) {
      const decoding = this.#decoding;
      if (decoding === undefined) {
        this.#opening?.add(direction, rest, at);
        this.#decide();
        return;
      }
      if (this.#isUnrecognised) this.#sink.trouble(this, direction, 'not_recognised', rest.length, at);
      const step = decoding.push(this.#sideOf[direction], rest, at);
      rest = step.kind === 'handover' ? rest.subarray(step.consumedBytes) : NO_BYTES;
      this.#follow(step, direction, at);
    }
  }

  #feedGap(direction: Direction, missingBytes: number, at: number): void {
    if (this.#decoding === undefined) this.#opening?.addGap(direction, missingBytes, at);
    else this.#follow(this.#decoding.gap(this.#sideOf[direction], missingBytes, at), direction, at);
  }

  /** What a step of the decoder means for the connection. */
  #follow(step: DecodingStep, direction: Direction, at: number): void {
    if (step.kind === 'failed') {
      const decoding = this.#decoding as Decoding;
      const { notUnderstood } = decoding.account(this.#sideOf[direction]);
      this.#sink.trouble(this, direction, 'decoder_failed', notUnderstood, at);
      this.#settle(decoding);
      this.#failures++;
      if (this.#failures < FAILURES_MAX) this.#opening = this.#newOpening(true);
      else this.#countFrom(decoding.protocol);
    } else if (step.kind === 'handover') {
      this.#endDecoding(at);
      this.#handovers++;
      this.#begin(this.#handovers > HANDOVERS_MAX ? 'unknown' : step.protocol);
    }
  }

  #decide(decision?: Decision): void {
    const opening = this.#opening as OpeningBytes;
    decision ??= opening.decide(this.#ways, this.#options.protocols);
    if (decision.kind === 'not-yet') return;
    this.#opening = undefined;
    if (decision.kind === 'found') {
      const { definition } = decision;
      this.#ways = [decision.sideOf];
      this.protocol = definition.name;
      this.#decoding = new Decoding(
        definition,
        (sink) => definition.create(this.#options.bounds, sink, decision.opening),
        this.#listener(),
      );
    } else {
      if (decision.kind === 'failed') this.#sink.trouble(this, 'sent', 'detection_failed', 0, this.lastAtNs);
      this.#countFrom(decision.kind === 'none' ? decision.name : 'unknown');
    }
    for (const arrival of opening.arrivals) {
      if ('bytes' in arrival) this.#feed(arrival.direction, arrival.bytes, arrival.at);
      else this.#feedGap(arrival.direction, arrival.missingBytes, arrival.at);
    }
  }

  /** After a handover: whatever is in a tunnel, the decoder of that language if there is one, else the bytes are counted. */
  #begin(protocol: string): void {
    const definition = this.#options.protocols?.find(({ name }) => name === protocol);
    if (protocol === 'tunnel') {
      this.protocol = '';
      this.#opening = this.#newOpening(false);
    } else if (definition !== undefined) {
      const opening = { client: NO_BYTES, server: NO_BYTES, serverPort: 0, late: false };
      this.protocol = protocol;
      this.#decoding = new Decoding(
        definition,
        (sink) => definition.create(this.#options.bounds, sink, opening),
        this.#listener(),
      );
    } else {
      this.#countFrom(protocol);
    }
  }

  /** Nobody understands what follows. A connection that was understood before keeps that name if there is no other. */
  #countFrom(name: string): void {
    if (name !== 'unknown' || this.protocol === '') this.protocol = name;
    this.#opening = undefined;
    this.#isOnlyCounted = true;
    this.#decoding = new Decoding({ name }, () => new OpaqueDecoder(), this.#listener());
  }

  /** Lets the decoder finish, and keeps what it answers for. */
  #endDecoding(at: number): void {
    for (;;) {
      const decoding = this.#decoding;
      if (decoding !== undefined) {
        if (!decoding.end(at)) this.#sink.trouble(this, 'sent', 'decoder_failed', 0, at);
        this.#settle(decoding);
      }
      if (this.#opening === undefined) return;
      if (this.#opening.arrivals.length === 0) {
        this.#opening = undefined;
        return;
      }
      // Too little was said to know the language; what there is may still be a whole exchange. It may also be a handover,
      // or a failure, behind which there is another opening: both are bounded.
      this.#decide(this.#opening.decideAtEnd(this.#ways, this.#options.protocols));
    }
  }

  #settle(decoding: Decoding): void {
    this.#decoding = undefined;
    for (const direction of DIRECTIONS) {
      const into = this.#settled[direction];
      const { decoded, notUnderstood, cut } = decoding.account(this.#sideOf[direction]);
      into.decoded += decoded;
      into.cut += cut;
      if (ENCRYPTED.has(decoding.protocol)) into.unreadable += notUnderstood;
      else into.notUnderstood += notUnderstood;
    }
  }

  #directionOf(side: Side): Direction {
    return this.#sideOf.sent === side ? 'sent' : 'received';
  }

  #listener(): DecodingListener {
    return {
      exchange: (exchange) => this.#sink.exchange(this, exchange),
      credential: (credential) => this.#sink.credential(this, credential),
      trouble: (from, reason, bytes) => {
        this.#sink.trouble(this, this.#directionOf(from), reason, bytes, this.lastAtNs);
      },
    };
  }
}

const NO_BYTES = new Uint8Array(0);

function waysOf({ role }: ConnectionOpened): readonly SideOf[] {
  if (role === 'unknown') return [AS_CLIENT, AS_SERVER];
  return role === 'server' ? [AS_SERVER] : [AS_CLIENT];
}
