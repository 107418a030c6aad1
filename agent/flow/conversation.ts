// SPDX-License-Identifier: Apache-2.0

/**
 * What two ends say to each other, in order: the language that they speak, its decoder, and what became of every byte. Where
 * they turn to TLS or speak SSH, what is said inside is a conversation again.
 *
 * The account holds by construction: a byte that is fed goes to exactly one `Decoding`, to the TLS layer, or still waits in
 * the opening, and whoever has it answers for it.
 */
import type {
  Agreement,
  DecoderBounds,
  Exchange,
  ProtocolDefinition,
  SeenCredential,
  Side,
  TerminalStretch,
} from '../protocol/decoder.ts';
import { protocolNamed } from '../protocol/detect.ts';
import { startsTls } from '../protocol/opaque/client-hello.ts';
import { OpaqueDecoder } from '../protocol/opaque/decoder.ts';
import { keptHeads } from '../protocol/opaque/heads.ts';
import type { SshKeyStore } from '../ssh/key-pool.ts';
import { SshLayer } from '../ssh/ssh-layer.ts';
import type { SecretStore } from '../tls/secret-store.ts';
import { type TlsDescription, TlsLayer } from '../tls/tls-layer.ts';
import { Decoding, type DecodingListener, type DecodingStep } from './decoding.ts';
import { InnerStreams, type Unread } from './inner-streams.ts';
import { type Decision, type Direction, OpeningBytes, type Ports, type SideOf } from './opening.ts';

export interface ConversationOptions {
  readonly bounds: DecoderBounds;
  /** Of each side of what nobody decodes; 0: none. Left out: `UNKNOWN_HEAD_BYTES`. */
  readonly unknownHeadBytes?: number | undefined;
  /** Left out: all that there are. */
  readonly protocols?: readonly ProtocolDefinition[];
  /** Left out: what is said in TLS is not read. */
  readonly secrets?: SecretStore | undefined;
  /** Left out: what is said in SSH is not read. */
  readonly sshKeys?: SshKeyStore | undefined;
}

export interface ConversationSink {
  exchange(exchange: Exchange): void;
  credential(credential: SeenCredential): void;
  terminal(stretch: TerminalStretch): void;
  /** Bytes that were had and not understood, or an exchange that was given up. */
  trouble(direction: Direction, reason: string, bytes: number, atNs: number): void;
  /** Encrypted bytes that were had and could not be read. */
  unreadable(direction: Direction, reason: string, bytes: number, atNs: number): void;
}

/** What became of the bytes that were fed; of those that wait it is not understood yet. */
export interface Understanding {
  decoded: number;
  notUnderstood: number;
  unreadable: number;
  cut: number;
}

/** Languages that hide what they say: their bytes are counted as unreadable. */
const ENCRYPTED = new Set(['tls', 'ssh', 'quic', 'gssapi']);

/**
 * Decoders of one conversation that may fail before it is only counted. A fault of ours costs what was pending, and not the
 * rest of the connection; but who found one input that breaks a decoder has more.
 */
const FAILURES_MAX = 3;
/** A tunnel in a tunnel is as far as anybody goes; a decoder that hands over for ever is at fault. */
const HANDOVERS_MAX = 8;
/** TLS to a proxy, and through it TLS to the server; three connections that each carry the next. Messages of SSH are not deeper than SSH. */
const TUNNEL_DEPTH_MAX = 3;

/** 4 KiB of each side: a greeting, and a first request with its answer. Less where payloads are bounded by less. */
export const UNKNOWN_HEAD_BYTES = 4096;

const DIRECTIONS = ['sent', 'received'] as const;
const NO_BYTES = new Uint8Array(0);

/** What makes plaintext of an encrypted stretch (see `TlsLayer`, `SshLayer`). */
interface Layer {
  /** Only TLS has one. */
  readonly description?: TlsDescription;
  readonly heldBytes: number;
  readonly waitingSince: number | undefined;
  counts(side: Side): { readonly framing: number; readonly unreadable: number; readonly waiting: number };
  push(from: Side, bytes: Uint8Array, at: number): void;
  gap(from: Side, missingBytes: number, at: number): void;
  secretsChanged(at: number): void;
  expire(now: number): void;
  end(at: number): void;
}

/** What a layer says. */
interface LayerSink {
  data(from: Side, bytes: Uint8Array, at: number): void;
  gap(from: Side, bytes: number, at: number): void;
  unreadable(from: Side, reason: string, bytes: number, at: number): void;
}

