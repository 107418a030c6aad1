// SPDX-License-Identifier: Apache-2.0

/** What is known of one segment file while the journal is open. */
import { checksumSeed, FRAMES_START, type SegmentHeader } from './segment-format.ts';

/** A place to begin reading at: the next frame at `offset` is that after entry `lastSeq`. */
export interface ReadPoint {
  readonly offset: number;
  readonly lastSeq: number;
  readonly chain: Buffer;
}

/** One point for each MiB: finding an entry then reads at most that much, and 64 MiB cost 64 points. */
const POINT_DISTANCE_BYTES = 1024 * 1024;

export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly checksumSeed: number;
  /** Its last entry; less than its first seq while it has none. */
  lastSeq: number;
  /** Where the next write goes: content up to here is written or on its way. */
  endOffset: number;
  /** Content up to here, and entries up to there, are on stable storage. Readers go no further. */
  durableEnd: number;
  durableSeq: number;
  readonly #points: ReadPoint[];

  constructor(path: string, header: SegmentHeader) {
    this.path = path;
    this.header = header;
    this.checksumSeed = checksumSeed(header.segmentId);
    this.lastSeq = header.firstSeq - 1;
    this.durableSeq = this.lastSeq;
    this.endOffset = FRAMES_START;
    this.durableEnd = 0;
    this.#points = [{ offset: FRAMES_START, lastSeq: this.lastSeq, chain: header.chain }];
  }

  get firstSeq(): number {
    return this.header.firstSeq;
  }

  /** Remembers a place right after a mark, unless one near by is known. */
  addPoint(offset: number, lastSeq: number, chain: Buffer): void {
    if (offset - this.#points.at(-1)!.offset < POINT_DISTANCE_BYTES) return;
    this.#points.push({ offset, lastSeq, chain: Buffer.from(chain) });
  }

  /** The nearest place from which entry `seq` is ahead. */
  pointBefore(seq: number): ReadPoint {
    return this.#points.findLast(({ lastSeq }) => lastSeq < seq) ?? this.#points[0]!;
  }
}
