// SPDX-License-Identifier: Apache-2.0

import type { ByteReader } from '../bytes/byte-reader.ts';
import { COLUMNS_MAX } from './messages.ts';

/** What a RowDescription says of the rows behind it. */
export interface Columns {
  readonly names: readonly string[];
  readonly typeOids: readonly number[];
  /** 0 text, 1 binary. Of a statement that is not bound yet they are all 0 and mean nothing. */
  readonly formats: readonly number[];
  /** The names as the first line of a response: a JSON array and a newline. */
  readonly line: string;
}

/** How a value comes when neither Bind nor RowDescription was seen. */
export const FORMAT_UNKNOWN = 2;

/**
 * Read the body of a RowDescription.
 *
 * Shape    columns i16 · each: name C string · table u32 · attribute i16 · type u32 · size i16 · modifier i32 · format i16
 * Errors   what is missing is left out; `reader.short` says so
 */
export function readColumns(reader: ByteReader): Columns {
  const count = Math.min(reader.u16(), COLUMNS_MAX);
  const names: string[] = [];
  const typeOids: number[] = [];
  const formats: number[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.cString();
    reader.skip(6);
    const typeOid = reader.u32();
    reader.skip(6);
    const format = reader.u16();
    if (reader.short) break;
    names.push(name);
    typeOids.push(typeOid);
    formats.push(format);
  }
  return { names, typeOids, formats, line: `${JSON.stringify(names)}\n` };
}

/** The formats of result columns as a Bind asks for them: none means text, one means all. */
export function formatOf(formats: readonly number[] | undefined, column: number): number {
  if (formats === undefined) return FORMAT_UNKNOWN;
  if (formats.length === 0) return 0;
  return formats.length === 1 ? (formats[0] as number) : (formats[column] ?? FORMAT_UNKNOWN);
}