/** An encrypted stretch: what decrypts it, and what is said inside. */
interface Tunnel {
  readonly layer: Layer;
  readonly inside: Conversation;
}

export class Conversation {
  readonly #sink: ConversationSink;
  readonly #options: ConversationOptions;
  readonly #ports: Ports;
  readonly #late: boolean;
  readonly #depth: number;
  /** '' while undecided; what it looks like, or 'unknown', when no decoder has it. */
  #protocol = '';
  /** Which sides are possible: both while nothing has proved one. */
  #ways: readonly SideOf[];
  #opening: OpeningBytes | undefined;
  #decoding: Decoding | undefined;
  /** Has the first bytes of what nobody decodes. */
  #opaque: { readonly decoder: OpaqueDecoder; readonly name: string } | undefined;
  #tunnel: Tunnel | undefined;
  #endedTls: TlsDescription | undefined;
  #endedInside: Conversation | undefined;
  /** What decoders before the present one answered for. */
  readonly #settled: Readonly<Record<Direction, Understanding>> = {
    sent: { decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0 },
    received: { decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0 },
  };
  /** What decoders found that the connection carries; there for the first one. */
  #inner: InnerStreams | undefined;
  #isOnlyCounted = false;
  /** What a layer gives out in frames has this language, and is never looked at afresh. */
  #framed: string | undefined;
  #failures = 0;
  #handovers = 0;
  #lastAtNs = 0;

  /** `late`: the first bytes of it were not seen. */
  constructor(
    ways: readonly SideOf[],
    ports: Ports,
    late: boolean,
    options: ConversationOptions,
    sink: ConversationSink,
    depth = 0,
  ) {
    this.#ways = ways;
    this.#ports = ports;
    this.#late = late;
    this.#options = options;
    this.#sink = sink;
    this.#depth = depth;
    this.#opening = this.#newOpening(late);
  }

  /** The innermost language that is known: of HTTP in TLS it is HTTP's. */
  get protocol(): string {
    return this.#tunnel === undefined ? this.#protocol : innermost(this.#protocol, this.#tunnel);
  }

  /** Of the outermost TLS; undefined when there is none. */
  get tls(): TlsDescription | undefined {
    return this.#tunnel?.layer.description ?? this.#endedTls;
  }

  /** Which end the workload is: as was said, or as the bytes have proved. */
  get role(): 'client' | 'server' | 'unknown' {
    return this.#ways.length > 1 ? 'unknown' : this.#sideOf.sent;
  }

  get heldBytes(): number {
    const tunnel = this.#tunnel;
    const inTunnel = tunnel === undefined ? 0 : tunnel.layer.heldBytes + tunnel.inside.heldBytes;
    const here = (this.#opening?.heldBytes ?? 0) + (this.#decoding?.heldBytes ?? 0);
    return here + inTunnel + (this.#inner?.heldBytes ?? 0);
  }

  /** Since when bytes wait until it is known what they are; undefined when none do. */
  get waitingSinceNs(): number | undefined {
    const here = earliest(this.#opening?.arrivals[0]?.at, this.#inner?.waitingSinceNs);
    const tunnel = this.#tunnel;
    if (tunnel === undefined) return here;
    return earliest(here, earliest(tunnel.layer.waitingSince, tunnel.inside.waitingSinceNs));
  }

  /** Encrypted bytes wait for a secret. */
  get awaitsSecret(): boolean {
    const tunnel = this.#tunnel;
    if (this.#inner?.awaitsSecret === true) return true;
    return tunnel !== undefined && (tunnel.layer.waitingSince !== undefined || tunnel.inside.awaitsSecret);
  }

  feed(direction: Direction, bytes: Uint8Array, at: number): void {
    this.#lastAtNs = at;
    for (let rest = bytes; rest.length > 0; ) {
      const decoding = this.#decoding;
      if (this.#tunnel !== undefined) {
        this.#tunnel.layer.push(this.#sideOf[direction], rest, at);
        return;
      }
      if (decoding === undefined) {
        this.#opening?.add(direction, rest, at);
        this.#decide();
        return;
      }
      if (this.#turnsToTls(direction, rest)) {
        this.#handovers++;
        decoding.end(at);
        this.#settle(decoding);
        this.#isOnlyCounted = false;
        const before = this.#protocol;
        this.#beginTls(false);
        if (before !== 'unknown') this.#protocol = before;
        continue;
      }
      if (this.#isUnrecognised) this.#sink.trouble(direction, 'not_recognised', rest.length, at);
      const step = decoding.push(this.#sideOf[direction], rest, at);
      rest = step.kind === 'handover' ? rest.subarray(step.consumedBytes) : NO_BYTES;
      this.#follow(step, direction, at);
    }
  }

  gap(direction: Direction, missingBytes: number, at: number): void {
    const tunnel = this.#tunnel;
    if (tunnel !== undefined) tunnel.layer.gap(this.#sideOf[direction], missingBytes, at);
    else if (this.#decoding === undefined) this.#opening?.addGap(direction, missingBytes, at);
    else this.#follow(this.#decoding.gap(this.#sideOf[direction], missingBytes, at), direction, at);
  }

  secretsChanged(at: number): void {
    this.#tunnel?.layer.secretsChanged(at);
    this.#tunnel?.inside.secretsChanged(at);
    this.#inner?.secretsChanged(at);
  }

  /** Time passes: who waited for a secret for long goes on without. */
  expire(nowNs: number): void {
    this.#tunnel?.layer.expire(nowNs);
    this.#tunnel?.inside.expire(nowNs);
    this.#inner?.expire(nowNs);
  }

  /** Nothing more is said: pending exchanges come out. */
  end(at: number): void {
    for (;;) {
      if (this.#tunnel !== undefined) this.#endTunnel(at);
      const decoding = this.#decoding;
      if (decoding !== undefined) {
        if (!decoding.end(at)) this.#sink.trouble('sent', 'decoder_failed', 0, at);
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

  /** Gives back memory: what is unfinished ends, and what follows is looked at afresh. */
  shed(at: number): void {
    if (this.heldBytes === 0 || this.#isOnlyCounted) return;
    const tunnel = this.#tunnel;
    // Whoever lost its place in an encrypted stretch never finds it again: that is kept while it holds little itself.
    if (tunnel !== undefined && tunnel.inside.heldBytes >= tunnel.layer.heldBytes) {
      tunnel.inside.shed(at);
      return;
    }
    const inner = this.#inner;
    if (inner !== undefined && inner.heldBytes * 2 >= this.heldBytes) {
      inner.shed(at);
      return;
    }
    this.#sink.trouble('received', 'memory_bound', 0, at);
    this.end(at);
    this.#beginAfresh();
  }

  account(direction: Direction): Understanding {
    const sum = { ...this.#settled[direction] };
    sum.notUnderstood += this.#opening?.bytes[direction] ?? 0;
    if (this.#decoding !== undefined) this.#addDecoding(sum, this.#decoding, direction);
    if (this.#tunnel !== undefined) this.#addTunnel(sum, this.#tunnel, direction);
    if (this.#inner !== undefined) takeOff(sum, this.#inner.unread(direction));
    return sum;
  }

  #beginAfresh(): void {
    if (this.#framed === undefined) this.#opening = this.#newOpening(true);
    else this.#begin(this.#framed);
  }

  /** Nobody knows the language, and the beginning, which might have told it, was not seen: that is worth a line. */
  get #isUnrecognised(): boolean {
    return this.#late && this.#isOnlyCounted && this.#protocol === 'unknown';
  }

  /**
   * A language that nobody decodes may turn to TLS on the way (MySQL's switch, STARTTLS of mail and others): the client says
   * so by its ClientHello, which it writes by itself once it was told to go on.
   */
  #turnsToTls(direction: Direction, bytes: Uint8Array): boolean {
    return (
      this.#isOnlyCounted &&
      this.#handovers < HANDOVERS_MAX &&
      this.#options.secrets !== undefined &&
      this.#depth < TUNNEL_DEPTH_MAX &&
      !ENCRYPTED.has(this.#protocol) &&
      this.#sideOf[direction] === 'client' &&
      startsTls(bytes) === 'yes'
    );
  }

  get #sideOf(): SideOf {
    return this.#ways[0] as SideOf;
  }

  #newOpening(late: boolean): OpeningBytes {
    return new OpeningBytes(late, this.#ports);
  }

  /** What a step of the decoder means for the conversation. */
  #follow(step: DecodingStep, direction: Direction, at: number): void {
    if (step.kind === 'failed') {
      const decoding = this.#decoding as Decoding;
      const { notUnderstood } = decoding.account(this.#sideOf[direction]);
      this.#sink.trouble(direction, 'decoder_failed', notUnderstood, at);
      this.#settle(decoding);
      this.#failures++;
      if (this.#failures < FAILURES_MAX) this.#beginAfresh();
      else this.#countFrom(decoding.protocol);
    } else if (step.kind === 'handover') {
      const decoding = this.#decoding as Decoding;
      if (!decoding.end(at)) this.#sink.trouble('sent', 'decoder_failed', 0, at);
      this.#settle(decoding);
      this.#handovers++;
      if (this.#handovers > HANDOVERS_MAX) this.#begin('unknown');
      else this.#begin(step.protocol, step.agreement);
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
      this.#protocol = definition.name;
      this.#decoding = new Decoding(
        definition,
        (sink) => definition.create(this.#options.bounds, sink, decision.opening),
        this.#listener(),
      );
    } else if (decision.kind === 'none' && decision.name === 'tls') {
      this.#ways = [decision.sideOf];
      this.#beginTls(opening.late);
    } else if (decision.kind === 'none' && decision.name === 'ssh') {
      this.#ways = [decision.sideOf];
      this.#beginSsh(opening.late);
    } else {
      if (decision.kind === 'failed') this.#sink.trouble('sent', 'detection_failed', 0, this.#lastAtNs);
      this.#countFrom(decision.kind === 'none' ? decision.name : 'unknown');
    }
    for (const arrival of opening.arrivals) {
      if ('bytes' in arrival) this.feed(arrival.direction, arrival.bytes, arrival.at);
      else this.gap(arrival.direction, arrival.missingBytes, arrival.at);
    }
  }

  /** After a handover: whatever is in a tunnel, the decoder of that language if there is one, else the bytes are counted. */
  #begin(protocol: string, agreement?: Agreement): void {
    const definition = protocolNamed(protocol, this.#options.protocols);
    if (protocol === 'tunnel') {
      this.#protocol = '';
      this.#opening = this.#newOpening(false);
    } else if (protocol === 'tls') {
      this.#beginTls(false);
    } else if (definition !== undefined) {
      const opening = {
        client: NO_BYTES,
        server: NO_BYTES,
        serverPort: 0,
        late: false,
        ...(agreement && { agreement }),
      };
      this.#protocol = protocol;
      this.#decoding = new Decoding(
        definition,
        (sink) => definition.create(this.#options.bounds, sink, opening),
        this.#listener(),
      );
    } else {
      // Nobody reads the language in which it is answered.
      if (agreement?.unanswered !== undefined) this.#sink.exchange(agreement.unanswered);
      this.#countFrom(protocol);
    }
  }

  #beginTls(late: boolean): void {
    const { secrets } = this.#options;
    if (secrets === undefined || this.#depth >= TUNNEL_DEPTH_MAX) {
      this.#countFrom('tls');
      return;
    }
    this.#protocol = 'tls';
    this.#tunnel = this.#tunnelOf(late, (sink) => new TlsLayer(sink, secrets, { late }));
  }

  /** What is said inside are messages, which have one language only. */
  #beginSsh(late: boolean): void {
    const { sshKeys } = this.#options;
    if (sshKeys === undefined || late || this.#depth >= TUNNEL_DEPTH_MAX) {
      this.#countFrom('ssh');
      return;
    }
    this.#protocol = 'ssh';
    this.#tunnel = this.#tunnelOf(late, (sink) => new SshLayer(sink, sshKeys, { late }), 0);
    const { inside } = this.#tunnel;
    inside.#opening = undefined;
    inside.#framed = 'ssh';
    inside.#begin('ssh');
  }

  #tunnelOf(late: boolean, layerOf: (sink: LayerSink) => Layer, deeper = 1): Tunnel {
    const depth = this.#depth + deeper;
    const inside = new Conversation(this.#ways, this.#ports, late, this.#options, this.#sink, depth);
    const layer = layerOf({
      data: (from, bytes, at) => inside.feed(this.#directionOf(from), bytes, at),
      gap: (from, bytes, at) => inside.gap(this.#directionOf(from), bytes, at),
      unreadable: (from, reason, bytes, at) => this.#sink.unreadable(this.#directionOf(from), reason, bytes, at),
    });
    return { layer, inside };
  }

  #newInner(): InnerStreams {
    return new InnerStreams({
      sideOf: this.#sideOf,
      sink: this.#sink,
      open: (ways, port, sink) => {
        if (this.#depth >= TUNNEL_DEPTH_MAX) return undefined;
        return new Conversation(ways, { local: port, remote: port }, false, this.#options, sink, this.#depth + 1);
      },
    });
  }

  #endTunnel(at: number): void {
    const tunnel = this.#tunnel as Tunnel;
    tunnel.layer.end(at);
    tunnel.inside.end(at);
    for (const direction of DIRECTIONS) this.#addTunnel(this.#settled[direction], tunnel, direction);
    this.#protocol = innermost(this.#protocol, tunnel);
    this.#endedTls = tunnel.layer.description ?? this.#endedTls;
    this.#endedInside = tunnel.inside;
    this.#tunnel = undefined;
  }

  /** Nobody understands what follows. A connection that was understood before keeps that name if there is no other. */
  #countFrom(name: string): void {
    if (name !== 'unknown' || this.#protocol === '') this.#protocol = name;
    this.#opening = undefined;
    this.#isOnlyCounted = true;
    const { bounds, unknownHeadBytes = UNKNOWN_HEAD_BYTES } = this.#options;
    const decoder = new OpaqueDecoder(Math.min(unknownHeadBytes, bounds.responseBytesMax));
    this.#decoding = new Decoding({ name }, () => decoder, this.#listener());
    // What follows a language, or comes when it is not the beginning, are no first bytes.
    if (!this.#late && this.#failures === 0 && this.#handovers === 0) this.#opaque = { decoder, name };
  }

  /** The first bytes of a direction, when nobody decodes it and they may be kept. */
  head(direction: Direction): Uint8Array {
    const opaque = this.#opaque;
    if (opaque === undefined)
      return this.#tunnel?.inside.head(direction) ?? this.#endedInside?.head(direction) ?? NO_BYTES;
    const side = this.#sideOf[direction];
    return keptHeads(opaque.name).includes(side) ? opaque.decoder.hint(side) : NO_BYTES;
  }

  #settle(decoding: Decoding): void {
    this.#decoding = undefined;
    this.#inner?.end(this.#lastAtNs);
    for (const direction of DIRECTIONS) {
      const hiddenBefore = this.#settled[direction].unreadable;
      this.#addDecoding(this.#settled[direction], decoding, direction);
      const hidden = this.#settled[direction].unreadable - hiddenBefore;
      if (hidden > 0) this.#sink.unreadable(direction, decoding.protocol, hidden, this.#lastAtNs);
    }
  }

  #addDecoding(to: Understanding, decoding: Decoding, direction: Direction): void {
    const { decoded, notUnderstood, cut } = decoding.account(this.#sideOf[direction]);
    to.decoded += decoded;
    to.cut += cut;
    if (this.#isOnlyCounted && ENCRYPTED.has(decoding.protocol)) to.unreadable += notUnderstood;
    else to.notUnderstood += notUnderstood;
  }

  /** What was plaintext is in the account of those inside; the rest of what they sent is the layer's. */
  #addTunnel(to: Understanding, { layer, inside }: Tunnel, direction: Direction): void {
    const { framing, unreadable, waiting } = layer.counts(this.#sideOf[direction]);
    const { decoded, notUnderstood, unreadable: hidden, cut } = inside.account(direction);
    // What was compressed is more inside than it was on the wire; the sum is of the wire.
    let understood = framing + decoded;
    const lessCut = Math.min(cut, Math.max(0, -understood));
    understood += lessCut;
    const lessUnknown = Math.min(notUnderstood, Math.max(0, -understood));
    understood += lessUnknown;
    const lessHidden = Math.min(hidden, Math.max(0, -understood));
    to.decoded += understood + lessHidden;
    to.notUnderstood += waiting + notUnderstood - lessUnknown;
    to.unreadable += unreadable + hidden - lessHidden;
    to.cut += cut - lessCut;
  }

  #directionOf(side: Side): Direction {
    return this.#sideOf.sent === side ? 'sent' : 'received';
  }

  #listener(): DecodingListener {
    return {
      exchange: (exchange) => this.#sink.exchange(this.#inner?.rowOf(exchange) ?? exchange),
      credential: (credential) => this.#sink.credential(credential),
      terminal: (stretch) => this.#sink.terminal(stretch),
      carried: (event) => {
        this.#inner ??= this.#newInner();
        this.#inner.on(event);
      },
      trouble: (from, reason, bytes) => {
        this.#sink.trouble(this.#directionOf(from), reason, bytes, this.#lastAtNs);
      },
    };
  }
}

/** What the carrier counts as decoded, and those inside do not. */
function takeOff(sum: Understanding, unread: Unread): void {
  for (const kind of ['cut', 'notUnderstood', 'unreadable'] as const) {
    const bytes = Math.min(unread[kind], Math.max(0, sum.decoded));
    sum.decoded -= bytes;
    sum[kind] += bytes;
  }
}

function innermost(outside: string, { inside }: Tunnel): string {
  return inside.protocol === '' || inside.protocol === 'unknown' ? outside : inside.protocol;
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
