// SPDX-License-Identifier: Apache-2.0

import type { PacketReader } from './packet-reader.ts';
import type { ValueType } from './values.ts';

export interface Column extends ValueType {
  readonly name: string;
}

/** Length, character set, length of values, type, flags, decimals, and two bytes that are 0. */
const FIXED_BYTES = 13;
const UNSIGNED = 0x20;
const NAME_LENGTH_MAX = 256;

/** Source: MySQL manual, "Column Definition". What MariaDB adds stands before the part of fixed size, which is the end. */
export function readColumn(reader: PacketReader): Column {
  for (let i = 0; i < 4; i++) reader.skip(reader.lengthEncoded() ?? 0);
  const name = reader.lengthEncodedText().slice(0, NAME_LENGTH_MAX);
  const { bytes, end, at } = reader;
  if (reader.short || end - FIXED_BYTES < at) return { name, type: 0xfd, isUnsigned: false };
  const fixed = end - FIXED_BYTES;
  return {
    name,
    type: bytes[fixed + 7] as number,
    isUnsigned: ((bytes[fixed + 8] as number) & UNSIGNED) !== 0,
  };
}
