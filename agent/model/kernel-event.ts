// SPDX-License-Identifier: Apache-2.0

/**
 * What a source tells the agent, in the order in which it happened: processes, connections, and bytes.
 *
 * Units   `atNs`: nanoseconds since the source's epoch, a plain number that is exact for 104 days of uptime;
 *         `SourceClock` turns it into wall time. Offsets are bytes from the start of a direction of a connection.
 * Errors  none: what the source could not see arrives as `missed`.
 */

/** Names a process for its whole life: a pid alone is reused. */
export interface ProcessKey {
  readonly pid: number;
  /** Boot time nanoseconds at which it was made, as in /proc/PID/stat but exact. */
  readonly startNs: bigint;
}

/** Which workload a process or connection belongs to; decided in the kernel, inherited at fork. */
export interface Scope {
  /** Index of the selection in the agent's configuration. */
  readonly selectionId: number;
  /** Equal for all that belongs to one run of a workload. */
  readonly sessionKey: bigint;
}

export interface ProcessForked {
  readonly type: 'process-forked';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
}

export interface ProcessExecuted {
  readonly type: 'process-executed';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
  /** The first process of a session: chosen at this exec, not inherited. */
  readonly selected: boolean;
  readonly exe: string;
  readonly cwd: string;
  readonly cgroup: string;
  readonly cgroupId: bigint;
  readonly argv: readonly string[];
  /** Bytes of argv in the kernel; more than `argv` holds when a part of it was lost or above the bound. */
  readonly argvBytes: number;
  readonly argvComplete: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly loginUid: number;
  /** Device and inode of the program's file. */
  readonly exeDevice: number;
  readonly exeInode: bigint;
  readonly pidNamespace: number;
  readonly mountNamespace: number;
  readonly networkNamespace: number;
}

export interface ProcessExited {
  readonly type: 'process-exited';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  readonly exitCode: number;
  readonly signal: number;
  readonly coreDumped: boolean;
}

export type Transport = 'tcp' | 'udp' | 'unix';

export interface ConnectionOpened {
  readonly type: 'connection-opened';
  readonly atNs: number;
  /** When the connect began (client) or the listener took it (server). */
  readonly startedNs: number;
  readonly connectionKey: bigint;
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly transport: Transport;
  readonly role: 'client' | 'server' | 'unknown';
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** It was open before the recording of its process began: the streams begin at these offsets. */
  readonly joinedLate: boolean;
  readonly sentOffset: number;
  readonly receivedOffset: number;
}

/** Bytes of one direction. `bytes` may be a view into the source's batch: copy it to outlive the handler. */
export interface BytesMoved {
  readonly type: 'bytes-moved';
  readonly atNs: number;
  readonly connectionKey: bigint;
  readonly direction: 'sent' | 'received';
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The process that moved them, when the kernel could tell; 0 otherwise. */
  readonly pid: number;
}

export interface ConnectionClosed {
  readonly type: 'connection-closed';
  readonly atNs: number;
  readonly connectionKey: bigint;
  readonly scope: Scope;
  readonly process: ProcessKey;
  /** Never reached the open state. */
  readonly failed: boolean;
  /** errno, 0 when none. */
  readonly error: number;
  /** Stream lengths by the socket's own counters: what the program wrote and what it read. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** What it wrote that never left the host, and what arrived that it never read. */
  readonly unsentBytes: number;
  readonly unreadBytes: number;
  /** Bytes that the kernel side saw and could not hand over. */
  readonly droppedSentBytes: number;
  readonly droppedReceivedBytes: number;
}

/** What the source itself knows that it missed; becomes a loss. */
export interface Missed {
  readonly type: 'missed';
  readonly atNs: number;
  readonly sinceNs: number;
  readonly where: string;
  readonly reason: string;
  readonly events: number;
  readonly bytes: number;
}

export type KernelEvent =
  | ProcessForked
  | ProcessExecuted
  | ProcessExited
  | ConnectionOpened
  | BytesMoved
  | ConnectionClosed
  | Missed;
