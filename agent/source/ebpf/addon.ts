// SPDX-License-Identifier: Apache-2.0

/** The native addon, as TypeScript sees it. Layouts of the buffers are in layout.generated.ts. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { abiId } from './layout.generated.ts';

export interface CaptureOptions {
  /** A power of two from 64 KiB to 1 GiB; 16 MiB when left out. */
  readonly ringBytes?: number;
  /** What was taken from the ring and waits for its handler takes at most this; 64 MiB when left out. */
  readonly bufferBytes?: number;
  readonly wakeBytes?: number;
  readonly processesMax?: number;
  /** Empty programs on all hooks. */
  readonly passive?: boolean;
  readonly unixBySyscall?: boolean;
  readonly withoutUnix?: boolean;
  /** Tells of calls by which a process acts in another's name. */
  readonly watchSyscalls?: boolean;
  /** No programs at functions of the kernel, as where it refuses them. */
  readonly withoutFunctions?: boolean;
  /** Loads the programs of `redirectImds`. */
  readonly imdsRedirect?: boolean;
  /** Bits: 2 for terminals, 4 for pipes. Loads what `readStreams` attaches. */
  readonly streamKinds?: number;
  readonly cgroupPath?: string;
}

export const selectionKind = { uid: 1, cgroup: 2, exe: 3, cgroupPath: 4 } as const;
export const table = { processes: 1, udpFlows: 2, unixSockets: 3, streams: 4 } as const;

/** Methods throw an Error with `code` (an errno name) when the kernel refuses; any use after close throws. */
export interface Capture {
  /**
   * `onBatch` gets whole events, each 8-byte aligned, in order, and up to where the ring was read with them. The ring is
   * looked at at least every `pollMs`. A capture that is started keeps itself and the event loop alive. After a batch whose
   * answer is a promise the next one comes when that is settled; until then events gather, in the buffer and then the ring.
   */
  start(onBatch: (batch: Buffer, position: number) => void | Promise<void>, pollMs: number): void;
  /** No call of `onBatch` comes after it. */
  stop(): void;
  /** What was not handed over before `stop`, one buffer full at a time, in order; empty when nothing is left. */
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
  /** Looks at all processes for ways around the recorder that no hook tells of. */
  scanWays(): void;
  /** From now on what workloads do against this process is told of, as far as hooks that need no LSM see it. */
  guardSelf(): void;
  /**
   * And refused, by LSM programs. Errors: EOPNOTSUPP when the kernel was built without them, EACCES when it lets none in,
   * ENOEXEC when it takes them and never asks; the last line of the message says it in words.
   */
  refuseActs(): void;
  /**
   * The files and folders, with all below them, that workloads may not change, in place of those of the last call; what is
   * not there is left out. Nothing before `refuseActs`. Errors: ENOSPC.
   */
  guardFiles(paths: readonly string[]): void;
  /** Pairs of events and bytes, by `counter` of the layout. */
  counters(): Float64Array;
  /** The loopback ports, in the network namespace of this process, whose callers are noted from now on. ENOSPC: more than 4. */
  setBrokerPorts(ports: readonly number[]): void;
  /**
   * Connects to 169.254.169.254:80 of processes of these selections go to this loopback port instead; with port 0, or for
   * none, no more. ENOTSUP: the capture was opened without `imdsRedirect`.
   */
  redirectImds(port: number, selectionIds: readonly number[]): void;
  /** A processState, undefined for a process that is not watched. */
  processOf(pid: number): Buffer | undefined;
  /** Takes a callerKey, gives a caller. */
  callerOf(key: Uint8Array): Buffer | undefined;
  skip(connection: bigint, sentFrom: bigint, sentTo: bigint, receivedFrom: bigint, receivedTo: bigint): void;
  unskip(connection: bigint): void;
  takeLateCloses(): Buffer;
  rows(table: number): Buffer;
  /** Takes one row out, as it was at that moment; undefined when it is gone. */
  takeRow(table: number, key: Uint8Array): Buffer | undefined;
  /**
   * Places a probe of a kind of `probeKind` (layout) at an instruction of a file, by an absolute path; live in all
   * processes that map it when it returns its id, which is above 0. EINVAL: no such kind, or no place for a probe; ENOSPC:
   * 4095 are placed.
   */
  attachProbe(kind: number, path: string, fileOffset: number): number;
  /** Unknown ids are ignored. */
  detachProbe(id: number): void;
  /** Runs: of watched processes and the canary; hits: those of them that had a secret. */
  probes(): { id: number; kind: number; runs: number; hits: number }[];
  /** A secret of the layout, taken out by the id of its event: whoever has it fills it with zeros. Undefined: gone. */
  takeSecret(id: bigint): Buffer | undefined;
  /** The process whose runs count and whose secrets are thrown away; 0: none. */
  setCanary(pid: number): void;
  /**
   * Device as the kernel has it inside, as image events do; a file that was changed at another time is told of again, 0: at
   * another time than when it is mapped next. E2BIG: 65,536 are known.
   */
  setImageKnown(device: number, inode: bigint, known: boolean, changedNs: bigint): void;
  /** All image events of the process with this time and before were dealt with. */
  settleImages(pid: number, untilNs: bigint): void;
  /**
   * From the first call on images that are not known are told of, and the first segments of connections of their processes
   * wait until they are settled, for so long at most; with 0 they do not wait. Up to 10,000.
   */
  setHoldMs(holdMs: number): void;
  /**
   * Pipes and terminals of watched processes are read, or not any more. It slows down every system call of the host. Errors:
   * ENOTSUP without `streamKinds`.
   */
  readStreams(wanted: boolean): void;
  programs(): { name: string; runs: number; runNs: number; missed: number; instructions: number; attached: boolean }[];
  /**
   * `waitingBytes` of the ring's `sizeBytes`, and `bufferedBytes`, of at most `bufferBytes`, wait for their handler.
   * `writtenPosition`: up to where events were written, as `onBatch` counts positions.
   */
  ringUse(): {
    waitingBytes: number;
    sizeBytes: number;
    bufferedBytes: number;
    bufferBytes: number;
    writtenPosition: number;
  };
}

