// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer';
import type { PacketReader } from './packet-reader.ts';
import type { Prepared } from './prepared.ts';
import { binaryValue, type ValueType } from './values.ts';

const UNSIGNED = 0x8000;
const PARAMETERS_MAX = 0xffff;
/** Each type there is, once: statements keep many. */
const TYPES: readonly ValueType[] = Array.from({ length: 512 }, (_, i) => ({ type: i & 0xff, isUnsigned: i > 0xff }));

export interface ParametersAbout {
  readonly count: number;
  /** Each type is followed by a name. */
  readonly hasNames: boolean;
  readonly lengthMax: number;
  readonly prepared?: Prepared;
}

interface Parameters {
  json: string;
  isCut: boolean;
  /** Types that were bound anew. */
  types?: readonly ValueType[];
}

/**
 * Values of a COM_STMT_EXECUTE, or the attributes of a query.
 *
 * Shape    bitmap of NULLs · types follow u8 · types u16 each (and names) · values
 * Errors   what is missing is left out, and `isCut` says so
 */
export function readParameters(reader: PacketReader, about: ParametersAbout): Parameters {
  const { count, hasNames, lengthMax, prepared } = about;
  if (count > PARAMETERS_MAX) return { json: '', isCut: true };
  const nulls = reader.view((count + 7) >> 3);
  if (reader.u8() === 1) {
    const types: ValueType[] = [];
    for (let i = 0; i < count && !reader.short; i++) {
      const type = reader.u16le();
      types.push(TYPES[(type & 0xff) + ((type & UNSIGNED) === 0 ? 0 : 0x100)] as ValueType);
      if (hasNames) reader.lengthEncodedText();
    }
    const areWhole = !reader.short;
    const read = readValues(reader, nulls, types, lengthMax, count, prepared);
    return areWhole ? { ...read, types } : read;
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
): Parameters {
  let json = '[';
  let isCut = reader.short || types.length < count;
  for (let i = 0; i < Math.min(count, types.length) && !reader.short && !isCut; i++) {
    const long = prepared?.longDataOf(i);
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
