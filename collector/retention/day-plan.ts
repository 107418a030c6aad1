// SPDX-License-Identifier: Apache-2.0

/**
 * Which days may go. Rows are kept by the day of receipt; an agent's rows come in the order of seq, so a day that is older than
 * all others holds the beginning of each log, and what remains can be proved with the hashes of what went. Where that is not so
 * (a day that was restored, rows of before that came later) the day stays, and it is said why.
 */
import type { SeqRange, Tombstone } from '../model/erasure.ts';
import type { DayOfAgent } from '../store/erasure-store.ts';

export interface DayPlan {
  readonly day: string;
  readonly activities: number;
  /** What goes of each agent. */
  readonly agents: ReadonlyMap<string, SeqRange>;
  /** Why the day stays; '' when it goes. */
  readonly keptBecause: string;
}

/** What is known of the log of an agent that seals. */
export interface LogState {
  /** Of the last checkpoint that was cosigned. */
  readonly cosignedSize: number;
  /** Up to this size all whole tiles of level 1 are stored. */
  readonly tiledSize: number;
}

const TILED_LEAVES = 256 * 256;

/**
 * @param beforeDay  days before it may go, YYYY-MM-DD
 * @param logs       by agent; an agent that is not in it does not seal
 */
export function planDays(
  days: readonly DayOfAgent[],
  beforeDay: string,
  logs: ReadonlyMap<string, LogState>,
): readonly DayPlan[] {
  const highest = new Map<string, number>();
  for (const { agentId, last } of days) highest.set(agentId, Math.max(last, highest.get(agentId) ?? 0));
  const staying = new Set(days);
  const plans: DayPlan[] = [];
  for (const day of [...new Set(days.map((one) => one.day))].filter((one) => one < beforeDay).sort()) {
    const going = days.filter((one) => one.day === day);
    const agents = new Map<string, SeqRange>();
    let activities = 0;
    let keptBecause = '';
    for (const one of going) {
      // The last activity of an agent stays: from it the collector knows where the agent goes on.
      const isLast = one.last === highest.get(one.agentId);
      if (isLast && one.activities === 1) continue;
      const range = { first: one.first, last: isLast ? one.last - 1 : one.last };
      activities += one.activities - (isLast ? 1 : 0);
      agents.set(one.agentId, range);
      keptBecause ||= reasonToKeep(one.agentId, range.last, one, staying, logs.get(one.agentId));
    }
    if (agents.size === 0) continue;
    if (keptBecause === '') for (const one of going) staying.delete(one);
    plans.push({ day, activities, agents, keptBecause });
  }
  return plans;
}

function reasonToKeep(
  agentId: string,
  last: number,
  own: DayOfAgent,
  staying: ReadonlySet<DayOfAgent>,
  log: LogState | undefined,
): string {
  for (const other of staying) {
    if (other !== own && other.agentId === agentId && other.first < last) {
      return `of ${agentId}, activity ${other.first} stays (received on ${other.day}) and is older than activity ${last}`;
    }
  }
  if (log === undefined) return '';
  if (log.cosignedSize < last) return `no cosigned checkpoint covers activity ${last} of ${agentId}`;
  if (log.tiledSize < Math.floor(last / TILED_LEAVES) * TILED_LEAVES)
    return `tiles of ${agentId} are not written up to ${last}`;
  return '';
}

/** As it stands in the tombstone. */
export function dayPredicate(day: string): string {
  return JSON.stringify({ day });
}

export function dayOf({ predicate }: Tombstone): string {
  return (JSON.parse(predicate) as { day: string }).day;
}
