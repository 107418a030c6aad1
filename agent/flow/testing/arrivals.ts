// SPDX-License-Identifier: Apache-2.0

/** Events as a source tells them, for tests: say what matters of one, the rest is some honest connection. */
import type { BytesMissing, BytesMoved, ConnectionClosed, ConnectionOpened } from '../../model/kernel-event.ts';

const SCOPE = { selectionId: 1, sessionKey: 7n };
const PROCESS = { pid: 100, startNs: 5n };
const KEY = 42;

export function opened(about: Partial<ConnectionOpened> = {}): ConnectionOpened {
  return {
    type: 'connection-opened',
    atNs: 1000,
    startedNs: 900,
    connectionKey: KEY,
    scope: SCOPE,
    process: PROCESS,
    transport: 'tcp',
    role: 'client',
    localAddress: '10.0.0.1',
    localPort: 40_000,
    remoteAddress: '10.0.0.2',
    remotePort: 80,
    joinedLate: false,
    peerPid: 0,
    ...about,
  };
}

/** A text stands for one byte a character. */
export function moved(
  direction: 'sent' | 'received',
  offset: number,
  text: string | Uint8Array,
  about: Partial<BytesMoved> = {},
): BytesMoved {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  return { type: 'bytes-moved', atNs: 2000, connectionKey: KEY, direction, offset, bytes, pid: 0, ...about };
}

export function missing(
  direction: 'sent' | 'received',
  offset: number,
  bytes: number,
  about: Partial<BytesMissing> = {},
): BytesMissing {
  const told = { type: 'bytes-missing', atNs: 2000, connectionKey: KEY, direction, offset, bytes } as const;
  return { ...told, reason: 'unreadable', ...about };
}

export function closed(
  sentBytes: number,
  receivedBytes: number,
  about: Partial<ConnectionClosed> = {},
): ConnectionClosed {
  return {
    type: 'connection-closed',
    atNs: 9000,
    startedNs: 900,
    connectionKey: KEY,
    scope: SCOPE,
    process: PROCESS,
    transport: 'tcp',
    role: 'client',
    localAddress: '10.0.0.1',
    localPort: 40_000,
    remoteAddress: '10.0.0.2',
    remotePort: 80,
    joinedLate: false,
    failed: false,
    error: 0,
    sentBytes,
    receivedBytes,
    unsentBytes: 0,
    unreadBytes: 0,
    droppedSentBytes: 0,
    droppedReceivedBytes: 0,
    heldUs: 0,
    ...about,
  };
}
