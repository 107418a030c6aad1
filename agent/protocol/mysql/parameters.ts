// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer';
import type { PacketReader } from './packet-reader.ts';
import type { Prepared } from './prepared.ts';
import { binaryValue, type ValueType } from './values.ts';

const UNSIGNED = 0x8000;
const PARAMETERS_MAX = 0xffff;

export interface ParametersAbout {
  readonly count: number;
  /** Each type is followed by a name. */
  readonly hasNames: boolean;
  readonly lengthMax: number;
  readonly prepared?: Prepared;
}

/**
 * Values of a COM_STMT_EXECUTE, or the attributes of a query.
 *
 * Shape    bitmap of NULLs · types follow u8 · types u16 each (and names) · values
 * Errors   what is missing is left out, and `isCut` says so
 */
export function readParameters(reader: PacketReader, about: ParametersAbout): { json: string; isCut: boolean } {
  const { count, hasNames, lengthMax, prepared } = about;
  if (count > PARAMETERS_MAX) return { json: '', isCut: true };
  const nulls = reader.view((count + 7) >> 3);
  if (reader.u8() === 1) {
    const types: ValueType[] = [];
    for (let i = 0; i < count && !reader.short; i++) {
      const type = reader.u16le();
      types.push({ type: type & 0xff, isUnsigned: (type & UNSIGNED) !== 0 });
      if (hasNames) reader.lengthEncodedText();
    }
    if (prepared !== undefined && !reader.short) prepared.types = types;
    return readValues(reader, nulls, types, lengthMax, count, prepared);
  }
  return readValues(reader, nulls, prepared?.types ?? [], lengthMax, count, prepared);
}

function readValues(
  reader: PacketReader,
  nulls: Buffer,
  types: readonly ValueType[],
  lengthMax: number,
  count: number,
  prepared: Prepared | undefined,
): { json: string; isCut: boolean } {
  let json = '[';
  let isCut = reader.short || types.length < count;
  for (let i = 0; i < Math.min(count, types.length) && !reader.short && !isCut; i++) {
    const long = prepared?.longData.get(i);
    const isNull = (((nulls[i >> 3] as number) >> (i & 7)) & 1) === 1;
    const value = long ?? (isNull ? null : binaryValue(reader, types[i] as ValueType));
    if (value === undefined || (reader.short && long === undefined)) {
      isCut = true;
      break;
    }
    const text = value === null ? null : typeof value === 'string' ? value : textOf(value);
    const room = Math.max(0, lengthMax - json.length);
    if (text !== null && text.length > room) isCut = true;
    json += `${i > 0 ? ',' : ''}${JSON.stringify(text === null ? null : text.slice(0, room))}`;
  }
  return { json: `${json}]`, isCut: isCut || reader.short };
}

/** Bytes that are no UTF-8 become the characters of their own numbers. */
function textOf(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
