// SPDX-License-Identifier: Apache-2.0

/**
 * Channels of a port-forward: a connection to each of the ports that were asked for, each carried and with an exchange of its
 * own. The server names the port before anything else.
 *
 * Bytes    those of no channel (an empty message, the close) belong to the next connection that says something, or to the
 *          first one
 */
import type { DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import type { ChannelUser } from './channels.ts';
import { Forward } from './forward.ts';
import type { StreamRequest } from './stream-request.ts';

const PORT_BYTES = 2;

interface Port {
  readonly wire: Record<Side, number>;
  readonly forward: Forward;
  /** Of the name of the port, on the channels of data and of errors. */
  readonly nameBytes: [number, number];
}

export class PortChannels implements ChannelUser {
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  readonly #request: StreamRequest;
  /** By half their channel's number: 128 at most. */
  readonly #ports = new Map<number, Port>();
  readonly #nobodys: Record<Side, number> = { client: 0, server: 0 };
  #at = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    this.#bounds = bounds;
    this.#sink = sink;
    this.#request = request;
  }

  get heldBytes(): number {
    return [...this.#ports.values()].reduce((sum, { forward }) => sum + forward.heldBytes, 0);
  }

  crossed(from: Side, channel: number | undefined, wireBytes: number, at: number): void {
    this.#at = at;
    if (channel === undefined) {
      this.#nobodys[from] += wireBytes;
      return;
    }
    const { wire, forward } = this.#port(channel);
    wire[from] += wireBytes + this.#nobodys[from];
    this.#nobodys[from] = 0;
    forward.session.touch(from, at);
  }

  data(from: Side, channel: number, bytes: Uint8Array, at: number): number {
    const { forward, nameBytes } = this.#port(channel);
    const kind = channel % 2 === 0 ? 0 : 1;
    const named = from === 'server' ? Math.min(bytes.length, PORT_BYTES - nameBytes[kind]) : 0;
    nameBytes[kind] += named;
    const said = bytes.subarray(named);
    if (said.length === 0) return 0;
    if (kind === 1) return forward.session.data('error', said, at);
    forward.data(from, said, at);
    return 0;
  }

  hole(from: Side, channel: number | undefined, missingBytes: number): void {
    for (const [number, { forward, nameBytes }] of this.#ports) {
      if (channel === undefined) forward.hole(from, undefined);
      else if (number !== channel >> 1) continue;
      else if (channel % 2 === 1) forward.session.hole('error', missingBytes, from);
      else forward.hole(from, missingBytes);
      // A name of a port is the first that is said; what is missing had it.
      if (from === 'server') nameBytes.fill(PORT_BYTES);
    }
  }

  end(attributes: Readonly<Record<string, string>>): void {
    const [first] = this.#ports.values();
    const { wire } = first ?? this.#port(0);
    for (const side of ['client', 'server'] as const) wire[side] += this.#nobodys[side];
    for (const { wire: own, forward } of this.#ports.values()) {
      forward.end({ requestBytes: own.client, responseBytes: own.server, isBroken: false, attributes });
    }
    this.#ports.clear();
  }

  #port(channel: number): Port {
    const number = channel >> 1;
    const before = this.#ports.get(number);
    if (before !== undefined) return before;
    const name = this.#request.ports[number] ?? '';
    const forward = new Forward(`forward ${number}`, name, this.#bounds, this.#sink, this.#request);
    const port: Port = { wire: { client: 0, server: 0 }, forward, nameBytes: [0, 0] };
    this.#ports.set(number, port);
    forward.session.touch('client', this.#at);
    return port;
  }
}
