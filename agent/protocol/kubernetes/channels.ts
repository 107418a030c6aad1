// SPDX-License-Identifier: Apache-2.0

/**
 * exec, attach and port-forward over WebSocket: each message is of one channel, which its first byte names.
 *
 * Shape    exec, attach: 0 stdin · 1 stdout · 2 stderr · 3 error · 4 resize; v5: 255, then the channel that ends
 *          portforward: of the n-th port, 2n data · 2n+1 error; each channel begins with the port (u16 LE)
 * Not      base64.channel.k8s.io, which old browsers spoke: those messages are WebSocket's
 * Source   Kubernetes documentation, "API Concepts" (exec over WebSocket); KEP-4006
 */
import type { DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import type { MessagePart, WebSocketSubprotocol, WebSocketTalk } from '../websocket/subprotocols.ts';
import { type Channel, Session } from './session.ts';
import { answeredField, type StreamRequest, streamRequest } from './stream-request.ts';

const CHANNELS: readonly (Channel | undefined)[] = ['stdin', 'stdout', 'stderr', 'error', 'resize'];
const FROM_CLIENT = new Set<Channel | undefined>(['stdin', 'resize']);
const CLOSES = 255;
const CHANNEL_PROTOCOL = /^(?:v[1-5]\.)?channel\.k8s\.io$/;

export const kubernetesChannels: WebSocketSubprotocol = {
  name: 'kubernetes',
  matches: (agreement) =>
    CHANNEL_PROTOCOL.test(answeredField(agreement, 'sec-websocket-protocol')) && streamRequest(agreement) !== undefined,
  create: (bounds, sink, agreement) => new ChannelTalk(bounds, sink, streamRequest(agreement) as StreamRequest),
};

export class ChannelTalk implements WebSocketTalk {
  readonly #session: Session;
  readonly #isForward: boolean;
  readonly #wire: Record<Side, number> = { client: 0, server: 0 };
  /** The channel of the message at hand: 'none' until its first byte came. */
  readonly #current: Record<Side, number | 'none'> = { client: 'none', server: 'none' };
  /** Of a forward: bytes of the port that still come before a channel's data. */
  readonly #portBytes = new Map<string, number>();
  #closeCode = '';
  #unexpectedBytes = 0;
  #ended = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    this.#session = new Session(bounds, sink, request);
    this.#isForward = request.operation === 'portforward';
  }

  get heldBytes(): number {
    return this.#session.heldBytes;
  }

  data({ from, bytes, isFirst, isLast, wireBytes, at }: MessagePart): number {
    this.#wire[from] += wireBytes;
    this.#session.touch(from, at);
    if (isFirst) this.#current[from] = 'none';
    let rest = bytes;
    if (this.#current[from] === 'none' && rest.length > 0) {
      this.#current[from] = rest[0]!;
      rest = rest.subarray(1);
    }
    const number = this.#current[from];
    if (isLast) this.#current[from] = 'none';
    return number === 'none' || rest.length === 0 ? 0 : Math.min(wireBytes, this.#taken(from, number, rest, at));
  }

  #taken(from: Side, number: number, bytes: Uint8Array, at: number): number {
    if (this.#isForward) return this.#forwarded(from, number, bytes, at);
    if (number === CLOSES) return 0;
    const channel = CHANNELS[number];
    if (channel === undefined || FROM_CLIENT.has(channel) !== (from === 'client')) {
      this.#unexpectedBytes += bytes.length;
      return bytes.length;
    }
    return this.#session.data(channel, bytes, at);
  }

  #forwarded(from: Side, number: number, bytes: Uint8Array, at: number): number {
    const key = `${from} ${number}`;
    const ahead = this.#portBytes.get(key) ?? 2;
    if (ahead > 0) this.#portBytes.set(key, Math.max(0, ahead - bytes.length));
    const data = bytes.subarray(ahead);
    if (data.length === 0) return 0;
    if (number % 2 === 1) return this.#session.data('error', data, at);
    return this.#session.data(from === 'client' ? 'stdin' : 'stdout', data, at);
  }

  hole(from: Side, missingBytes: number): void {
    const number = this.#current[from];
    const channel = number === 'none' || this.#isForward ? undefined : CHANNELS[number];
    this.#session.hole(channel, missingBytes, from);
  }

  lost(from: Side): void {
    this.#current[from] = 'none';
    this.#session.hole(undefined, 0, from);
  }

  takesClose(from: Side, wireBytes: number): void {
    this.#wire[from] += wireBytes;
  }

  closed(_: Side, code: number): void {
    this.#closeCode ||= String(code);
  }

  end(): void {
    this.#ended++;
    if (this.#ended < 2) return;
    this.#session.end({
      requestBytes: this.#wire.client,
      responseBytes: this.#wire.server,
      isBroken: false,
      attributes: {
        ...(this.#closeCode !== '' && { close_code: this.#closeCode }),
        ...(this.#unexpectedBytes > 0 && { unexpected_channel_bytes: String(this.#unexpectedBytes) }),
      },
    });
  }
}
