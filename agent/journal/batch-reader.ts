// SPDX-License-Identifier: Apache-2.0

/**
 * Reads entries back for delivery, in order and without a hole, as they go over the wire: each with its length before it,
 * not decoded. Where an entry cannot be read, a loss stands at its number: the numbers of a record have no holes, so a
 * collector takes nothing that would leave one, and the loss says what is not there.
 */
import { sworn } from '../../proto/record.ts';
import type { Activity } from '../model/activity.ts';
import type { Disk, DiskFile } from './disk.ts';
import { journalErrorOf } from './journal-error.ts';
import { type JournalLoss, lossActivity } from './loss-tally.ts';
import { type Sealer, withoutPayload } from './sealer.ts';
import type { Segment } from './segment.ts';
import { SegmentWalk, type WalkStep } from './segment-walk.ts';

/** Entries `firstSeq` … `firstSeq + count - 1`, all sealed for the same host. */
export interface JournalBatch {
  readonly firstSeq: number;
  readonly count: number;
  /** Each entry as a varint length and an encoded sworn.v1.Activity. A view that the next batch overwrites. */
  readonly bytes: Buffer;
  readonly host: string;
  /** How long the reading took, without the wait for entries. */
  readonly readMs: number;
}

export interface ReadSource {
  readonly disk: Disk;
  /** Oldest first. */
  readonly segments: readonly Segment[];
  /** The lowest that was held when reading began: what is not there from here on is missing. */
  readonly firstSeq: number;
  /** The last entry that may be read: what is not on stable storage is not yet part of the record. */
  readonly durableSeq: number;
  readonly sealer: Sealer;
  readonly nowNs: () => bigint;
  /** Something is wrong with entries `fromSeq` to `toSeq`. May come more than once for the same ones. */
  readonly tell: (reason: JournalLoss, fromSeq: number, toSeq: number, bytes: number, path: string) => void;
}

/** A batch being filled. */
class BatchBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  used = 0;
  count = 0;
  firstSeq = 0;
  host = '';

  add(seq: number, bytes: Buffer, start: number, end: number): void {
    if (this.count === 0) this.firstSeq = seq;
    let length = end - start;
    this.#reserve(length + 5);
    while (length > 127) {
      this.#bytes[this.used++] = (length & 127) | 128;
      length >>>= 7;
    }
    this.#bytes[this.used++] = length;
    bytes.copy(this.#bytes, this.used, start, end);
    this.used += end - start;
    this.count += 1;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.used);
  }

  reset(): void {
    this.used = 0;
    this.count = 0;
  }

  #reserve(byteCount: number): void {
    const needed = this.used + byteCount;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.used);
    this.#bytes = larger;
  }
}

export class BatchReader {
  readonly #source: ReadSource;
  readonly #batch = new BatchBuffer();
  #nextSeq: number;
  #segment: Segment | undefined;
  #file: DiskFile | undefined;
  #walk: SegmentWalk | undefined;
  /** A step that did not fit into the last batch. */
  #held: WalkStep | undefined;
  /** Numbers up to here are given as losses before reading goes on. */
  #placeholders: { readonly toSeq: number; readonly reason: JournalLoss } | undefined;

  constructor(source: ReadSource, fromSeq: number) {
    this.#source = source;
    this.#nextSeq = fromSeq;
  }