/** The leaf of docs/RECORD.md from encoded activities, for one agent and host. */
export interface LeafWriter {
  /**
   * Puts the leaf of the activity in the first `byteCount` of `bytes`, which end with room for it, in its place. False,
   * and nothing is written, for what is no such encoding to the last byte, or has a text with U+FFFD in it, which may
   * stand for what was no Unicode.
   */
  writeInto(bytes: Uint8Array, byteCount: number): boolean;
  /** `chain` becomes SHA-256 of itself and the leaf with which the first `byteCount` of `bytes` end. */
  chain(chain: Uint8Array, bytes: Uint8Array, byteCount: number): void;
}

/** A row whose number another row of the page has. */
export interface DoubledRow {
  readonly seq: number;
  readonly state: number;
  readonly computed: Buffer;
  readonly stored: Buffer;
}

/** What is said of a row, in bits: as in native/addon/row_leaf.h. */
export const rowState = {
  present: 1,
  /** The leaf that stands in the row is the one that comes out of it. */
  same: 2,
  /** It says something that its leaf does not bind: a column of another kind, a digest of no field. */
  foreign: 4,
  /** Digests stand in place of its payload. */
  erased: 8,
  /** It names a tombstone. */
  tombstone: 16,
  /** It has payload or a salt. */
  payload: 32,
} as const;

/** The leaves of docs/RECORD.md from rows in ClickHouse's Native format. */
export interface RowLeafWriter {
  /**
   * Computes the leaf of each row in `native`, which hold numbers from `firstSeq` on, in any order. What came out, what
   * stands in the row and what there is to say of it (`rowState`) go to the row's place; a place without a row keeps what
   * it has. A row whose place is taken comes back in `doubled`.
   *
   * Shape    `computed`, `stored`: 32 bytes a place; `states`: one byte; `asked`: one byte a column of the plan, 0 for those
   *          that `native` was asked without: they count as zero in all rows
   * Errors   Error for bytes that are not what the plan says: no more of them is read
   */
  read(
    native: Uint8Array,
    firstSeq: number,
    computed: Uint8Array,
    stored: Uint8Array,
    states: Uint8Array,
    asked?: Uint8Array,
  ): { rows: number; doubled: DoubledRow[] };
}

export interface Addon {
  /** `plan` and `texts` as cli/audit/row-plan.ts makes them. */
  readonly RowLeafWriter: new (
    plan: Uint32Array,
    texts: readonly string[],
  ) => RowLeafWriter;
  /**
   * The roots of complete subtrees of a Merkle tree (RFC 6962), the largest first, 32 bytes each, after `leaves` came to
   * its `size`. Errors: RangeError when there are not as many as the size has ones.
   */
  growTree(size: number, subtrees: Uint8Array, leaves: Uint8Array): Buffer;
  /** `table` as proto/leaf-table.ts makes it. */
  readonly LeafWriter: new (
    table: Uint32Array,
    agentId: string,
    host: string,
  ) => LeafWriter;
  /**
   * The Merkle tree (RFC 6962) of `size` leaves goes on over entries of a batch: each a varint length and an encoded
   * activity, whose last 32 bytes are its leaf. The first `skip` are passed over, `count` are taken. `subtrees` has the
   * roots of complete subtrees, the largest first, in room for 54 of them. The new size is the result.
   *
   * Errors   RangeError when there are not so many entries; nothing is changed then
   */
  appendLeaves(subtrees: Uint8Array, size: number, batch: Uint8Array, skip: number, count: number): number;
  readonly Capture: new (options?: CaptureOptions) => Capture;
  /** Of the layout that it was built with; undefined of one from before there was any. */
  readonly abiId: string | undefined;
  /** Boot time and wall time of one moment, nanoseconds. */
  readClocks(): [bigint, bigint];
  /** sd_notify(3); false when nobody took it. */
  notify(address: string, state: string): boolean;
  /** From here on no core dump has the memory of this process, and none but root may read or trace it. */
  protectMemory(): void;
  /** Who connected a unix socket, as the kernel saw it then. */
  peerOf(fd: number): { pid: number; uid: number; gid: number };
  /**
   * A descriptor of the process that connected a unix socket, to be closed by the caller; undefined before Linux 6.5.
   * Errors: ESRCH when the process is gone.
   */
  peerPidfdOf(fd: number): number | undefined;
  /** Has the process of a pidfd not ended yet? */
  isPidfdAlive(pidfd: number): boolean;
}

/** Errors: MODULE_NOT_FOUND when the native build was not run; one that says so when it was run for other sources than these. */
export function loadAddon(): Addon {
  const path = join(import.meta.dirname, '../../../native/build/Release/sworn.node');
  const addon = createRequire(import.meta.url)(path) as Addon;
  const whyNot = whyOtherVersion(addon.abiId);
  if (whyNot !== undefined) throw new Error(whyNot);
  return addon;
}

/** An addon whose events are laid out in another way would be read as if they were noise. */
export function whyOtherVersion(found: string | undefined): string | undefined {
  if (found === abiId) return undefined;
  return `The native addon was built from other sources than this program: its events have layout ${found ?? 'unknown'}, read is ${abiId}. Build it again: npm run setup`;
}
