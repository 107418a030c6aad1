// SPDX-License-Identifier: Apache-2.0

/**
 * All connections that are open, and the bounds on what they may hold together. A connection that has ended, or was given
 * up, is remembered for a while: what is told of it late, or twice, belongs to it and is no other connection.
 */
import type {
  BytesMissing,
  BytesMoved,
  ConnectionClosed,
  ConnectionKey,
  ConnectionOpened,
  Scope,
} from '../model/kernel-event.ts';
import { ConnectionFlow, type Direction, type FlowOptions, type FlowSink } from './connection-flow.ts';

export interface FlowTableSink extends FlowSink {
  opened(flow: ConnectionFlow): void;
  /** `event` is undefined when the flow was given up before the connection ended. */
  closed(flow: ConnectionFlow, event: ConnectionClosed | undefined, atNs: number): void;
  /** A connect that failed, or a connection whose opening was never told. */
  closedUnopened(event: ConnectionClosed): void;
  /** Bytes of a connection that was given up: it was written as closed, and they are not in its account. */
  lostLater(opened: ConnectionOpened, direction: Direction, bytes: number, atNs: number): void;
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

/** What flows hold is summed up again after so many bytes: it grows by little more than what came. */
const BYTES_BETWEEN_SUMS = 8 * 1024 * 1024;
/** Of a full table so many are given up at once, since finding the idlest means looking at all. */
const GIVEN_UP_AT_ONCE_SHARE = 1 / 64;
/** Ended connections that are remembered: some seconds of a busy host, some 300 bytes each. */
const ENDED_REMEMBERED_MAX = 16_384;

/** A connection that is no more followed. */
interface Ended {
  readonly startedNs: number;
  /** Set when it goes on, as far as is known: it was given up. */
  readonly goesOn: ConnectionOpened | undefined;
  /** How far each direction was told of. */
  readonly told: Record<Direction, number>;
}

export class FlowTable {
  readonly #flows = new Map<ConnectionKey, ConnectionFlow>();
  /** With encrypted bytes that wait for a secret; some may wait no more. */
  readonly #awaiting = new Set<ConnectionFlow>();
  /** Oldest first. */
  readonly #ended = new Map<ConnectionKey, Ended>();
  readonly #sink: FlowTableSink;
  readonly #options: FlowOptions;
  readonly #bounds: FlowTableBounds;
  #bytesSinceSum = 0;

  constructor(sink: FlowTableSink, options: FlowOptions, bounds: FlowTableBounds = DEFAULT_TABLE_BOUNDS) {
    this.#sink = sink;
    this.#options = options;
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#flows.size;
  }

