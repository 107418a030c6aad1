// SPDX-License-Identifier: Apache-2.0

/** WebSocket behind its handshake: two directions that know nothing of each other, and one talk that hears both. */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { extensionsOf } from './extensions.ts';
import { Inflater } from './inflater.ts';
import { MessageStream } from './message-stream.ts';
import { Messages } from './messages.ts';
import { subprotocols, type WebSocketSubprotocol, type WebSocketTalk } from './subprotocols.ts';

export class WebSocketDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #talk: WebSocketTalk;
  readonly #streams: Readonly<Record<Side, MessageStream>>;
  readonly #ended = { client: false, server: false };

  constructor(
    bounds: DecoderBounds,
    sink: DecoderSink,
    { agreement }: Opening,
    among: readonly WebSocketSubprotocol[] = subprotocols,
  ) {
    const extensions = extensionsOf(agreement);
    const subprotocol =
      agreement && extensions.unknown === '' ? among.find((one) => one.matches(agreement)) : undefined;
    this.#talk =
      subprotocol !== undefined && agreement !== undefined
        ? subprotocol.create(bounds, sink, agreement)
        : new Messages(bounds, sink, agreement, extensions.unknown);
    const closed = new Set<Side>();
    const inflatedBytesMax = Math.max(bounds.requestBytesMax, bounds.responseBytesMax);
    const streamOf = (from: Side) =>
      new MessageStream({
        from,
        reserved: extensions.reserved,
        inflater: extensions.isDeflated ? new Inflater(extensions.takesOver[from], inflatedBytesMax) : undefined,
        carriedBytesMax: from === 'client' ? bounds.requestBytesMax : bounds.responseBytesMax,
        talk: this.#talk,
        sink,
        agreement,
        closes: (side) => {
          const isAnswer = closed.size > 0;
          closed.add(side);
          return isAnswer;
        },
      });
    this.#streams = { client: streamOf('client'), server: streamOf('server') };
    this.counts = { client: this.#streams.client.counts, server: this.#streams.server.counts };
  }

  get heldBytes(): number {
    return this.#talk.heldBytes + this.#streams.client.heldBytes + this.#streams.server.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    this.#streams[from].push(bytes, at);
  }

  gap(from: Side, missingBytes: number, at: number): void {
    this.#streams[from].gap(missingBytes, at);
  }

  end(from: Side, at: number): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#streams[from].end(at);
  }
}
