// SPDX-License-Identifier: Apache-2.0

/**
 * Whether what is on disk is what it was: the hash chain at an entry, as somebody kept it apart, against the chain over the
 * entries that are there. Unlike the marks in a segment, that one cannot be written anew by who rewrites the segment.
 */
import type { Disk } from './disk.ts';
import type { JournalPoint } from './journal-options.ts';
import type { Segment } from './segment.ts';
import { SegmentWalk } from './segment-walk.ts';

export type MarkVerdict =
  /** There is no mark to compare with. */
  | 'none'
  | 'fits'
  /** The entry was delivered and forgotten since. */
  | 'forgotten'
  /** The journal ends before it, and no damage explains that: entries that were on stable storage are gone. */
  | 'cut'
  /** The entries up to it are others than they were. */
  | 'rewritten'
  /** Damage hides what the chain was; the damage itself is told. */
  | 'damaged';

/** `segments` as opening found and repaired them; a segment that cannot be read may hold entries up to `unreadableSeq`. */
export async function judgeMark(
  disk: Disk,
  segments: readonly Segment[],
  unreadableSeq: number,
  mark: JournalPoint,
): Promise<MarkVerdict> {
  const segment = segments.findLast(({ firstSeq }) => firstSeq <= mark.seq);
  if (segment === undefined) {
    if (segments.length > 0) return 'forgotten';
    return mark.seq <= unreadableSeq ? 'damaged' : 'cut';
  }
  if (segment.lastSeq < mark.seq) return mark.seq <= unreadableSeq ? 'damaged' : 'cut';
  const file = await disk.open(segment.path, 'read');
  try {
    const walk = new SegmentWalk(file, segment, segment.pointBefore(mark.seq));
    while (walk.lastSeq < mark.seq || !walk.chainIsKnown) {
      const step = walk.next() ?? (await walk.load(segment.durableEnd));
      if (step.kind === 'end' || step.kind === 'unreadable') return 'damaged';
      // The mark was made at the end of a write, so the frame behind its entry says the chain there too.
      if (walk.lastSeq > mark.seq) return 'damaged';
    }
    return walk.chain.equals(mark.chain) ? 'fits' : 'rewritten';
  } finally {
    await file.close();
  }
}
