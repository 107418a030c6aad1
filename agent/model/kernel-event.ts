// SPDX-License-Identifier: Apache-2.0

/**
 * What a source tells the agent, in the order in which it happened: processes, connections, and bytes.
 *
 * Units   `atNs`: nanoseconds since the source's epoch, a plain number that is exact for 104 days of uptime;
 *         `SourceClock` turns it into wall time. Offsets are bytes from the start of a direction of a connection.
 * Errors  none: what the source could not see arrives as `missed`.
 */

import type { FileKey } from './code-image.ts';
import type { SshCipherKey } from './ssh-key.ts';
import type { TlsSecret } from './tls-secret.ts';

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

/**
 * Names a connection for its whole life. Of TCP and UDP the socket's cookie (and which use of the socket it is), of a
 * unix socket its inode, negative; of pipes a count, below PIPE_KEYS_BELOW: always a whole number that a double holds exactly.
 */
export type ConnectionKey = number;

/** No inode is as large. */
export const PIPE_KEYS_BELOW: ConnectionKey = -(2 ** 52);

export interface ProcessForked {
  readonly type: 'process-forked';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
}

/** A process as a program: what an exec makes of it. */
export interface Program {
  readonly exe: string;
  readonly cwd: string;
  /** Path in the cgroup v2 hierarchy. */
  readonly cgroup: string;
  readonly argv: readonly string[];
  /** Bytes of argv in the kernel; more than `argv` holds when a part of it was lost or above the bound. */
  readonly argvBytes: number;
  readonly argvComplete: boolean;
  readonly uid: number;
  readonly gid: number;
  /** The audit login uid; 4294967295 when unset. */
  readonly loginUid: number;
}

export interface ProcessExecuted {
  readonly type: 'process-executed';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
  readonly program: Program;
}

/** A process that was running already came into scope. */
export interface ProcessJoined {
  readonly type: 'process-joined';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
  /** As /proc gave it; undefined when the process was gone by then. */
  readonly program: Program | undefined;
}

export interface ProcessExited {
  readonly type: 'process-exited';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  readonly exitCode: number;
  readonly signal: number;
  readonly coreDumped: boolean;
  /** False when the exit itself was missed and only its effect was seen: code and signal then say nothing. */
  readonly statusKnown: boolean;
}

/** All processes that are watched now: after process events were missed, what is not here has ended. */
export interface ProcessesRunning {
  readonly type: 'processes-running';
  readonly atNs: number;
  readonly processes: readonly {
    readonly process: ProcessKey;
    readonly scope: Scope;
    readonly program: Program | undefined;
  }[];
}

export type Transport = 'tcp' | 'udp' | 'unix' | 'pipe';

export interface ConnectionOpened {
  readonly type: 'connection-opened';
  readonly atNs: number;
  /** When the connect began (client) or the listener took it (server). */
  readonly startedNs: number;
  readonly connectionKey: ConnectionKey;
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly transport: Transport;
  readonly role: 'client' | 'server' | 'unknown';
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** It was open before the recording of its process began; offset 0 is where watching began. */
  readonly joinedLate: boolean;
  /** Process at the other end of a unix socket; 0 when unknown. */
  readonly peerPid: number;
  /** The same process, where it is known which one of its pid it is: of pipes and socket pairs between a program and its starter. */
  readonly peer?: ProcessKey;
  /** The program asked for the remote address, and was led to the broker of this host instead. */
  readonly isRedirected?: true;
}

/** Bytes of one direction; of UDP one whole datagram. `bytes` may be a view into the source's batch: copy it to outlive the handler. */
export interface BytesMoved {
  readonly type: 'bytes-moved';
  readonly atNs: number;
  readonly connectionKey: ConnectionKey;
  readonly direction: 'sent' | 'received';
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The process that moved them, when the kernel could tell; 0 otherwise. */
  readonly pid: number;
  /**
   * How far each direction had come when these bytes came: what before that was not told by then never will be. Left out
   * when it is not known.
   */
  readonly sentSettledOffset?: number;
  readonly receivedSettledOffset?: number;
}

