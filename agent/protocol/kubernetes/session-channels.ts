// SPDX-License-Identifier: Apache-2.0

/** Channels of an exec or an attach. */
import type { DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import type { ChannelUser } from './channels.ts';
import { type Channel, Session } from './session.ts';
import type { StreamRequest } from './stream-request.ts';

const CHANNELS: readonly (Channel | undefined)[] = ['stdin', 'stdout', 'stderr', 'error', 'resize'];
const FROM_CLIENT = new Set<Channel | undefined>(['stdin', 'resize']);
/** v5: the channel that it names is closed. */
const CLOSES = 255;

export class SessionChannels implements ChannelUser {
  readonly #session: Session;
  readonly #wire: Record<Side, number> = { client: 0, server: 0 };
  #unexpectedBytes = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    this.#session = new Session(bounds, sink, request);
  }

  get heldBytes(): number {
    return this.#session.heldBytes;
  }

  crossed(from: Side, _: number | undefined, wireBytes: number, at: number): void {
    this.#wire[from] += wireBytes;
    this.#session.touch(from, at);
  }

  data(from: Side, number: number, bytes: Uint8Array, at: number): number {
    if (number === CLOSES) return 0;
    const channel = CHANNELS[number];
    if (channel === undefined || FROM_CLIENT.has(channel) !== (from === 'client')) {
      this.#unexpectedBytes += bytes.length;
      return bytes.length;
    }
    return this.#session.data(channel, bytes, at);
  }

  hole(from: Side, number: number | undefined, missingBytes: number): void {
    this.#session.hole(number === undefined ? undefined : CHANNELS[number], missingBytes, from);
  }

  end(attributes: Readonly<Record<string, string>>): void {
    this.#session.end({
      requestBytes: this.#wire.client,
      responseBytes: this.#wire.server,
      isBroken: false,
      attributes: {
        ...attributes,
        ...(this.#unexpectedBytes > 0 && { unexpected_channel_bytes: String(this.#unexpectedBytes) }),
      },
    });
  }
}
