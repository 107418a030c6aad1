// SPDX-License-Identifier: Apache-2.0

/** For which time a record says that something is missing. */

interface LossRow {
  readonly place: string;
  readonly reason: string;
  readonly since_ms: number;
  readonly until_ms: number;
}

export class LossSpans {
  static readonly sql = `SELECT place, reason,
      toUnixTimestamp64Nano(time) / 1e6 AS since_ms, toUnixTimestamp64Nano(end_time) / 1e6 AS until_ms
    FROM sworn.losses`;
  readonly #rows: readonly LossRow[];

  constructor(rows: readonly LossRow[]) {
    this.#rows = [...rows].sort((a, b) => a.since_ms - b.since_ms);
  }

  /** Whether some loss was, for a part at least, at the time of what was done; whole milliseconds were counted. */
  cover(askedMs: number, answeredMs: number): boolean {
    return this.#rows.some(({ since_ms: since, until_ms: until }) => since <= answeredMs + 1 && until >= askedMs);
  }

  /** The loss before and the one behind; for a failure. */
  around(atMs: number): string {
    const before = this.#rows.findLast(({ since_ms: since }) => since <= atMs);
    const behind = this.#rows.find(({ since_ms: since }) => since > atMs);
    return `between ${textOf(before)} and ${textOf(behind)}`;
  }
}

function textOf(row: LossRow | undefined): string {
  if (row === undefined) return 'none';
  const [since, until] = [row.since_ms, row.until_ms].map((ms) => new Date(ms).toISOString().slice(11, -1));
  return `${row.place} ${row.reason} (${since} to ${until})`;
}