/** Bytes of one direction that will not come, and why. A gap that nothing announces means that the ring was full. */
export interface BytesMissing {
  readonly type: 'bytes-missing';
  readonly atNs: number;
  readonly connectionKey: ConnectionKey;
  readonly direction: 'sent' | 'received';
  readonly offset: number;
  readonly bytes: number;
  readonly reason: 'unreadable' | 'too_large' | 'no_buffer' | 'skipped';
}

export interface ConnectionClosed {
  readonly type: 'connection-closed';
  readonly atNs: number;
  readonly startedNs: number;
  readonly connectionKey: ConnectionKey;
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly transport: Transport;
  readonly role: 'client' | 'server' | 'unknown';
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly joinedLate: boolean;
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
  /** How long its first bytes had to wait until what its process maps was looked at, µs. */
  readonly heldUs: number;
}

/** A workload's TLS library has derived a secret; it comes before the first byte that was encrypted with it. */
export interface SecretDerived {
  readonly type: 'secret-derived';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  readonly secret: TlsSecret;
}

/** A workload has given a cipher the key of one direction of an SSH connection, perhaps: only a trial can tell whose it is. */
export interface SshKeyDerived {
  readonly type: 'ssh-key-derived';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  /** Owned by whoever handles the event. */
  readonly key: SshCipherKey;
}

/** A workload has mapped a program or library that was not known: the new connections of its process wait until it is. */
export interface ImageMapped {
  readonly type: 'image-mapped';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  readonly file: FileKey;
  /** As the kernel knew it; to be opened through /proc/PID/root. */
  readonly path: string;
  /** It is the program itself. */
  readonly isProgram: boolean;
}

/**
 * A workload took a way that its bytes alone do not tell of, or by which they may not be what they seem. Told of each
 * process, way and subject at the first, second, fourth, eighth … time.
 */
export interface WayTaken {
  readonly type: 'way-taken';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  /** A stable word, listed in docs/EVASION.md. */
  readonly way: string;
  /** What it was taken with: a kind of socket, a connection's key, a pid; '' when there is nothing to name. */
  readonly subject: string;
  /** How often until now. */
  readonly times: number;
  /** Keys are snake_case. */
  readonly detail: Readonly<Record<string, string>>;
}

/** What a process of a workload wrote to its terminal, or read from it. */
export interface TerminalMoved {
  readonly type: 'terminal-moved';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  /** '/dev/pts/3' */
  readonly device: string;
  /** When it was first used by a workload: with the device it names the terminal. */
  readonly startedNs: number;
  readonly direction: 'typed' | 'shown';
  /** As moved, before the terminal makes anything of it. May be a view into the source's batch. */
  readonly bytes: Uint8Array;
  /** Bytes behind these that will not come, and why. */
  readonly missingBytes: number;
  readonly missingReason: BytesMissing['reason'] | '';
  /** The terminal shows what is typed. */
  readonly echoes: boolean;
  /** It gives out whole lines, which it lets edit itself; with no echo that is how passwords are asked for. */
  readonly isByLine: boolean;
  /** It shows a carriage return before each line feed that is written to it. */
  readonly addsReturns: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** What the source itself knows that it missed; becomes a loss. */
export interface Missed {
  readonly type: 'missed';
  readonly atNs: number;
  readonly sinceNs: number;
  /** Of what, where the source knows. */
  readonly scope?: Scope;
  readonly where: string;
  readonly reason: string;
  readonly events: number;
  readonly bytes: number;
}

export type KernelEvent =
  | ProcessForked
  | ProcessExecuted
  | ProcessJoined
  | ProcessExited
  | ProcessesRunning
  | ConnectionOpened
  | BytesMoved
  | BytesMissing
  | ConnectionClosed
  | SecretDerived
  | SshKeyDerived
  | ImageMapped
  | WayTaken
  | TerminalMoved
  | Missed;
