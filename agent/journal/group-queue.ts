// SPDX-License-Identifier: Apache-2.0

/**
 * Entries on their way to disk. They gather in groups, one write each, whose place in a segment file is decided here and at
 * once: a mark says where in the file it is, and a write that failed is done again, byte for byte, at the same place.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Sealer } from './sealer.ts';
import { Segment } from './segment.ts';
import {
  encodeHeader,
  FRAME_HEAD_BYTES,
  FRAMES_START,
  MARK_BYTES,
  SEGMENT_ID_BYTES,
  sealEntryFrame,
  segmentName,
  writeMark,
} from './segment-format.ts';

/** One write. Ends with a mark. */
export interface Group {
  readonly segment: Segment;
  /** Where in the file it goes. 0 for the first one of a segment, which brings the header. */
  readonly offset: number;
  readonly bytes: Buffer;
  used: number;
  lastSeq: number;
  /** After `lastSeq`, once it is closed. */
  chain: Buffer;
  closed: boolean;
}

export interface GroupQueueOptions {
  readonly folder: string;
  /** A group is closed when the next entry would make it larger; an entry larger than this is a group by itself. */
  readonly groupBytesMax: number;
  /** A segment is closed when the next group would make it larger. */
  readonly segmentBytesMax: number;
  /** A segment is closed when it is older than this; 0: never for its age. */
  readonly segmentAgeMaxMs: number;
  readonly nowNs: () => bigint;
  readonly onSegment: (segment: Segment) => void;
}

/** Buffers of written groups that are used again; more are let go. */
const SPARE_BUFFERS_MAX = 2;
const NO_CHAIN = Buffer.alloc(0);

export class GroupQueue {
  readonly #options: GroupQueueOptions;
  readonly #sealer: Sealer;
  readonly #groups: Group[] = [];
  readonly #spare: Buffer[] = [];
  /** The segment that new groups go to; undefined when the next one begins a new segment. */
  #segment: Segment | undefined;
  /** Bytes that are not yet on stable storage. */
  pendingBytes = 0;

  constructor(options: GroupQueueOptions, sealer: Sealer, segment: Segment | undefined) {
    this.#options = options;
    this.#sealer = sealer;
    this.#segment = segment;
  }

  /** Puts what the sealer has just encoded into the queue as entry `seq`. */
  add(seq: number, bodyBytes: number): void {
    const frameBytes = FRAME_HEAD_BYTES + bodyBytes;
    const group = this.#groupFor(seq, frameBytes);
    this.#sealer.copyInto(group.bytes, group.used + FRAME_HEAD_BYTES);
    sealEntryFrame(group.bytes, group.used, bodyBytes, group.segment.checksumSeed);
    group.used += frameBytes;
    group.lastSeq = seq;
    group.segment.lastSeq = seq;
    this.pendingBytes += frameBytes;
    this.#sealer.accept();
  }

  /** Groups to write next, oldest first, closed; the open one too when `all` is asked for. They stay until `done`. */
  next(bytesMax: number, all: boolean): readonly Group[] {
    const open = this.#groups.at(-1);
    if (all && open !== undefined && !open.closed) this.#close(open);
    const chosen: Group[] = [];
    let chosenBytes = 0;
    for (const group of this.#groups) {
      if (!group.closed || (chosen.length > 0 && chosenBytes + group.used > bytesMax)) break;
      chosen.push(group);
      chosenBytes += group.used;
    }
    return chosen;
  }

  get hasClosedGroup(): boolean {
    return this.#groups[0]?.closed === true;
  }

  /** `groups`, the oldest ones, are on stable storage. */
  done(groups: readonly Group[]): void {
    this.#groups.splice(0, groups.length);
    for (const group of groups) {
      this.pendingBytes -= group.used;
      const isUsual = group.bytes.length === this.#options.groupBytesMax;
      if (isUsual && this.#spare.length < SPARE_BUFFERS_MAX) this.#spare.push(group.bytes);
    }
  }

  #groupFor(seq: number, frameBytes: number): Group {
    const open = this.#groups.at(-1);
    if (open !== undefined && !open.closed) {
      if (open.used + frameBytes + MARK_BYTES <= open.bytes.length) return open;
      this.#close(open);
    }
    return this.#openGroup(seq, frameBytes);
  }

  #openGroup(seq: number, frameBytes: number): Group {
    const { groupBytesMax, segmentBytesMax } = this.#options;
    const { endOffset } = this.#segment ?? { endOffset: Number.POSITIVE_INFINITY };
    const isFull = endOffset > FRAMES_START && endOffset + frameBytes + MARK_BYTES > segmentBytesMax;
    const isNew = isFull || (endOffset > FRAMES_START && this.#isOld());
    const segment = isNew || this.#segment === undefined ? this.#openSegment(seq) : this.#segment;
    const bringsHeader = segment.endOffset === FRAMES_START;
    const headerBytes = bringsHeader ? FRAMES_START : 0;
    const needed = headerBytes + frameBytes + MARK_BYTES;
    const bytes =
      needed > groupBytesMax
        ? Buffer.allocUnsafeSlow(needed)
        : (this.#spare.pop() ?? Buffer.allocUnsafeSlow(groupBytesMax));
    if (bringsHeader) encodeHeader(segment.header).copy(bytes);
    const offset = segment.endOffset - headerBytes;
    const group: Group = { segment, offset, bytes, used: headerBytes, lastSeq: seq, chain: NO_CHAIN, closed: false };
    this.pendingBytes += headerBytes;
    this.#groups.push(group);
    return group;
  }

  #isOld(): boolean {
    const { segmentAgeMaxMs, nowNs } = this.#options;
    if (segmentAgeMaxMs === 0 || this.#segment === undefined) return false;
    return nowNs() - this.#segment.header.createdNs > BigInt(segmentAgeMaxMs) * 1_000_000n;
  }

  #openSegment(firstSeq: number): Segment {
    const header = {
      firstSeq,
      createdNs: this.#options.nowNs(),
      segmentId: randomBytes(SEGMENT_ID_BYTES),
      chain: Buffer.from(this.#sealer.chain),
      agentId: this.#sealer.agentId,
      host: this.#sealer.host,
    };
    this.#segment = new Segment(join(this.#options.folder, segmentName(firstSeq)), header);
    this.#options.onSegment(this.#segment);
    return this.#segment;
  }

  #close(group: Group): void {
    const { segment, offset, lastSeq } = group;
    const { segmentId } = segment.header;
    const fileOffset = offset + group.used;
    const { chain } = this.#sealer;
    writeMark(group.bytes, group.used, { segmentId, fileOffset, lastSeq, chain }, segment.checksumSeed);
    group.used += MARK_BYTES;
    group.chain = Buffer.from(chain);
    group.closed = true;
    this.pendingBytes += MARK_BYTES;
    segment.endOffset = offset + group.used;
    segment.addPoint(segment.endOffset, lastSeq, chain);
  }
}
