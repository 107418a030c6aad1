// SPDX-License-Identifier: Apache-2.0

/**
 * Finds out what a journal folder holds, and repairs what a crash left: only the end of the last segment can be unfinished.
 * It is read through, a torn end is cut off; damage before a readable part stays where it is and is told.
 */
import { join } from 'node:path';
import { sworn } from '../../proto/record.ts';
import { bigintFromUint64, type Uint64 } from '../model/activity.ts';
import type { Disk, DiskFile } from './disk.ts';
import { JournalError } from './journal-error.ts';
import type { JournalPoint } from './journal-options.ts';
import { judgeMark, type MarkVerdict } from './mark-verdict.ts';
import { Segment } from './segment.ts';
import { CHAIN_BYTES, FRAMES_START, firstSeqOfName, readHeader } from './segment-format.ts';
import { SegmentWalk } from './segment-walk.ts';

export interface SeqRange {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** What was found and done at opening. The journal writes a loss for each part of it that lost something. */
export interface OpenReport {
  readonly segments: number;
  readonly bytes: number;
  /** 0 when the journal holds none. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Cut off at the end: bytes of a write that a crash interrupted, and entries that had begun in it. */
  readonly tornBytes: number;
  readonly tornEntries: number;
  /** Entries of the last segment that are damaged though what follows is not. */
  readonly damagedEntries: number;
  /** Entries of the last segment among which is one that was changed: the hash chain over them is broken. */
  readonly altered: readonly SeqRange[];
  /** Segments whose header is unreadable: nothing of them can be read. */
  readonly unreadableSegments: readonly string[];
  /** No number up to here may be used again: an unreadable segment may hold it. */
  readonly seqsMax: number;
  readonly mark: MarkVerdict;
}

/** No entry is smaller; so this bounds how many an unreadable segment may hold. */
const ENTRY_BYTES_MIN = 64;

export interface Opened {
  /** Oldest first; the last one is the one to go on in, unless `continuable` is false. */
  readonly segments: Segment[];
  readonly continuable: boolean;
  readonly lastSeq: number;
  /** After `lastSeq`. */
  readonly chain: Buffer;
  /** When the last readable entry ended: what was cut off behind it is of a later time. Undefined when nothing says so. */
  readonly lastTimeNs: bigint | undefined;
  readonly report: OpenReport;
}

export async function openSegments(disk: Disk, folder: string, agentId: string, mark?: JournalPoint): Promise<Opened> {
  const names = (await disk.list(folder)).filter((name) => firstSeqOfName(name) !== undefined).sort();
  const segments: Segment[] = [];
  const unreadable: string[] = [];
  let bytes = 0;
  let tornBytes = 0;
  let seqsMax = 0;
  for (const [index, name] of names.entries()) {
    const isLast = index === names.length - 1;
    const read = await readSegment(disk, join(folder, name), agentId);
    if (read.segment !== undefined) {
      segments.push(read.segment);
      bytes += read.segment.durableEnd;
    } else if (isLast && read.size <= FRAMES_START) {
      // Its first write was interrupted, so nothing in it was acknowledged and the segment before it is still there.
      await disk.remove(join(folder, name));
      tornBytes += read.size;
    } else {
      unreadable.push(name);
      bytes += read.size;
      const following = index + 1 < names.length ? firstSeqOfName(names[index + 1]!)! : Number.POSITIVE_INFINITY;
      const atMost = firstSeqOfName(name)! + Math.floor((read.size - FRAMES_START) / ENTRY_BYTES_MIN);
      seqsMax = Math.min(atMost, following - 1);
    }
  }
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next === undefined) break;
    segment.lastSeq = next.firstSeq - 1;
    segment.durableSeq = segment.lastSeq;
  }
  const last = segments.at(-1);
  const tail = last === undefined ? NO_TAIL : await repairTail(disk, last);
  // The same goes for the names of files: going on in one that was new then does not sync its name.
  await disk.syncFolder(folder);
  bytes -= tail.tornBytes;
  return {
    segments,
    // What comes after an unreadable segment cannot be known; the numbers it may hold are the caller's concern.
    continuable:
      last !== undefined && tail.damagedEntries === 0 && tail.altered.length === 0 && unreadable.length === 0,
    lastSeq: last?.lastSeq ?? 0,
    chain: tail.chain,
    lastTimeNs: tail.lastTimeNs,
    report: {
      segments: segments.length + unreadable.length,
      bytes,
      firstSeq: segments.find(({ lastSeq, firstSeq }) => lastSeq >= firstSeq)?.firstSeq ?? 0,
      lastSeq: last?.lastSeq ?? 0,
      tornBytes: tornBytes + tail.tornBytes,
      tornEntries: tail.tornEntries,
      damagedEntries: tail.damagedEntries,
      altered: tail.altered,
      unreadableSegments: unreadable,
      seqsMax,
      mark: mark === undefined ? 'none' : await judgeMark(disk, segments, seqsMax, mark),
    },
  };
}

