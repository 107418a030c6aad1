// SPDX-License-Identifier: Apache-2.0

/**
 * Connections inside of a connection (what SSH forwards): a conversation each, and the account of their bytes.
 *
 * The decoder that carries them has counted their bytes as decoded; what of them was not understood inside is taken off
 * again, so that every byte of the socket is counted once. A row of the carrier for such a stream has its bytes only where
 * nobody understood them inside.
 */
import type {
  CarriedCredential,
  CarriedEvent,
  CarriedPlace,
  Exchange,
  Payload,
  SeenCredential,
  Side,
  TerminalStretch,
} from '../protocol/decoder.ts';
import type { Conversation, ConversationSink, Understanding } from './conversation.ts';
import { AS_CLIENT, AS_SERVER, type Direction, type SideOf } from './opening.ts';

/** At one time; what is in further ones is not looked at. */
const STREAMS_MAX = 64;
/** Streams that are over, whose rows are awaited. */
const ENDED_MAX = 256;
const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };
const DIRECTIONS = ['sent', 'received'] as const;

/** The conversation that carries them. */
export interface Carrier {
  readonly sideOf: SideOf;
  readonly sink: ConversationSink;
  /** Undefined: as deep as anybody goes. */
  open(ways: readonly SideOf[], port: number, sink: ConversationSink): Conversation | undefined;
}

/** Not understood of the bytes that the carrier counts as decoded. */
export type Unread = Omit<Understanding, 'decoded'>;

interface Stream {
  readonly id: string;
  readonly place: CarriedPlace;
  readonly conversation: Conversation;
  readonly bytes: Record<Side, number>;
  /** The login of this stream. */
  login?: CarriedCredential;
}

interface Ended {
  readonly protocol: string;
  readonly bytes: Readonly<Record<Side, number>>;
}

export class InnerStreams {
  readonly #carrier: Carrier;
  readonly #open = new Map<string, Stream>();
  readonly #ended = new Map<string, Ended>();
  readonly #settled: Readonly<Record<Direction, Unread>> = { sent: nothing(), received: nothing() };

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  get heldBytes(): number {
    return this.#sum(({ heldBytes }) => heldBytes);
  }

