// SPDX-License-Identifier: Apache-2.0

/** Why rows are not there: taken out with a word to say so, never delivered, a day of the table dropped, or just gone. */
import type { ProblemList } from './audit-finding.ts';
import type { DeclaredHole, RecordSource, TombstoneClaim } from './record-source.ts';

const NAMED_MAX = 5;

export interface Hole {
  readonly first: number;
  last: number;
  /** Days on which checkpoints over its numbers were judged. */
  readonly days: Set<string>;
  /** A checkpoint covers it, so there were such activities. */
  isSealed: boolean;
}

export interface HoleContext {
  readonly source: RecordSource;
  readonly problems: ProblemList;
  readonly tombstones: readonly TombstoneClaim[];
  readonly declaredHoles: readonly DeclaredHole[];
}

/** True when it is a fault. `nextSeq`: the row behind it; undefined when the log ends with the hole. */
export async function explainHole(
  { source, problems, tombstones, declaredHoles }: HoleContext,
  agentId: string,
  hole: Hole,
  nextSeq: number | undefined,
): Promise<boolean> {
  const { first, last } = hole;
  const count = last - first + 1;
  const stones = droppedBy(tombstones, agentId, first, last);
  if (stones.length > 0) {
    const [{ requestedBy, reason } = { requestedBy: '', reason: '' }] = stones;
    const names = stones.slice(0, NAMED_MAX).map((stone) => `${stone.agentId}:${stone.seq}`);
    const more = stones.length > NAMED_MAX ? `, and ${stones.length - NAMED_MAX} more` : '';
    const why = `${count} rows were dropped by ${requestedBy}: ${reason} (${names.length === 1 ? 'tombstone' : 'tombstones'} ${names.join(', ')}${more}).`;
    problems.add('erased', agentId, first, last, why);
    return false;
  }
  // The collector's own row of it: part of the completeness, not a fault of what is here.
  if (nextSeq !== undefined && isDeclared(declaredHoles, agentId, nextSeq)) return false;
  const days = await droppedDays(source, agentId, hole, nextSeq);
  if (days.length > 0) {
    const message = `${count} rows are gone, and with them all rows of ${days.join(', ')}, of every agent: partitions of the table were dropped.`;
    problems.add('partition_dropped', agentId, first, last, message);
  } else if (nextSeq === undefined) {
    const message = `The log was sealed up to ${last}, and its rows end at ${first - 1}.`;
    problems.add('cut_tail', agentId, first, last, message);
  } else if (hole.isSealed) {
    problems.add('removed', agentId, first, last, `${count === 1 ? 'A row is' : `${count} rows are`} not there.`);
  } else {
    const message = `Rows stand behind a hole of ${count} that no checkpoint covers and no collector has declared: what is behind it was put there, or what is in front was taken away.`;
    problems.add('inserted', agentId, nextSeq, nextSeq, message);
  }
  return true;
}

/** Tombstones that together say of all these rows that they were dropped; none when some are not among them. */
export function droppedBy(
  tombstones: readonly TombstoneClaim[],
  agentId: string,
  first: number,
  last: number,
): readonly TombstoneClaim[] {
  const ranges = tombstones
    .filter(({ action }) => action === 'rows_dropped')
    .flatMap((stone) => {
      const range = stone.agents.get(agentId);
      return range === undefined || range[0] > last || range[1] < first ? [] : [{ stone, range }];
    })
    .sort((a, b) => a.range[0] - b.range[0]);
  let next = first;
  for (const { range } of ranges) if (range[0] <= next) next = Math.max(next, range[1] + 1);
  return next > last ? ranges.map(({ stone }) => stone) : [];
}

function isDeclared(declared: readonly DeclaredHole[], agentId: string, nextSeq: number): boolean {
  return declared.some(({ message }) => message.startsWith(`${agentId} goes on at ${nextSeq};`));
}

/** Days of which nothing is left in the table, though rows of the hole were received then. */
async function droppedDays(
  source: RecordSource,
  agentId: string,
  { first, days }: Hole,
  nextSeq: number | undefined,
): Promise<readonly string[]> {
  if (days.size === 0) return [];
  const left = await source.daysWithRows();
  const before = first > 1 ? await source.dayOf(agentId, first - 1) : undefined;
  const behind = nextSeq === undefined ? undefined : await source.dayOf(agentId, nextSeq);
  return [...days].filter((day) => !left.has(day) && day !== before && day !== behind).sort();
}
