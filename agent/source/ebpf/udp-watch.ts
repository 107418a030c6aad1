// SPDX-License-Identifier: Apache-2.0

/**
 * UDP: each address that a watched socket exchanges packets with becomes a connection. It opens at its first packet and
 * closes when it was idle for a while, since UDP has no end of its own. Its packets are counted; those of DNS are had, too.
 */
import type { ConnectionKey, KernelEvent } from '../../model/kernel-event.ts';
import { type Capture, table } from './addon.ts';
import type { DatagramFlow, DatagramNotice } from './datagram-record.ts';
import { type UdpFlow, udpFlows } from './tables.ts';

/** Keys below this are ours; unix inodes are above it. */
const FIRST_KEY = -(2 ** 52);
/** Flows that were taken out of the table, and of which the ring may still hold datagrams. */
const ENDED_MAX = 1024;

interface Known {
  readonly connectionKey: ConnectionKey;
  /** Tells flows with the same ends apart. */
  readonly firstNs: number;
}

export class UdpWatch {
  readonly #capture: Capture;
  readonly #idleNs: number;
  readonly #known = new Map<string, Known>();
  readonly #ended = new Map<string, Known>();
  #nextKey = FIRST_KEY;

  constructor(capture: Capture, idleNs: number) {
    this.#capture = capture;
    this.#idleNs = idleNs;
  }

  /** A datagram of the ring, which may be the first that is heard of its flow. */
  moved(notice: DatagramNotice, events: KernelEvent[]): void {
    const { atNs, flow, direction, totalBytes, bytes, segmentBytes } = notice;
    const connectionKey = this.#keyOf(flow, events);
    const about = { atNs, connectionKey, direction };
    if (bytes.length < totalBytes) {
      events.push({ type: 'bytes-missing', ...about, offset: notice.offset, bytes: totalBytes, reason: 'unreadable' });
      return;
    }
    const step = segmentBytes || totalBytes;
    for (let at = 0; at < totalBytes; at += step) {
      const one = bytes.subarray(at, at + step);
      events.push({ type: 'bytes-moved', ...about, offset: notice.offset + at, bytes: one, pid: 0 });
    }
  }

  /**
   * What the table says now. The events are made when they are asked for: once the datagrams that the ring holds by now were
   * told of, which open their flows themselves and belong before its end.
   */
  sweep(nowNs: number): () => KernelEvent[] {
    return this.#look((flow) => nowNs - flow.lastNs >= this.#idleNs);
  }

  /** Nothing will be counted any more, and the ring is empty: what was counted is told. */
  end(): KernelEvent[] {
    return this.#look(() => true)();
  }

  #look(isOver: (flow: UdpFlow) => boolean): () => KernelEvent[] {
    const found: { readonly flow: UdpFlow; readonly hasEnded: boolean }[] = [];
    for (const flow of udpFlows(this.#capture.rows(table.udpFlows))) {
      if (isOver(flow)) {
        // As it is when it is taken out: packets may have passed since the rows were read.
        const row = this.#capture.takeRow(table.udpFlows, flow.key);
        const [last = flow] = row === undefined ? [] : udpFlows(row);
        found.push({ flow: last, hasEnded: true });
      } else if (this.#known.get(nameOf(flow))?.firstNs !== flow.firstNs) found.push({ flow, hasEnded: false });
    }
    return () => {
      const events: KernelEvent[] = [];
      for (const { flow, hasEnded } of found) {
        const connectionKey = this.#keyOf(flow, events);
        if (!hasEnded) continue;
        this.#remember(nameOf(flow), { connectionKey, firstNs: flow.firstNs });
        events.push(closed(flow, connectionKey));
      }
      return events;
    };
  }

  #keyOf(flow: DatagramFlow, events: KernelEvent[]): ConnectionKey {
    const name = nameOf(flow);
    const known = this.#known.get(name);
    for (const found of [known, this.#ended.get(name)]) {
      if (found?.firstNs === flow.firstNs) return found.connectionKey;
    }
    // Between the same ends there is another one since: the end of that before is still to come.
    if (known !== undefined) this.#remember(name, known);
    const connectionKey = this.#nextKey++;
    this.#known.set(name, { connectionKey, firstNs: flow.firstNs });
    events.push(opened(flow, connectionKey));
    return connectionKey;
  }

  #remember(name: string, known: Known): void {
    if (this.#known.get(name)?.firstNs === known.firstNs) this.#known.delete(name);
    this.#ended.delete(name);
    this.#ended.set(name, known);
    if (this.#ended.size > ENDED_MAX) this.#ended.delete(this.#ended.keys().next().value as string);
  }
}

function nameOf({ key }: DatagramFlow): string {
  return key.toString('latin1');
}

function about(flow: DatagramFlow, connectionKey: number) {
  return {
    startedNs: flow.firstNs,
    connectionKey,
    scope: flow.scope,
    process: flow.process,
    transport: 'udp',
    role: 'unknown',
    localAddress: flow.localAddress,
    localPort: flow.localPort,
    remoteAddress: flow.remoteAddress,
    remotePort: flow.remotePort,
    joinedLate: false,
  } as const;
}

function opened(flow: DatagramFlow, connectionKey: number): KernelEvent {
  return { type: 'connection-opened', atNs: flow.firstNs, ...about(flow, connectionKey), peerPid: 0 };
}

function closed(flow: UdpFlow, connectionKey: number): KernelEvent {
  return {
    type: 'connection-closed',
    atNs: flow.lastNs,
    ...about(flow, connectionKey),
    failed: false,
    error: 0,
    sentBytes: flow.sentBytes,
    receivedBytes: flow.receivedBytes,
    unsentBytes: 0,
    unreadBytes: 0,
    droppedSentBytes: 0,
    droppedReceivedBytes: 0,
    heldUs: 0,
  };
}