  get waitingSinceNs(): number | undefined {
    const since = [...this.#open.values()].flatMap(({ conversation }) => conversation.waitingSinceNs ?? []);
    return since.length === 0 ? undefined : Math.min(...since);
  }

  get awaitsSecret(): boolean {
    return [...this.#open.values()].some(({ conversation }) => conversation.awaitsSecret);
  }

  unread(direction: Direction): Unread {
    const sum = { ...this.#settled[direction] };
    for (const { conversation } of this.#open.values()) addUnread(sum, conversation.account(direction));
    return sum;
  }

  on(event: CarriedEvent): void {
    if (event.kind === 'opened') {
      this.#begin(event.id, event.place);
      return;
    }
    const stream = this.#open.get(event.id);
    if (stream === undefined) {
      if (event.kind === 'bytes') this.#passOver(this.#directionOf(event.from), event.bytes.length, event.at);
    } else if (event.kind === 'bytes') {
      stream.bytes[event.from] += event.bytes.length;
      stream.conversation.feed(this.#directionOf(event.from), event.bytes, event.at);
    } else if (event.kind === 'gap') {
      stream.conversation.gap(this.#directionOf(event.from), event.missingBytes, event.at);
    } else {
      this.#end(stream, event.at);
    }
  }

  /** A row of the carrier: where a stream of its own was understood inside, without the bytes of that. */
  rowOf(exchange: Exchange): Exchange {
    const { carries, ...row } = exchange;
    const ended = carries === undefined ? undefined : this.#ended.get(carries);
    if (carries === undefined || ended === undefined) return carries === undefined ? exchange : row;
    this.#ended.delete(carries);
    const { protocol, bytes } = ended;
    const isKept = protocol === '' || protocol === 'unknown';
    return {
      ...row,
      ...(!isKept && { request: NOTHING, response: NOTHING, truncated: false }),
      attributes: {
        ...row.attributes,
        ...(!isKept && { carried_protocol: protocol }),
        carried_request_bytes: String(bytes.client),
        carried_response_bytes: String(bytes.server),
      },
      requestBytes: Math.max(0, row.requestBytes - bytes.client),
      responseBytes: Math.max(0, row.responseBytes - bytes.server),
    };
  }

  secretsChanged(at: number): void {
    for (const { conversation } of this.#open.values()) conversation.secretsChanged(at);
  }

  expire(nowNs: number): void {
    for (const { conversation } of this.#open.values()) conversation.expire(nowNs);
  }

  shed(at: number): void {
    for (const { conversation } of this.#open.values()) conversation.shed(at);
  }

  end(at: number): void {
    for (const stream of [...this.#open.values()]) this.#end(stream, at);
    this.#ended.clear();
  }

  /** Of one that is too many or too deep. */
  #passOver(direction: Direction, bytes: number, at: number): void {
    this.#settled[direction].notUnderstood += bytes;
    this.#carrier.sink.trouble(direction, 'carried_not_followed', bytes, at);
  }

  #begin(id: string, place: CarriedPlace): void {
    const before = this.#open.get(id);
    if (before !== undefined) this.#end(before, before.conversation.waitingSinceNs ?? 0);
    if (this.#open.size >= STREAMS_MAX) return;
    const { sideOf } = this.#carrier;
    const ways = [place.client === sideOf.sent ? AS_CLIENT : AS_SERVER];
    let stream: Stream | undefined;
    const conversation = this.#carrier.open(
      ways,
      place.port,
      this.#sinkFor(id, place, () => stream),
    );
    if (conversation === undefined) return;
    stream = { id, place, conversation, bytes: { client: 0, server: 0 } };
    this.#open.set(id, stream);
  }

  #end(stream: Stream, at: number): void {
    const { conversation, id, bytes } = stream;
    conversation.end(at);
    this.#open.delete(id);
    for (const direction of DIRECTIONS) addUnread(this.#settled[direction], conversation.account(direction));
    const [oldest] = this.#ended.keys();
    if (this.#ended.size >= ENDED_MAX && oldest !== undefined) this.#ended.delete(oldest);
    this.#ended.set(id, { protocol: conversation.protocol, bytes });
  }

  /** What is said inside says where it was said. */
  #sinkFor(id: string, { via, target, client }: CarriedPlace, streamOf: () => Stream | undefined): ConversationSink {
    const { sink, sideOf } = this.#carrier;
    const role = client === sideOf.sent ? 'client' : 'server';
    return {
      exchange: (exchange: Exchange) => {
        const stream = streamOf();
        const { credential, attributes } = exchange;
        // A login inside is of this stream, and not of the connection that carries it.
        if (stream && credential?.reach === 'connection' && exchange.status !== 'error') stream.login = credential;
        const asked = credential ?? stream?.login;
        sink.exchange({
          ...exchange,
          carriedIn: exchange.carriedIn ?? {
            protocol: stream?.conversation.protocol ?? '',
            place: target,
            role,
            tls: stream?.conversation.tls?.version ?? '',
          },
          attributes: {
            ...attributes,
            via: [via, attributes['via']].filter(Boolean).join(' '),
            via_target: [target, attributes['via_target']].filter(Boolean).join(' '),
          },
          ...(asked && { credential: { ...asked, reach: 'exchange' } }),
        });
      },
      credential: ({ reach: _reach, ...credential }: SeenCredential) => sink.credential(credential),
      terminal: (stretch: TerminalStretch) => sink.terminal({ ...stretch, terminal: `${id}, ${stretch.terminal}` }),
      trouble: (...said) => sink.trouble(...said),
      unreadable: (...said) => sink.unreadable(...said),
    };
  }

  #directionOf(side: Side): Direction {
    return this.#carrier.sideOf.sent === side ? 'sent' : 'received';
  }

  #sum(of: (conversation: Conversation) => number): number {
    let sum = 0;
    for (const { conversation } of this.#open.values()) sum += of(conversation);
    return sum;
  }
}

function nothing(): Unread {
  return { notUnderstood: 0, unreadable: 0, cut: 0 };
}

function addUnread(to: Unread, { notUnderstood, unreadable, cut }: Understanding): void {
  to.notUnderstood += notUnderstood;
  to.unreadable += unreadable;
  to.cut += cut;
}
