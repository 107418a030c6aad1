// SPDX-License-Identifier: Apache-2.0

/**
 * Ends of unix sockets. The kernel has no hook for them that works everywhere, so the sockets that watched processes used
 * are compared, while there are any, with those that exist.
 */
import type { KernelEvent } from '../../model/kernel-event.ts';
import { type Capture, table } from './addon.ts';
import { unixSocketInodes } from './proc.ts';
import { type UnixSocket, unixSockets } from './tables.ts';

export class UnixWatch {
  readonly #capture: Capture;

  constructor(capture: Capture) {
    this.#capture = capture;
  }

  sweep(nowNs: number, events: KernelEvent[]): void {
    const sockets = [...unixSockets(this.#capture.rows(table.unixSockets))];
    if (sockets.length === 0) return;
    // Listed after the table was read: a socket that is in the table and not in the list is gone.
    const alive = unixSocketInodes(new Set(sockets.map((socket) => socket.process.pid)));
    if (alive === undefined) return;
    for (const socket of sockets) {
      if (alive.has(socket.inode)) continue;
      const key = Buffer.alloc(8);
      key.writeBigUInt64LE(BigInt(socket.inode));
      this.#capture.deleteRow(table.unixSockets, key);
      events.push(closed(socket, nowNs));
    }
  }
}

function closed(socket: UnixSocket, nowNs: number): KernelEvent {
  return {
    type: 'connection-closed',
    atNs: nowNs,
    startedNs: socket.startedNs,
    connectionKey: -socket.inode,
    scope: socket.scope,
    process: socket.process,
    transport: 'unix',
    role: 'unknown',
    localAddress: '',
    localPort: 0,
    remoteAddress: '',
    remotePort: 0,
    joinedLate: false,
    failed: false,
    error: 0,
    sentBytes: socket.sentBytes,
    receivedBytes: socket.receivedBytes,
    unsentBytes: 0,
    unreadBytes: 0,
    droppedSentBytes: socket.droppedSentBytes,
    droppedReceivedBytes: socket.droppedReceivedBytes,
  };
}
