// SPDX-License-Identifier: Apache-2.0

/**
 * The rows of a session in the order in which a person reads them. The collector gives them by their beginning; what is
 * told at its end (a connection closed, the session itself) has its place there, behind what it held.
 */
import { type ActivityRow, shownAt } from './print/activity-line.ts';

/** Holds back rows whose place comes later, as many as are open at a time, and gives every row once. */
export async function* inReadingOrder(rows: AsyncIterable<ActivityRow>): AsyncGenerator<ActivityRow> {
  // Sorted by where they are shown; ties keep the order of their coming.
  const held: ActivityRow[] = [];
  for await (const row of rows) {
    const at = shownAt(row);
    const begins = String(row['time']);
    while (held.length > 0 && shownAt(held[0] as ActivityRow) < begins) yield held.shift() as ActivityRow;
    if (at === begins && !comesLast(row)) yield row;
    else held.splice(placeOf(held, at), 0, row);
  }
  yield* held;
}

/** Of what has one time: an alert stands behind what raised it, and nothing behind the end of the session. */
function comesLast(row: ActivityRow): boolean {
  return row['kind'] === 'alert' || (row['kind'] === 'session' && row['action'] === 'ended');
}

/** Behind all that are not later. */
function placeOf(held: readonly ActivityRow[], at: string): number {
  let low = 0;
  let high = held.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shownAt(held[middle] as ActivityRow) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
