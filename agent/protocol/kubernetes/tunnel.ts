// SPDX-License-Identifier: Apache-2.0

/**
 * SPDY inside of WebSocket, as kubectl forwards ports since 1.31: the messages are the bytes of a SPDY connection.
 *
 * Source   KEP-4006, "PortForward"; the subprotocol is SPDY/3.1+portforward.k8s.io
 */
import type { DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import type { MessagePart, WebSocketSubprotocol, WebSocketTalk } from '../websocket/subprotocols.ts';
import { SpdyStreams } from './spdy-streams.ts';
import { answeredField, type StreamRequest, streamRequest } from './stream-request.ts';

export const kubernetesTunnel: WebSocketSubprotocol = {
  name: 'kubernetes-tunnel',
  matches: (agreement) =>
    answeredField(agreement, 'sec-websocket-protocol').startsWith('SPDY/3.1+') &&
    streamRequest(agreement) !== undefined,
  create: (bounds, sink, agreement) => new TunnelTalk(bounds, sink, streamRequest(agreement) as StreamRequest),
};

class TunnelTalk implements WebSocketTalk {
  readonly #streams: SpdyStreams;

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    this.#streams = new SpdyStreams(bounds, sink, request, false);
  }

  get heldBytes(): number {
    return this.#streams.heldBytes;
  }

  /**
   * What SPDY could not understand was seen and not kept: WebSocket understood its frame. The head of the frame by which it was
   * lost is not among it: some of that came in messages before, and how much depends on the chunks.
   */
  data({ from, bytes, isLast, wireBytes, at }: MessagePart): number {
    const reader = this.#streams.readers[from];
    const missed = (): number => reader.counts.cut + reader.counts.notUnderstood - reader.brokenHeldBytes;
    const before = missed();
    this.#streams.carried(from, wireBytes);
    this.#streams.push(from, bytes, at);
    // In the middle of a message it depends on the chunks how much of it was carried.
    if (isLast) this.#streams.settle();
    return Math.min(wireBytes, missed() - before);
  }

  hole(from: Side, missingBytes: number): void {
    this.#streams.readers[from].gap(missingBytes);
  }

  /** How many bytes are missing is not known; they were frames. */
  lost(from: Side): void {
    this.#streams.readers[from].lose();
  }

  takesClose(from: Side, wireBytes: number): void {
    this.#streams.carried(from, wireBytes);
  }

  closed(): void {}

  end(from: Side): void {
    this.#streams.end(from);
  }
}
