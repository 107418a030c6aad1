// SPDX-License-Identifier: Apache-2.0

/** DNS over TCP, and over TLS where that is read (DoT): messages with their length before them. */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { looksLikeMessage } from './looks-like.ts';
import { PrefixedSide } from './prefixed-side.ts';
import { DnsTalk, variantOf } from './talk.ts';

export class DnsStreamDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #sides: Readonly<Record<Side, PrefixedSide>>;
  readonly #talk: DnsTalk;
  readonly #ended = new Set<Side>();

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#talk = new DnsTalk(bounds, sink, variantOf(opening.serverPort));
    const side = (from: Side, isLost: boolean): PrefixedSide =>
      new PrefixedSide(from, isLost, {
        message: (bytes, wireBytes, firstAt, lastAt) => this.#talk.take(from, bytes, wireBytes, firstAt, lastAt),
        trouble: (reason, bytes) => sink.trouble(from, reason, bytes),
      });
    this.#sides = { client: side('client', opening.late), server: side('server', opening.late) };
    this.counts = { client: this.#sides.client.counts, server: this.#sides.server.counts };
  }

  get heldBytes(): number {
    return this.#talk.heldBytes + this.#sides.client.heldBytes + this.#sides.server.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    this.#sides[from].push(bytes, at);
  }

  gap(from: Side, missingBytes: number, _at: number): void {
    this.#sides[from].gap(missingBytes);
  }

  end(from: Side, _at: number): void {
    if (this.#ended.has(from)) return;
    this.#ended.add(from);
    this.#sides[from].end();
    if (this.#ended.size === 2) this.#talk.end();
  }
}

/** Of DNS, of DNS over TLS, and of LLMNR. */
const PORTS: ReadonlySet<number> = new Set([53, 853, 5355]);

/** On its own ports a query is enough; elsewhere the server must have answered in the same language. */
export function detect({ client, server, serverPort, late }: Opening): 'yes' | 'no' | 'not-yet' {
  const fromClient = looksLikeMessage(client, 'client');
  const fromServer = looksLikeMessage(server, 'server');
  if (PORTS.has(serverPort)) {
    if (fromClient === 'yes' || (late && fromServer === 'yes')) return 'yes';
    return fromClient === 'no' || (late && fromServer === 'no') ? 'no' : 'not-yet';
  }
  if (fromClient === 'no' || fromServer === 'no') return 'no';
  return fromClient === 'yes' && fromServer === 'yes' ? 'yes' : 'not-yet';
}
