// SPDX-License-Identifier: Apache-2.0

import type { Words } from '../../collector/model/activity.ts';
/** An activity out of a row that was asked for as JSON: the slow way, for single rows. */
import { COLUMNS } from '../../collector/model/activity-row.ts';
import type { ActivityProperties, PayloadDigests } from '../../proto/leaf.ts';
import type { FieldKind } from '../../proto/leaf-fields.ts';
import { longOf } from './activity-json.ts';
import { DETAILS_IN_ROW, DIGESTS_COLUMN, ERASURE_COLUMN, type FieldInRow, HEAD_IN_ROW } from './row-fields.ts';

/** Columns of bytes that JSON cannot carry: as base64. */
const BYTES_COLUMNS = new Set(
  DETAILS_IN_ROW.flatMap(({ fields }) => fields)
    .filter(({ field }) => field.kind === 'bytes')
    .map(({ column }) => column),
);

/** What a SELECT lists, for `activityOfRow`. */
export const JSON_COLUMNS_SQL = [
  ...COLUMNS.map(({ name, type }) => {
    if (type.startsWith('DateTime64')) return `toUnixTimestamp64Nano(a.\`${name}\`) AS \`${name}\``;
    if (type.startsWith('FixedString') || BYTES_COLUMNS.has(name)) return `base64Encode(a.\`${name}\`) AS \`${name}\``;
    return `a.\`${name}\` AS \`${name}\``;
  }),
  `mapApply((k, v) -> (toString(k), base64Encode(v)), a.${DIGESTS_COLUMN.name}) AS ${DIGESTS_COLUMN.name}`,
  `a.${ERASURE_COLUMN.name} AS ${ERASURE_COLUMN.name}`,
].join(', ');

export type JsonRow = Readonly<Record<string, unknown>>;

export interface ActivityInRow {
  readonly agentId: string;
  readonly host: string;
  readonly seq: number;
  /** The leaf that stands in the row. */
  readonly leaf: Buffer;
  readonly activity: ActivityProperties;
  /** Of what was erased. */
  readonly digests: PayloadDigests;
  readonly erasureSeq: number;
}

/** Undefined for a kind that no leaf is of, or a word that is none. */
export function activityOfRow(row: JsonRow): ActivityInRow | undefined {
  const detail = DETAILS_IN_ROW.find(({ name }) => name === row['kind']);
  if (detail === undefined) return undefined;
  try {
    const salt = bytesOf(row['salt_bytes']);
    const activity = {
      ...messageOf(HEAD_IN_ROW, row),
      [detail.name]: messageOf(detail.fields, row),
      salt: isZero(salt) ? Buffer.alloc(0) : salt,
    } as ActivityProperties;
    const digests = Object.entries((row[DIGESTS_COLUMN.name] ?? {}) as Record<string, string>);
    return {
      agentId: String(row['agent_id']),
      host: String(row['host']),
      seq: Number(row['seq']),
      leaf: bytesOf(row['leaf_bytes']),
      activity,
      digests: new Map(digests.map(([name, digest]) => [name, bytesOf(digest)])),
      erasureSeq: Number(row[ERASURE_COLUMN.name] ?? 0),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function messageOf(fields: readonly FieldInRow[], row: JsonRow): Record<string, unknown> {
  return Object.fromEntries(
    fields.map(({ field, column, words, inner }) => {
      if (field.kind === 'message') return [field.name, messageOf(inner, row)];
      return [
        field.name,
        words === undefined ? plainValue(field.kind, row[column]) : numberOf(words, String(row[column])),
      ];
    }),
  );
}

function plainValue(kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case 'uint32':
      return Number(value);
    case 'optional-uint64':
      return value === null ? undefined : longOf(BigInt(value as string));
    case 'uint64':
    case 'fixed64':
      return longOf(BigInt.asUintN(64, BigInt(value as string)));
    case 'bytes': {
      const bytes = bytesOf(value);
      // Of fixed length in the row: all zeros is none.
      return bytes.length === 32 && isZero(bytes) ? Buffer.alloc(0) : bytes;
    }
    default:
      return value;
  }
}

function numberOf(words: Words, word: string): number {
  const at = words.indexOf(word);
  const unknown = /^unknown_(\d{1,10})$/.exec(word)?.[1];
  if (at >= 0) return at;
  if (unknown === undefined) throw new RangeError(`${word} is no word of the record`);
  return Number(unknown);
}

function bytesOf(value: unknown): Buffer {
  return Buffer.from(String(value ?? ''), 'base64');
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
