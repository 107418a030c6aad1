// SPDX-License-Identifier: Apache-2.0

/**
 * UDP: each address that a watched socket exchanges packets with becomes a connection that is counted, not read. It opens
 * at its first packet and closes when it was idle for a while, since UDP has no end of its own.
 */
import type { KernelEvent } from '../../model/kernel-event.ts';
import { type Capture, table } from './addon.ts';
import { type UdpFlow, udpFlows } from './tables.ts';

const IDLE_NS = 30e9;
/** Keys below this are ours; unix inodes are above it. */
const FIRST_KEY = -(2 ** 52);

export class UdpWatch {
  readonly #capture: Capture;
  readonly #known = new Map<string, number>();
  #nextKey = FIRST_KEY;

  constructor(capture: Capture) {
    this.#capture = capture;
  }

  sweep(nowNs: number, events: KernelEvent[]): void {
    for (const flow of udpFlows(this.#capture.rows(table.udpFlows))) {
      const name = flow.key.toString('latin1');
      let connectionKey = this.#known.get(name);
      if (connectionKey === undefined) {
        connectionKey = this.#nextKey++;
        this.#known.set(name, connectionKey);
        events.push(opened(flow, connectionKey));
      }
      if (nowNs - flow.lastNs < IDLE_NS) continue;
      this.#capture.deleteRow(table.udpFlows, flow.key);
      this.#known.delete(name);
      events.push(closed(flow, connectionKey));
    }
  }
}

function opened(flow: UdpFlow, connectionKey: number): KernelEvent {
  return {
    type: 'connection-opened',
    atNs: flow.firstNs,
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
    peerPid: 0,
  };
}

function closed(flow: UdpFlow, connectionKey: number): KernelEvent {
  return {
    type: 'connection-closed',
    atNs: flow.lastNs,
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
    failed: false,
    error: 0,
    sentBytes: flow.sentBytes,
    receivedBytes: flow.receivedBytes,
    unsentBytes: 0,
    unreadBytes: 0,
    droppedSentBytes: 0,
    droppedReceivedBytes: 0,
  };
}