  get heldBytes(): number {
    let held = 0;
    for (const flow of this.#flows.values()) held += flow.heldBytes;
    return held;
  }

  /** The time of the oldest bytes that wait until it is known whose language they are; undefined when none do. */
  get waitingSinceNs(): number | undefined {
    let oldest: number | undefined;
    for (const { waitingSinceNs: since } of this.#flows.values()) {
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest;
  }

  open(event: ConnectionOpened): void {
    const { connectionKey: key, startedNs } = event;
    const known = this.#flows.get(key);
    // Told twice: when two CPUs saw its first bytes at once.
    if (known?.opened.startedNs === startedNs || this.#ended.get(key)?.startedNs === startedNs) return;
    // The key is used again, so the end of the connection that had it was missed.
    if (known !== undefined) this.#giveUp(key, known, event.atNs);
    if (this.#flows.size >= this.#bounds.connectionsMax) this.#giveUpIdlest(event.atNs);
    const flow = new ConnectionFlow(event, this.#options, this.#sink);
    this.#flows.set(key, flow);
    this.#sink.opened(flow);
  }

  move(event: BytesMoved): void {
    const flow = this.#flows.get(event.connectionKey);
    if (flow === undefined) {
      this.#late(event, event.bytes.length);
      return;
    }
    flow.moved(event);
    if (flow.awaitsSecret) this.#awaiting.add(flow);
    this.#bytesSinceSum += event.bytes.length;
    if (this.#bytesSinceSum >= BYTES_BETWEEN_SUMS) this.#holdBound(event.atNs);
  }

  miss(event: BytesMissing): void {
    const flow = this.#flows.get(event.connectionKey);
    if (flow === undefined) this.#late(event, event.bytes);
    else flow.missing(event);
  }

  /** A secret has come that may open what waits on connections of that session. */
  secretsChanged({ sessionKey }: Scope, atNs: number): void {
    for (const flow of this.#awaiting) {
      if (flow.opened.scope.sessionKey !== sessionKey) continue;
      flow.secretsChanged(atNs);
      if (!flow.awaitsSecret) this.#awaiting.delete(flow);
    }
  }

  close(event: ConnectionClosed): void {
    const { connectionKey: key, startedNs, atNs } = event;
    const flow = this.#flows.get(key);
    const ended = this.#ended.get(key);
    if (flow !== undefined) {
      this.#forget(key, flow);
      flow.close(event);
      this.#remember(key, endedBy(event));
      this.#sink.closed(flow, event, atNs);
    } else if (ended?.startedNs === startedNs) {
      this.#remember(key, endedBy(event));
      this.#tellLater(ended, 'sent', event.sentBytes, atNs);
      this.#tellLater(ended, 'received', event.receivedBytes + event.unreadBytes, atNs);
    } else {
      this.#remember(key, endedBy(event));
      this.#sink.closedUnopened(event);
    }
  }

  /** Once a second or so: expiry of holes, and the bound on held bytes. */
  sweep(nowNs: number): void {
    for (const flow of this.#flows.values()) flow.expire(nowNs);
    this.#holdBound(nowNs);
  }

  /** The source ends: everything that is open is given up. */
  abandonAll(atNs: number): void {
    for (const [key, flow] of [...this.#flows]) this.#giveUp(key, flow, atNs);
  }

  /** The flows that hold most give it back until all together are under the bound. */
  #holdBound(atNs: number): void {
    this.#bytesSinceSum = 0;
    let held = this.heldBytes;
    if (held <= this.#bounds.heldBytesMax) return;
    const byHeld = [...this.#flows.values()].map((flow) => ({ flow, bytes: flow.heldBytes }));
    byHeld.sort((one, other) => other.bytes - one.bytes);
    for (const { flow, bytes } of byHeld) {
      if (held <= this.#bounds.heldBytesMax) return;
      flow.shed(atNs);
      held -= bytes - flow.heldBytes;
    }
  }

  #giveUpIdlest(atNs: number): void {
    const share = Math.max(1, Math.floor(this.#bounds.connectionsMax * GIVEN_UP_AT_ONCE_SHARE));
    const times = Float64Array.from(this.#flows.values(), ({ lastAtNs }) => lastAtNs).sort();
    const until = times[Math.min(share, times.length) - 1] as number;
    const idlest = [...this.#flows].filter(([, flow]) => flow.lastAtNs <= until).slice(0, share);
    for (const [key, flow] of idlest) this.#giveUp(key, flow, atNs);
  }

  #giveUp(key: ConnectionKey, flow: ConnectionFlow, atNs: number): void {
    this.#forget(key, flow);
    flow.abandon(atNs);
    const told = { sent: flow.account('sent').moved, received: flow.account('received').moved };
    this.#remember(key, { startedNs: flow.opened.startedNs, goesOn: flow.opened, told });
    this.#sink.closed(flow, undefined, atNs);
  }

  #forget(key: ConnectionKey, flow: ConnectionFlow): void {
    this.#flows.delete(key);
    this.#awaiting.delete(flow);
  }

  #remember(key: ConnectionKey, ended: Ended): void {
    this.#ended.delete(key);
    this.#ended.set(key, ended);
    if (this.#ended.size > ENDED_REMEMBERED_MAX) this.#ended.delete(this.#ended.keys().next().value as ConnectionKey);
  }

  /** Of a connection that is not followed: known and counted already, given up, or never heard of. */
  #late(event: BytesMoved | BytesMissing, bytes: number): void {
    const ended = this.#ended.get(event.connectionKey);
    if (ended === undefined) this.#sink.stray(bytes, event.atNs);
    else this.#tellLater(ended, event.direction, event.offset + bytes, event.atNs);
  }

  #tellLater(ended: Ended, direction: Direction, endOffset: number, atNs: number): void {
    const bytes = endOffset - ended.told[direction];
    if (bytes <= 0) return;
    ended.told[direction] = endOffset;
    if (ended.goesOn === undefined) this.#sink.stray(bytes, atNs);
    else this.#sink.lostLater(ended.goesOn, direction, bytes, atNs);
  }
}

function endedBy({ startedNs, sentBytes, receivedBytes, unreadBytes }: ConnectionClosed): Ended {
  return { startedNs, goesOn: undefined, told: { sent: sentBytes, received: receivedBytes + unreadBytes } };
}
