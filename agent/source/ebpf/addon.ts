// SPDX-License-Identifier: Apache-2.0

/** The native addon, as TypeScript sees it. Layouts of the buffers are in layout.generated.ts. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface CaptureOptions {
  /** A power of two and a multiple of the page size; 16 MiB when left out. */
  readonly ringBytes?: number;
  readonly wakeBytes?: number;
  readonly processesMax?: number;
  /** Empty programs on all hooks. */
  readonly passive?: boolean;
  readonly unixBySyscall?: boolean;
  readonly withoutUnix?: boolean;
  readonly cgroupPath?: string;
}

export const selectionKind = { uid: 1, cgroup: 2, exe: 3, cgroupPath: 4 } as const;
export const table = { processes: 1, udpFlows: 2, unixSockets: 3 } as const;

/** Methods throw an Error with `code` (an errno name) when the kernel refuses; any use after close throws. */
export interface Capture {
  /** `onBatch` gets whole events, each 8-byte aligned, in order. It looks at the ring at least every `pollMs`. */
  start(onBatch: (batch: Buffer) => void, pollMs: number): void;
  stop(): void;
  /** What is left in the ring after `stop`, one buffer full at a time; empty when nothing is. */
  drain(): Buffer;
  /** Detaches and frees everything; may be called twice. */
  close(): void;
  select(kind: number, key: Uint8Array, selectionId: number, sessionBy: number): void;
  unselect(kind: number, key: Uint8Array): void;
  /** Watches a running process; ESRCH when it is gone. Its join event follows. */
  watch(pid: number, selectionId: number, sessionKey: bigint): void;
  /** Watches a process from its next exec on. `startTicks`: its start as /proc/PID/stat has it. */
  await(pid: number, selectionId: number, sessionKey: bigint, startTicks: bigint): void;
  unwatch(pid: number): boolean;
  /** Finds the open sockets of a watched process; 0: the processes that are to be watched and run already, and the sockets of all. */
  scan(pid: number): void;
  /** Pairs of events and bytes, by `counter` of the layout. */
  counters(): Float64Array;
  setBrokerPort(port: number): void;
  /** Takes a callerKey, gives a caller. */
  callerOf(key: Uint8Array): Buffer | undefined;
  skip(connection: bigint, sentFrom: bigint, sentTo: bigint, receivedFrom: bigint, receivedTo: bigint): void;
  unskip(connection: bigint): void;
  takeLateCloses(): Buffer;
  rows(table: number): Buffer;
  deleteRow(table: number, key: Uint8Array): boolean;
  programs(): { name: string; runs: number; runNs: number; missed: number; instructions: number; attached: boolean }[];
  ringUse(): { waitingBytes: number; sizeBytes: number };
}

export interface Addon {
  readonly Capture: new (options?: CaptureOptions) => Capture;
  /** Boot time and wall time of one moment, nanoseconds. */
  readClocks(): [bigint, bigint];
  /** sd_notify(3); false when nobody took it. */
  notify(address: string, state: string): boolean;
  /** Who connected a unix socket, as the kernel saw it then. */
  peerOf(fd: number): { pid: number; uid: number; gid: number };
}

/** Errors: MODULE_NOT_FOUND when the native build was not run. */
export function loadAddon(): Addon {
  const path = join(import.meta.dirname, '../../../native/build/Release/sworn.node');
  return createRequire(import.meta.url)(path) as Addon;
}
