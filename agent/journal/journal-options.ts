// SPDX-License-Identifier: Apache-2.0

/** What a journal can be told, and what it tells of itself. */
import type { Disk } from './disk.ts';
import type { JournalError } from './journal-error.ts';
import type { JournalLoss } from './loss-tally.ts';
import type { Room } from './room.ts';
import type { LeafWriter } from './sealer.ts';
import { AGENT_ID_BYTES_MAX, HOST_BYTES_MAX } from './segment-format.ts';

/** A place in the record: the entry, and the value of the hash chain after it (32 bytes). */
export interface JournalPoint {
  readonly seq: number;
  readonly chain: Buffer;
}

export interface JournalOptions {
  readonly folder: string;
  readonly agentId: string;
  readonly host: string;
  /** What happens when there is no room: payloads are dropped, or `mustFreeze` asks for workloads to be stopped. */
  readonly whenFull?: 'shed' | 'block';
  /** An activity is on stable storage at most this long after it was appended, plus the time that the disk takes. */
  readonly flushDelayMs?: number;
  /** One write; reached sooner, it does not wait for the delay. */
  readonly groupBytesMax?: number;
  readonly segmentBytesMax?: number;
  /** Above this an activity is kept without its payload. */
  readonly entryBytesMax?: number;
  readonly folderBytesMax?: number;
  /**
   * Entries older than this are removed, whether they were delivered or not; those that were not are lost, and told. 0: what
   * was not delivered is kept for as long as there is room.
   */
  readonly ageMaxMs?: number;
  readonly diskFreeBytesMin?: number;
  readonly pendingBytesMax?: number;
  /** Wait after a write that failed. */
  readonly retryDelayMs?: number;
  /** Where the journal was known to be, as somebody proved who keeps that apart; opening says whether it fits. */
  readonly mark?: JournalPoint | undefined;
  /** Numbers up to here were delivered and are not used again, whatever the folder says. */
  readonly usedSeq?: number;
  /** Left out: leaves are written by proto/leaf.ts. */
  readonly leafWriter?: LeafWriter | undefined;
  readonly disk?: Disk;
  readonly nowNs?: () => bigint;
  /** Writes began to fail (an error), or work again (null). */
  readonly onTrouble?: (trouble: JournalError | null) => void;
}

const MIB = 1024 * 1024;

/** agent/journal/README.md says what they bound. */
export const JOURNAL_DEFAULTS = {
  whenFull: 'shed',
  flushDelayMs: 50,
  groupBytesMax: MIB,
  segmentBytesMax: 64 * MIB,
  entryBytesMax: 64 * MIB,
  folderBytesMax: 4096 * MIB,
  ageMaxMs: 0,
  diskFreeBytesMin: 512 * MIB,
  pendingBytesMax: 64 * MIB,
  retryDelayMs: 1000,
  usedSeq: 0,
} as const;

export interface ReadOptions {
  /** Bytes of a batch; a single entry may be larger. */
  readonly bytesMax: number;
  /** An entry above this comes without its payload, because the receiver would not take it. */
  readonly entryBytesMax?: number;
  /** How long a batch may wait to be filled once it has an entry. */
  readonly lingerMs: number;
  readonly signal: AbortSignal;
}

export interface JournalState {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly durableSeq: number;
  readonly deliveredSeq: number;
  readonly segments: number;
  readonly folderBytes: number;
  readonly pendingBytes: number;
  readonly room: Room;
  readonly trouble: JournalError | null;
  /** By cause, since it was opened. */
  readonly losses: ReadonlyMap<JournalLoss, { readonly events: number; readonly bytes: number }>;
  readonly repairedTexts: number;
}

/** Errors   RangeError for names that no segment header can hold */
export function checkNames(agentId: string, host: string): void {
  const agentIdBytes = Buffer.byteLength(agentId);
  if (agentIdBytes === 0 || agentIdBytes > AGENT_ID_BYTES_MAX || !agentId.isWellFormed()) {
    throw new RangeError(`an agent id has 1 to ${AGENT_ID_BYTES_MAX} bytes`);
  }
  if (Buffer.byteLength(host) > HOST_BYTES_MAX || !host.isWellFormed()) {
    throw new RangeError(`a host name has at most ${HOST_BYTES_MAX} bytes`);
  }
}
