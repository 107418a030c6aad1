// SPDX-License-Identifier: Apache-2.0

/** Two directions of frames, and what is said over their streams. Only Kubernetes still says anything in SPDY. */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { SpdyStreams } from '../kubernetes/spdy-streams.ts';
import { streamRequest } from '../kubernetes/stream-request.ts';

export class SpdyDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #streams: SpdyStreams | undefined;
  readonly #sink: DecoderSink;
  readonly #ended = { client: false, server: false };

  constructor(bounds: DecoderBounds, sink: DecoderSink, { agreement }: Opening) {
    const request = agreement && streamRequest(agreement);
    this.#sink = sink;
    this.#streams = request && new SpdyStreams(bounds, sink, request);
    const none = (): ByteCounts => ({ decoded: 0, notUnderstood: 0, cut: 0 });
    const readers = this.#streams?.readers;
    this.counts = { client: readers?.client.counts ?? none(), server: readers?.server.counts ?? none() };
  }

  get heldBytes(): number {
    return this.#streams?.heldBytes ?? 0;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    if (this.#streams !== undefined && !this.#ended[from]) {
      this.#streams.push(from, bytes, at);
      return;
    }
    this.counts[from].notUnderstood += bytes.length;
    this.#sink.trouble(from, this.#streams === undefined ? 'unknown-streams' : 'bytes-after-end', bytes.length);
  }

  gap(from: Side, missingBytes: number): void {
    if (this.#streams === undefined) this.#sink.trouble(from, 'gap-while-lost', missingBytes);
    else this.#streams.readers[from].gap(missingBytes);
  }

  end(from: Side): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#streams?.end(from);
  }
}
