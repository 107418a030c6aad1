// SPDX-License-Identifier: Apache-2.0

/** What the addon has to know to make leaves out of rows: the columns in their order, and which field each is. */
import { COLUMNS } from '../../collector/model/activity-row.ts';
import { CANONICAL_VERSION } from '../../proto/leaf.ts';
import { AGENT_ID_NUMBER, HOST_NUMBER } from '../../proto/leaf-fields.ts';
import { FIELD_KINDS } from '../../proto/leaf-table.ts';
import { DETAILS_IN_ROW, DIGESTS_COLUMN, ERASURE_COLUMN, type FieldInRow, HEAD_IN_ROW } from './row-fields.ts';

/** As ColumnShape of native/addon/native_block.h, with the bytes of a value of fixed width. */
const COLUMN_SHAPES: Readonly<Record<string, readonly [shape: number, widthBytes: number]>> = {
  String: [0, 0],
  'LowCardinality(String)': [1, 0],
  Bool: [2, 1],
  UInt8: [2, 1],
  UInt16: [2, 2],
  UInt32: [2, 4],
  UInt64: [2, 8],
  "DateTime64(9, 'UTC')": [2, 8],
  'FixedString(16)': [2, 16],
  'FixedString(32)': [2, 32],
  'Nullable(UInt64)': [3, 8],
  'Array(String)': [4, 0],
  'Map(LowCardinality(String), String)': [5, 0],
  'Map(LowCardinality(String), FixedString(32))': [6, 32],
};

const NONE = 0xffff_ffff;

/** Columns in the order in which rows are asked for. */
export const ROW_COLUMNS: readonly { readonly name: string; readonly type: string }[] = [
  ...COLUMNS,
  DIGESTS_COLUMN,
  ERASURE_COLUMN,
];

/** What a SELECT lists, for the plan below; of the columns that are `asked` for, one byte each, or of all. */
export function rowColumnsSql(asked?: Uint8Array): string {
  return ROW_COLUMNS.filter((_, at) => asked?.[at] !== 0)
    .map(({ name }) => `\`${name}\``)
    .join(', ');
}

/**
 * Version; numbers of agent id and host; columns: their count, and of each shape and width, with name and type among the
 * texts; places of the columns agent_id, host, seq, kind, salt, leaf, digests, erasure; lists of words; fields of the head;
 * details. Fields are their count, and of each number, kind, whether it is payload, then column and list of words, or of a
 * message its fields; with the name of its digest among the texts when it is payload.
 */
export function rowPlan(): { plan: Uint32Array; texts: readonly string[] } {
  const numbers: number[] = [CANONICAL_VERSION, AGENT_ID_NUMBER, HOST_NUMBER, ROW_COLUMNS.length];
  const texts: string[] = [];
  for (const { name, type } of ROW_COLUMNS) {
    texts.push(name, type);
    const shape = COLUMN_SHAPES[type];
    if (shape === undefined) throw new RangeError(`no rows are read with a column of type ${type}`);
    numbers.push(...shape);
  }
  const place = (column: string): number => {
    const at = ROW_COLUMNS.findIndex(({ name }) => name === column);
    if (at < 0) throw new RangeError(`no column is called ${column}`);
    return at;
  };
  for (const name of ['agent_id', 'host', 'seq', 'kind', 'salt_bytes', 'leaf_bytes']) numbers.push(place(name));
  numbers.push(place(DIGESTS_COLUMN.name), place(ERASURE_COLUMN.name));

  const all = [...HEAD_IN_ROW, ...DETAILS_IN_ROW.flatMap(({ fields }) => fields)];
  const words = [...new Set(all.map((one) => one.words))].filter((one) => one !== undefined);
  numbers.push(words.length);
  for (const list of words) {
    numbers.push(list.length);
    texts.push(...list);
  }

  const addFields = (fields: readonly FieldInRow[]): void => {
    numbers.push(fields.length);
    for (const one of fields) {
      const { number, kind, payload } = one.field;
      numbers.push(number, FIELD_KINDS.indexOf(kind), Number(payload));
      if (kind === 'message') addFields(one.inner);
      else numbers.push(place(one.column), one.words === undefined ? NONE : words.indexOf(one.words));
      if (payload) texts.push(one.path);
    }
  };
  addFields(HEAD_IN_ROW);
  numbers.push(DETAILS_IN_ROW.length);
  for (const { number, name, fields, foreign } of DETAILS_IN_ROW) {
    numbers.push(number);
    texts.push(name);
    addFields(fields);
    numbers.push(foreign.length, ...foreign.map(place));
  }
  return { plan: Uint32Array.from(numbers), texts };
}
