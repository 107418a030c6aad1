// SPDX-License-Identifier: Apache-2.0

/**
 * Ends of unix sockets. The kernel has no hook for them that works everywhere, so the sockets that watched processes used
 * are compared, while there are any, with those that exist.
 */
import type { KernelEvent } from '../../model/kernel-event.ts';
import { type Capture, table } from './addon.ts';
import { unixSocketInodes } from './proc.ts';
import { type UnixSocket, unixSockets, watchedProcesses } from './tables.ts';

export class UnixWatch {
  readonly #capture: Capture;

  constructor(capture: Capture) {
    this.#capture = capture;
  }

  sweep(nowNs: number, events: KernelEvent[]): void {
    const sockets = [...unixSockets(this.#capture.rows(table.unixSockets))];
    if (sockets.length === 0) return;
    for (const socket of this.#gone(sockets)) {
      const row = this.#capture.takeRow(table.unixSockets, socket.key);
      const [last = socket] = row === undefined ? [] : unixSockets(row);
      // One that a process had from before and never used was never told of.
      if (last.announced || last.sentBytes + last.receivedBytes > 0) events.push(closed(last, nowNs));
    }
  }

  /** Listed after the table was read: a socket that is in the table and not in the list is gone. */
  #gone(sockets: readonly UnixSocket[]): UnixSocket[] {
    const alive = unixSocketInodes(sockets.map((socket) => socket.process.pid));
    if (alive === undefined) return [];
    const missing = sockets.filter((socket) => !alive.has(socket.inode));
    if (missing.length === 0) return [];
    // Whoever used it first may have ended; another process of its network namespace may have it still.
    const others = [...watchedProcesses(this.#capture.rows(table.processes))].map(({ process }) => process.pid);
    const elsewhere = unixSocketInodes(others);
    return elsewhere === undefined ? [] : missing.filter((socket) => !elsewhere.has(socket.inode));
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
    joinedLate: socket.joinedLate,
    failed: false,
    error: 0,
    sentBytes: socket.sentBytes,
    receivedBytes: socket.receivedBytes,
    unsentBytes: 0,
    unreadBytes: 0,
    droppedSentBytes: socket.droppedSentBytes,
    droppedReceivedBytes: socket.droppedReceivedBytes,
    heldUs: 0,
  };
}
