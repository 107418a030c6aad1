// SPDX-License-Identifier: Apache-2.0

/**
 * DNS over UDP. Unlike other decoders it is fed datagrams: each push is a whole one, and nothing of it belongs to the next.
 * A gap is a datagram that was not had: a query or a reply is missing, and whoever tells of the gap has said so.
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { DnsTalk, variantOf } from './talk.ts';

export class DnsDatagramDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>> = {
    client: { decoded: 0, notUnderstood: 0, cut: 0 },
    server: { decoded: 0, notUnderstood: 0, cut: 0 },
  };
  readonly #sink: DecoderSink;
  readonly #talk: DnsTalk;
  readonly #ended = new Set<Side>();

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#sink = sink;
    this.#talk = new DnsTalk(bounds, sink, variantOf(opening.serverPort));
  }

  get heldBytes(): number {
    return this.#talk.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    if (bytes.length === 0) return;
    const counts = this.counts[from];
    const cutBytes = this.#talk.take(from, asBuffer(bytes), bytes.length, at, at);
    if (cutBytes === undefined) {
      counts.notUnderstood += bytes.length;
      this.#sink.trouble(from, 'malformed', bytes.length);
      return;
    }
    counts.cut += cutBytes;
    counts.decoded += bytes.length - cutBytes;
    if (this.#ended.size === 2) this.#talk.end();
  }

  /** It breaks nothing but itself. */
  gap(_from: Side, _missingBytes: number, _at: number): void {}

  end(from: Side, _at: number): void {
    this.#ended.add(from);
    if (this.#ended.size === 2) this.#talk.end();
  }
}
