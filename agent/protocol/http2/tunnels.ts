// SPDX-License-Identifier: Apache-2.0

/**
 * Streams that were turned to another language by extended CONNECT: the content of their DATA is a conversation of its own.
 *
 * Bytes    what a conversation decoded, cut or did not understand goes to the counts of the connection
 * Bounds   all tunnels together hold one request's and one reply's bound; beyond, the oldest conversation is ended, and what
 *          follows in it is not understood
 * Source   RFC 8441
 */
import type { Agreement, ByteCounts, Decoder, DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import { websocket } from '../websocket/websocket.ts';

const SIDES = ['client', 'server'] as const;
/** What a stream costs that says nothing, and that it is still told from a stranger when its conversation was ended. */
const TUNNEL_BYTES = 1024;
/** Nobody knows how many are missing: more than any frame has. */
const ANY_NUMBER = Number.MAX_SAFE_INTEGER;

/** The languages that `:protocol` may name and that are read here. */
export function isReadable(protocol: string): boolean {
  return protocol === 'websocket';
}

interface Tunnel {
  readonly id: number;
  /** Undefined when it was ended before its stream. */
  decoder: Decoder | undefined;
  readonly ended: Record<Side, boolean>;
  heldBytes: number;
  at: number;
}

export class Tunnels {
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  /** Of the conversations: what is missing was told by who reads the frames. */
  readonly #trouble: DecoderSink['trouble'];
  readonly #counts: Readonly<Record<Side, ByteCounts>>;
  /** Oldest first. */
  readonly #open = new Map<number, Tunnel>();
  #heldBytes = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, counts: Readonly<Record<Side, ByteCounts>>) {
    this.#bounds = bounds;
    this.#counts = counts;
    this.#sink = sink;
    this.#trouble = (from, reason, bytes) => {
      if (!reason.startsWith('gap')) sink.trouble(from, reason, bytes);
    };
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  open(id: number, agreement: Agreement, at: number): void {
    const opening = { client: new Uint8Array(), server: new Uint8Array(), serverPort: 0, late: false, agreement };
    const decoder = websocket.create(this.#bounds, this.#sinkFor(id), opening);
    const tunnel: Tunnel = { id, decoder, ended: { client: false, server: false }, heldBytes: 0, at };
    this.#open.set(id, tunnel);
    this.#weigh(tunnel);
    if (this.#open.size > Math.max(1, this.#bounds.pipelineMax)) this.#forget(this.#open.values().next().value!);
  }

  /** Content of DATA. The frame around it was counted. */
  push(id: number, from: Side, content: Buffer, at: number): void {
    const tunnel = this.#open.get(id);
    if (tunnel === undefined) return;
    tunnel.at = at;
    if (tunnel.decoder === undefined || tunnel.ended[from]) {
      this.#counts[from].notUnderstood += content.length;
      this.#sink.trouble(from, tunnel.decoder === undefined ? 'tunnel-given-up' : 'after-end', content.length);
      return;
    }
    this.#heard(tunnel, (decoder) => decoder.push(from, content, at));
  }

  gap(id: number, from: Side, missingBytes: number): void {
    const tunnel = this.#open.get(id);
    if (tunnel !== undefined && missingBytes > 0) this.#miss(tunnel, from, missingBytes);
  }

  /** Frames of any stream may have gone by unseen. */
  losesPlace(from: Side): void {
    for (const tunnel of this.#open.values()) this.#miss(tunnel, from, ANY_NUMBER);
  }

  /** One side of a stream has said all. */
  end(id: number, from: Side): void {
    const tunnel = this.#open.get(id);
    if (tunnel === undefined || tunnel.ended[from]) return;
    tunnel.ended[from] = true;
    this.#heard(tunnel, (decoder) => decoder.end(from, tunnel.at));
    if (tunnel.ended.client && tunnel.ended.server) this.#forget(tunnel);
  }

  /** The stream was reset. */
  reset(id: number): void {
    for (const side of SIDES) this.end(id, side);
  }

  endAll(): void {
    for (const id of [...this.#open.keys()]) this.reset(id);
  }

  /** A conversation tells its terminals and what it carries apart; over the connection the stream does. */
  #sinkFor(id: number): DecoderSink {
    const sink = this.#sink;
    const named = (name: string) => `stream ${id}, ${name}`;
    return {
      exchange: (exchange) => {
        const { carries } = exchange;
        const protocol = exchange.protocol ?? 'websocket';
        sink.exchange({ ...exchange, protocol, ...(carries !== undefined && { carries: named(carries) }) });
      },
      credential: (credential) => sink.credential(credential),
      terminal: (stretch) => sink.terminal({ ...stretch, terminal: named(stretch.terminal) }),
      carried: (event) => sink.carried({ ...event, id: named(event.id) }),
      handover: () => {},
      trouble: this.#trouble,
    };
  }

  #miss(tunnel: Tunnel, from: Side, missingBytes: number): void {
    if (!tunnel.ended[from]) this.#heard(tunnel, (decoder) => decoder.gap(from, missingBytes, tunnel.at));
  }

  #heard(tunnel: Tunnel, goOn: (decoder: Decoder) => void): void {
    if (tunnel.decoder === undefined) return;
    const { decoder } = tunnel;
    this.#count(decoder, () => goOn(decoder));
    this.#weigh(tunnel);
    const heldBytesMax = this.#bounds.requestBytesMax + this.#bounds.responseBytesMax;
    for (const oldest of this.#open.values()) {
      if (this.#heldBytes <= heldBytesMax) return;
      this.#giveUp(oldest);
    }
  }

  /** Let a conversation go on, and count what it made of it. */
  #count({ counts }: Decoder, goOn: () => void): void {
    const before = { client: { ...counts.client }, server: { ...counts.server } };
    goOn();
    for (const side of SIDES) {
      for (const kind of ['decoded', 'notUnderstood', 'cut'] as const) {
        this.#counts[side][kind] += counts[side][kind] - before[side][kind];
      }
    }
  }

  #weigh(tunnel: Tunnel): void {
    const heldBytes = TUNNEL_BYTES + (tunnel.decoder?.heldBytes ?? 0);
    this.#heldBytes += heldBytes - tunnel.heldBytes;
    tunnel.heldBytes = heldBytes;
  }

  /** What comes of it later is told from the bytes of strangers. */
  #giveUp(tunnel: Tunnel): void {
    const { decoder, ended, at } = tunnel;
    if (decoder === undefined) return;
    this.#count(decoder, () => {
      for (const side of SIDES) if (!ended[side]) decoder.end(side, at);
    });
    tunnel.decoder = undefined;
    this.#weigh(tunnel);
  }

  #forget(tunnel: Tunnel): void {
    this.#giveUp(tunnel);
    this.#open.delete(tunnel.id);
    this.#heldBytes -= tunnel.heldBytes;
  }
}
