// SPDX-License-Identifier: Apache-2.0

/** A stretch of a terminal as it is recorded → what happened at it, one after the other. */
import type { ActivityRow } from '../print/activity-line.ts';

export type TerminalMoment =
  | { readonly what: 'typed' | 'shown'; readonly atNs: bigint; readonly bytes: Buffer }
  | { readonly what: 'resized'; readonly atNs: bigint; readonly columns: number; readonly rows: number }
  /** Typed while the terminal showed nothing: never kept. */
  | { readonly what: 'hidden'; readonly atNs: bigint; readonly count: number };

/** Text of the row's `timing`; anything else than it should be is passed over: what it cannot place comes at the end. */
export function momentsOf(row: ActivityRow): TerminalMoment[] {
  const startNs = BigInt(String(row['time_ns'] ?? '0'));
  const input = Buffer.from(String(row['input_base64'] ?? ''), 'base64');
  const output = Buffer.from(String(row['output_base64'] ?? ''), 'base64');
  const moments: TerminalMoment[] = [];
  let [inputAt, outputAt] = [0, 0];
  let lastNs = startNs;
  for (const entry of entriesOf(row['timing'])) {
    const [us, what, much] = entry;
    // Never back in time, whatever is written there.
    const atNs = startNs + BigInt(Math.max(0, Math.floor(us))) * 1000n;
    lastNs = atNs > lastNs ? atNs : lastNs;
    if (what === 'r') {
      const [, columns, rows] = /^(\d{1,5})x(\d{1,5})$/.exec(String(much)) ?? [];
      if (columns !== undefined)
        moments.push({ what: 'resized', atNs: lastNs, columns: Number(columns), rows: Number(rows) });
      continue;
    }
    const count = typeof much === 'number' && much > 0 ? Math.floor(much) : 0;
    if (what === 'h') moments.push({ what: 'hidden', atNs: lastNs, count });
    else if (what === 'i') {
      moments.push({ what: 'typed', atNs: lastNs, bytes: input.subarray(inputAt, inputAt + count) });
      inputAt += count;
    } else if (what === 'o') {
      moments.push({ what: 'shown', atNs: lastNs, bytes: output.subarray(outputAt, outputAt + count) });
      outputAt += count;
    }
  }
  if (inputAt < input.length) moments.push({ what: 'typed', atNs: lastNs, bytes: input.subarray(inputAt) });
  if (outputAt < output.length) moments.push({ what: 'shown', atNs: lastNs, bytes: output.subarray(outputAt) });
  return moments.filter((moment) => !('bytes' in moment) || moment.bytes.length > 0);
}

function entriesOf(timing: unknown): [us: number, what: string, much: unknown][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(String(timing ?? ''));
  } catch {
    return [];
  }
  if (!Array.isArray(parsed)) return [];
  return parsed.filter(
    (entry): entry is [number, string, unknown] =>
      Array.isArray(entry) && Number.isFinite(entry[0]) && typeof entry[1] === 'string',
  );
}
