// SPDX-License-Identifier: Apache-2.0

/**
 * Which columns of `sworn.activities` hold what may be erased, by kind: the payload fields of docs/RECORD.md, with the
 * numbers that go into their digests.
 */
import { DETAILS } from '../../proto/leaf-fields.ts';
import { KINDS, type Kind } from './activity.ts';
import { findColumn } from './activity-row.ts';

export interface PayloadColumn {
  readonly column: string;
  /** Its name among payload digests: "command.statement". */
  readonly digestName: string;
  readonly detailNumber: number;
  readonly fieldNumber: number;
  readonly form: 'text' | 'digest' | 'texts' | 'map';
}

function formOf(type: string): PayloadColumn['form'] {
  if (type === 'String') return 'text';
  if (type === 'FixedString(32)') return 'digest';
  if (type === 'Array(String)') return 'texts';
  if (type === 'Map(LowCardinality(String), String)') return 'map';
  throw new RangeError(`a payload column of type ${type}`);
}

function columnsOf(kind: Kind): readonly PayloadColumn[] {
  const detail = DETAILS.find(({ name }) => name === kind);
  return (detail?.fields ?? [])
    .filter(({ payload }) => payload)
    .map(({ number, protoName }) => {
      const column = findColumn(protoName) ?? findColumn(`${protoName}_bytes`);
      if (column === undefined) throw new RangeError(`${kind}.${protoName} has no column`);
      return {
        column: column.name,
        digestName: `${kind}.${protoName}`,
        detailNumber: detail!.number,
        fieldNumber: number,
        form: formOf(column.type),
      };
    });
}

/** Kinds that have payload, with their columns. Rows of the others hold nothing that could be erased. */
export const PAYLOAD_COLUMNS: ReadonlyMap<Kind, readonly PayloadColumn[]> = new Map(
  KINDS.map((kind) => [kind, columnsOf(kind)] as const).filter(([, columns]) => columns.length > 0),
);
