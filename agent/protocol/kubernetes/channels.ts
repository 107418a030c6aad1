// SPDX-License-Identifier: Apache-2.0

/**
 * exec, attach and port-forward over WebSocket: each message is of one channel, which its first byte names.
 *
 * Shape    exec, attach: 0 stdin · 1 stdout · 2 stderr · 3 error · 4 resize; v5: 255, then the channel that ends
 *          portforward: of the n-th port, 2n data · 2n+1 error; each channel begins with the port (u16 LE). Each port is
 *          a connection that is carried, and an exchange
 * Not      base64.channel.k8s.io, which old browsers spoke: those messages are WebSocket's
 * Source   Kubernetes documentation, "API Concepts" (exec over WebSocket); KEP-4006
 */
import type { DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import type { MessagePart, WebSocketSubprotocol, WebSocketTalk } from '../websocket/subprotocols.ts';
import { PortChannels } from './port-channels.ts';
import { SessionChannels } from './session-channels.ts';
import { answeredField, type StreamRequest, streamRequest } from './stream-request.ts';

const CHANNEL_PROTOCOL = /^(?:v[1-5]\.)?channel\.k8s\.io$/;

export const kubernetesChannels: WebSocketSubprotocol = {
  name: 'kubernetes',
  matches: (agreement) =>
    CHANNEL_PROTOCOL.test(answeredField(agreement, 'sec-websocket-protocol')) && streamRequest(agreement) !== undefined,
  create: (bounds, sink, agreement) => new ChannelTalk(bounds, sink, streamRequest(agreement) as StreamRequest),
};

/** Who the channels are for. `channel` is undefined while it is not known of a message. */
export interface ChannelUser {
  readonly heldBytes: number;
  /** Bytes on the wire, also of messages that say nothing; before what is in them. */
  crossed(from: Side, channel: number | undefined, wireBytes: number, at: number): void;
  /** Returns how many of the bytes were not kept. */
  data(from: Side, channel: number, bytes: Uint8Array, at: number): number;
  hole(from: Side, channel: number | undefined, missingBytes: number): void;
  end(attributes: Readonly<Record<string, string>>): void;
}

class ChannelTalk implements WebSocketTalk {
  readonly #user: ChannelUser;
  /** Of the message at hand; undefined until its first byte came. */
  readonly #current: Record<Side, number | undefined> = { client: undefined, server: undefined };
  #closeCode = '';
  #ended = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    const { operation } = request;
    this.#user = new (operation === 'portforward' ? PortChannels : SessionChannels)(bounds, sink, request);
  }

  get heldBytes(): number {
    return this.#user.heldBytes;
  }

  data({ from, bytes, isFirst, isLast, wireBytes, at }: MessagePart): number {
    if (isFirst) this.#current[from] = undefined;
    let rest = bytes;
    if (this.#current[from] === undefined && rest.length > 0) {
      this.#current[from] = rest[0]!;
      rest = rest.subarray(1);
    }
    const channel = this.#current[from];
    this.#user.crossed(from, channel, wireBytes, at);
    const missed = channel === undefined || rest.length === 0 ? 0 : this.#user.data(from, channel, rest, at);
    if (isLast) this.#current[from] = undefined;
    return Math.min(wireBytes, missed);
  }

  hole(from: Side, missingBytes: number): void {
    this.#user.hole(from, this.#current[from], missingBytes);
  }

  lost(from: Side): void {
    this.#current[from] = undefined;
    this.#user.hole(from, undefined, 0);
  }

  takesClose(from: Side, wireBytes: number, at: number): void {
    this.#user.crossed(from, undefined, wireBytes, at);
  }

  closed(_: Side, code: number): void {
    this.#closeCode ||= String(code);
  }

  end(): void {
    this.#ended++;
    if (this.#ended === 2) this.#user.end(this.#closeCode === '' ? {} : { close_code: this.#closeCode });
  }
}
