// SPDX-License-Identifier: Apache-2.0

/**
 * UDP: each address that a watched socket exchanges packets with becomes a connection that is counted, not read. It opens
 * at its first packet and closes when it was idle for a while, since UDP has no end of its own.
 */
import type { KernelEvent } from '../../model/kernel-event.ts';
import { type Capture, table } from './addon.ts';
import { type UdpFlow, udpFlows } from './tables.ts';

/** Keys below this are ours; unix inodes are above it. */
const FIRST_KEY = -(2 ** 52);

export class UdpWatch {
  readonly #capture: Capture;
  readonly #idleNs: number;
  readonly #known = new Map<string, number>();
  #nextKey = FIRST_KEY;

  constructor(capture: Capture, idleNs: number) {
    this.#capture = capture;
    this.#idleNs = idleNs;
  }

  sweep(nowNs: number, events: KernelEvent[]): void {
    this.#sweep(events, (flow) => nowNs - flow.lastNs >= this.#idleNs);
  }

  /** Nothing will be counted any more: what was counted is told. */
  end(events: KernelEvent[]): void {
    this.#sweep(events, () => true);
  }

  #sweep(events: KernelEvent[], isOver: (flow: UdpFlow) => boolean): void {
    for (const flow of udpFlows(this.#capture.rows(table.udpFlows))) {
      const name = flow.key.toString('latin1');
      let connectionKey = this.#known.get(name);
      if (connectionKey === undefined) {
        connectionKey = this.#nextKey++;
        this.#known.set(name, connectionKey);
        events.push(opened(flow, connectionKey));
      }
      if (!isOver(flow)) continue;
      // As it is when it is taken out: packets may have passed since the rows were read.
      const row = this.#capture.takeRow(table.udpFlows, flow.key);
      this.#known.delete(name);
      const [last = flow] = row === undefined ? [] : udpFlows(row);
      events.push(closed(last, connectionKey));
    }
  }
}

function about(flow: UdpFlow, connectionKey: number) {
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

function opened(flow: UdpFlow, connectionKey: number): KernelEvent {
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