async function readSegment(
  disk: Disk,
  path: string,
  agentId: string,
): Promise<{ readonly segment: Segment | undefined; readonly size: number }> {
  const file = await disk.open(path, 'read');
  try {
    const size = await file.size();
    const head = Buffer.alloc(FRAMES_START);
    await file.read(head, 0);
    const read = readHeader(head);
    if (read.kind === 'unknown-version') {
      throw new JournalError('journal_version', `${path} has version ${read.version}.`);
    }
    if (read.kind === 'damaged' || size < FRAMES_START) return { segment: undefined, size };
    if (read.header.agentId !== agentId) {
      throw new JournalError('journal_wrong_agent', `${path} is of ${read.header.agentId}, this agent is ${agentId}.`);
    }
    const segment = new Segment(path, read.header);
    segment.endOffset = size;
    segment.durableEnd = segment.endOffset;
    return { segment, size };
  } finally {
    await file.close();
  }
}

interface Tail {
  readonly chain: Buffer;
  readonly lastTimeNs: bigint | undefined;
  readonly tornBytes: number;
  readonly tornEntries: number;
  readonly damagedEntries: number;
  readonly altered: readonly SeqRange[];
}

const NO_TAIL: Tail = {
  chain: Buffer.alloc(CHAIN_BYTES),
  lastTimeNs: undefined,
  tornBytes: 0,
  tornEntries: 0,
  damagedEntries: 0,
  altered: [],
};

async function repairTail(disk: Disk, segment: Segment): Promise<Tail> {
  const file = await disk.open(segment.path, 'change');
  try {
    const size = await file.size();
    const walk = new SegmentWalk(file, segment, segment.pointBefore(segment.firstSeq));
    let damagedEntries = 0;
    const altered: SeqRange[] = [];
    let tornAt = size;
    let lastBody: { readonly offset: number; readonly bytes: number } | undefined;
    for (let step = await walk.load(size); step.kind !== 'end'; step = walk.next() ?? (await walk.load(size))) {
      if (step.kind === 'entry') {
        const bytes = step.end - step.start;
        lastBody = { offset: walk.offset - bytes, bytes };
      } else if (step.kind === 'lost') damagedEntries += step.toSeq - step.fromSeq + 1;
      else if (step.kind === 'unreadable') tornAt = step.offset;
      else if (step.kind === 'mark' && !step.chainHolds) altered.push({ fromSeq: step.fromSeq, toSeq: step.lastSeq });
    }
    if (tornAt < size) await file.truncate(tornAt);
    // A process that was killed may have written this and not synced it; from here on it counts as durable.
    await file.sync();
    segment.lastSeq = walk.lastSeq;
    segment.durableSeq = walk.lastSeq;
    segment.endOffset = tornAt;
    segment.durableEnd = tornAt;
    const tornBytes = size - tornAt;
    // How many entries were in it cannot be known; at least one had begun unless it was only a mark.
    return {
      chain: Buffer.from(walk.chain),
      lastTimeNs: lastBody === undefined ? segment.header.createdNs : await endTimeOf(file, lastBody),
      tornBytes,
      tornEntries: tornBytes > 0 ? 1 : 0,
      damagedEntries,
      altered,
    };
  } finally {
    await file.close();
  }
}

/** When the activity ended whose encoding stands there; undefined for one that does not say. */
async function endTimeOf(
  file: DiskFile,
  body: { readonly offset: number; readonly bytes: number },
): Promise<bigint | undefined> {
  const bytes = Buffer.alloc(body.bytes);
  await file.read(bytes, body.offset);
  try {
    const endTimeNs = bigintFromUint64(sworn.v1.Activity.decode(bytes).endTimeNs as unknown as Uint64);
    return endTimeNs === 0n ? undefined : endTimeNs;
  } catch {
    // Its checksum is right, so somebody wrote it so.
    return undefined;
  }
}