  /**
   * Adds what can be read now to the batch, up to `bytesMax`; a single entry may be larger, but above `entryBytesMax` its
   * payload is left out. True when the batch is full or can take no more, false when there is nothing more to read yet.
   */
  async fill(bytesMax: number, entryBytesMax: number): Promise<boolean> {
    const batch = this.#batch;
    for (;;) {
      if (batch.used >= bytesMax) return true;
      if (this.#placeholders !== undefined) {
        if (!this.#addPlaceholder()) return true;
        continue;
      }
      if (this.#walk === undefined && !(await this.#enter())) return false;
      const step = this.#held ?? this.#walk?.next() ?? (await this.#load());
      this.#held = undefined;
      if (step === undefined) continue;
      if (step.kind === 'entry') {
        if (step.seq < this.#nextSeq) continue;
        if (!this.#fits(step.end - step.start, bytesMax)) {
          this.#held = step;
          return true;
        }
        this.#addEntry(step, entryBytesMax);
      } else if (step.kind === 'end') {
        if (!(await this.#leave())) return false;
      } else this.#tell(step);
    }
  }

  /** What was gathered; undefined when that is nothing. The next `fill` begins a new batch. */
  take(readMs: number): JournalBatch | undefined {
    const { count, firstSeq, bytes, host } = this.#batch;
    this.#batch.reset();
    return count === 0 ? undefined : { count, firstSeq, bytes, host, readMs };
  }

  get isEmpty(): boolean {
    return this.#batch.count === 0;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#walk = undefined;
    await file?.close();
  }

  /** Opens the segment that holds the next entry, or arranges for what stands in its place. False: nothing to read yet. */
  async #enter(): Promise<boolean> {
    const { segments, firstSeq, durableSeq, disk } = this.#source;
    if (this.#nextSeq > durableSeq) return false;
    const segment = segments.findLast(({ firstSeq }) => firstSeq <= this.#nextSeq);
    if (segment === undefined || segment.durableSeq < this.#nextSeq) {
      const following = segments.find(({ firstSeq }) => firstSeq > this.#nextSeq);
      const toSeq = Math.min(durableSeq, (following?.firstSeq ?? Number.POSITIVE_INFINITY) - 1);
      this.#segment = segment;
      const isHeld = segment !== undefined || (firstSeq > 0 && this.#nextSeq >= firstSeq);
      this.#replace(isHeld ? 'missing' : 'not_held', this.#nextSeq, toSeq);
      return true;
    }
    this.#segment = segment;
    try {
      this.#file = await disk.open(segment.path, 'read');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw journalErrorOf(cause, `Reading ${segment.path}.`);
      // Somebody removed it; the next segment may be there.
      this.#replace('missing', this.#nextSeq, segment.durableSeq);
      return true;
    }
    this.#walk = new SegmentWalk(this.#file, segment, segment.pointBefore(this.#nextSeq));
    return true;
  }

  async #load(): Promise<WalkStep | undefined> {
    const segment = this.#segment;
    if (segment === undefined || this.#walk === undefined) return undefined;
    try {
      return await this.#walk.load(segment.durableEnd);
    } catch (cause) {
      throw journalErrorOf(cause, `Reading ${segment.path}.`);
    }
  }

  /** At the end of what is durable in this segment. False when there is nothing after it yet. */
  async #leave(): Promise<boolean> {
    const segment = this.#segment!;
    if (this.#nextSeq <= segment.durableSeq) {
      // The file ends before its last entry: somebody cut it.
      this.#replace('missing', this.#nextSeq, segment.durableSeq);
      this.#walk?.passTo(segment.durableSeq);
      return true;
    }
    if (segment === this.#source.segments.at(-1)) return false;
    await this.close();
    return true;
  }

  #tell(step: Exclude<WalkStep, { kind: 'entry' | 'end' }>): void {
    const segment = this.#segment!;
    if (step.kind === 'mark') {
      if (!step.chainHolds) this.#source.tell('altered', step.fromSeq, step.lastSeq, 0, segment.path);
      return;
    }
    const toSeq = step.kind === 'lost' ? step.toSeq : segment.durableSeq;
    if (step.kind === 'unreadable') this.#walk?.passTo(toSeq);
    this.#replace('damaged', step.fromSeq, toSeq);
  }

  /** Entries `fromSeq` to `toSeq` cannot be read; those that are still to be given are given as losses. */
  #replace(reason: JournalLoss, fromSeq: number, toSeq: number): void {
    if (toSeq < this.#nextSeq) return;
    this.#source.tell(reason, Math.max(fromSeq, this.#nextSeq), toSeq, 0, this.#segment?.path ?? '');
    this.#placeholders = { toSeq, reason };
  }

  #fits(entryBytes: number, bytesMax: number): boolean {
    const { host } = this.#segment!.header;
    if (this.#batch.count === 0) {
      this.#batch.host = host;
      return true;
    }
    return this.#batch.host === host && this.#batch.used + entryBytes + 5 <= bytesMax;
  }

  #addEntry(step: { seq: number; bytes: Buffer; start: number; end: number }, entryBytesMax: number): void {
    const { seq, bytes, start, end } = step;
    if (end - start <= entryBytesMax) this.#batch.add(seq, bytes, start, end);
    else this.#addWithoutPayload(seq, bytes.subarray(start, end));
    this.#nextSeq = seq + 1;
  }

  #addWithoutPayload(seq: number, encoded: Buffer): void {
    const { sealer, tell } = this.#source;
    const decoded = sworn.v1.Activity.decode(encoded) as unknown as Activity;
    const shed = withoutPayload(decoded);
    tell('too_large', seq, seq, shed.payloadBytes, this.#segment!.path);
    const bytes = sealer.sealApart(shed.activity, seq, this.#batch.host, this.#segment!.header.segmentId);
    this.#batch.add(seq, bytes, 0, bytes.length);
  }

  /** False when the batch is of another host and has to be taken first. */
  #addPlaceholder(): boolean {
    const { toSeq, reason } = this.#placeholders!;
    const { sealer, nowNs, segments } = this.#source;
    // That of its neighbour: it is what its own was, nearly always, and lets them share a batch.
    const host = (this.#segment ?? segments[0])?.header.host ?? sealer.host;
    if (this.#batch.count === 0) this.#batch.host = host;
    else if (this.#batch.host !== host) return false;
    // Nothing of now, when it can be helped: read twice, it has to be the same.
    const { createdNs: sinceNs, segmentId } = (this.#segment ?? segments[0])?.header ?? {
      createdNs: nowNs(),
      segmentId: Buffer.alloc(0),
    };
    const loss = lossActivity(reason, 1, 0, sinceNs, sinceNs);
    const bytes = sealer.sealApart(loss, this.#nextSeq, host, segmentId);
    this.#batch.add(this.#nextSeq, bytes, 0, bytes.length);
    this.#nextSeq += 1;
    if (this.#nextSeq > toSeq) this.#placeholders = undefined;
    return true;
  }
}
