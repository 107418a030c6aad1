// SPDX-License-Identifier: Apache-2.0

/**
 * An activity as a JSON object with the names and forms that ClickHouse gives its columns: 64-bit numbers as text, times
 * as "YYYY-MM-DD hh:mm:ss.nnnnnnnnn" in UTC, digests as hex. Only the columns that its kind fills.
 */
import { type Activity, type Integer64, type Kind, type Sender, toBigInt } from './activity.ts';
import { COLUMNS, type Column, readerOf, type Value } from './activity-row.ts';

/** Nanoseconds since 1970 as ClickHouse prints a DateTime64(9) in UTC. */
export function timeText(ns: bigint): string {
  const seconds = Number(ns / 1_000_000_000n);
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')}.${fraction}`;
}

function jsonValue(column: Column, value: Value): unknown {
  if (column.type.startsWith('DateTime')) return timeText(toBigInt((value ?? 0) as Integer64));
  if (column.type === 'Nullable(UInt64)') return value == null ? null : toBigInt(value as Integer64).toString();
  if (column.type === 'UInt64') return toBigInt((value ?? 0) as Integer64).toString();
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return bytes.toString(column.type.startsWith('Fixed') ? 'hex' : 'utf8');
  }
  return value ?? '';
}

export interface JsonOptions {
  /** With request and response, which may be large. */
  readonly payloads: boolean;
}

const PAYLOADS = new Set(['request', 'response']);

export function activityJson(
  kind: Kind,
  activity: Activity,
  sender: Sender,
  options: JsonOptions,
): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const column of COLUMNS) {
    if (!options.payloads && PAYLOADS.has(column.name)) continue;
    const read = readerOf(column, kind);
    if (read === undefined) continue;
    // `leaf_bytes` in the table, `leaf` for people.
    row[column.name.replace(/_bytes$/, column.type.startsWith('Fixed') ? '' : '_bytes')] = jsonValue(
      column,
      read(activity, sender),
    );
  }
  return row;
}
