// SPDX-License-Identifier: Apache-2.0

/**
 * All connections that are open, and the bounds on what they may hold together.
 */
import type {
  BytesMissing,
  BytesMoved,
  ConnectionClosed,
  ConnectionKey,
  ConnectionOpened,
} from '../model/kernel-event.ts';
import type { DecoderBounds } from '../protocol/decoder.ts';
import { ConnectionFlow, type FlowSink } from './connection-flow.ts';

export interface FlowTableSink extends FlowSink {
  opened(flow: ConnectionFlow): void;
  /** `event` is undefined when the flow was given up before the connection ended. */
  closed(flow: ConnectionFlow, event: ConnectionClosed | undefined, atNs: number): void;
  /** A connect that failed, or a connection whose opening was never told. */
  closedUnopened(event: ConnectionClosed): void;
  /** Bytes of a connection that is not known. */
  stray(bytes: number, atNs: number): void;
}

export interface FlowTableBounds {
  readonly connectionsMax: number;
  /** Held by all flows together, for what is unfinished. */
  readonly heldBytesMax: number;
}

/** 64 Ki connections of some 2 KiB each when idle; 96 MiB of unfinished requests and replies. */
export const DEFAULT_TABLE_BOUNDS: FlowTableBounds = {
  connectionsMax: 65_536,
  heldBytesMax: 96 * 1024 * 1024,
};

export class FlowTable {
  readonly #flows = new Map<ConnectionKey, ConnectionFlow>();
  readonly #sink: FlowTableSink;
  readonly #decoderBounds: DecoderBounds;
  readonly #bounds: FlowTableBounds;

  constructor(sink: FlowTableSink, decoderBounds: DecoderBounds, bounds: FlowTableBounds = DEFAULT_TABLE_BOUNDS) {
    this.#sink = sink;
    this.#decoderBounds = decoderBounds;
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#flows.size;
  }

  open(event: ConnectionOpened): void {
    // Told twice when two CPUs saw its first bytes at once.
    if (this.#flows.has(event.connectionKey)) return;
    if (this.#flows.size >= this.#bounds.connectionsMax) this.#giveUpIdlest(event.atNs);
    const flow = new ConnectionFlow(event, this.#decoderBounds, this.#sink);
    this.#flows.set(event.connectionKey, flow);
    this.#sink.opened(flow);
  }

  move(event: BytesMoved): void {
    const flow = this.#flows.get(event.connectionKey);
    if (flow === undefined) this.#sink.stray(event.bytes.length, event.atNs);
    else flow.moved(event);
  }

  miss(event: BytesMissing): void {
    const flow = this.#flows.get(event.connectionKey);
    if (flow === undefined) this.#sink.stray(event.bytes, event.atNs);
    else flow.missing(event);
  }

  close(event: ConnectionClosed): void {
    const flow = this.#flows.get(event.connectionKey);
    if (flow === undefined) {
      this.#sink.closedUnopened(event);
      return;
    }
    this.#flows.delete(event.connectionKey);
    flow.close(event);
    this.#sink.closed(flow, event, event.atNs);
  }

  /** Once a second or so: expiry of holes, and the bound on held bytes. */
  sweep(nowNs: number): void {
    let held = 0;
    let largest: [ConnectionKey, ConnectionFlow] | undefined;
    let largestBytes = 0;
    for (const [key, flow] of this.#flows) {
      flow.expire(nowNs);
      const bytes = flow.heldBytes;
      held += bytes;
      if (bytes > largestBytes) {
        largest = [key, flow];
        largestBytes = bytes;
      }
    }
    if (held > this.#bounds.heldBytesMax && largest !== undefined) this.#giveUp(...largest, nowNs);
  }

  /** The source ends: everything that is open is given up. */
  abandonAll(atNs: number): void {
    for (const [key, flow] of [...this.#flows]) this.#giveUp(key, flow, atNs);
  }

  #giveUpIdlest(atNs: number): void {
    let idlest: [ConnectionKey, ConnectionFlow] | undefined;
    for (const entry of this.#flows) {
      if (idlest === undefined || entry[1].lastAtNs < idlest[1].lastAtNs) idlest = entry;
    }
    if (idlest !== undefined) this.#giveUp(...idlest, atNs);
  }

  #giveUp(key: ConnectionKey, flow: ConnectionFlow, atNs: number): void {
    this.#flows.delete(key);
    flow.abandon(atNs);
    this.#sink.closed(flow, undefined, atNs);
  }
}
