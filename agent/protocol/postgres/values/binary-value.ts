// SPDX-License-Identifier: Apache-2.0

/**
 * Values in binary format as the text that the server would have sent for them. What cannot be read (a type that is not
 * known, bytes that do not fit their type) becomes hexadecimal behind a mark that names the type: nothing is lost, and
 * nothing is taken for text that is none.
 */
import { ByteReader } from '../../bytes/byte-reader.ts';
import { inetText, macaddrText } from './addresses.ts';
import { float4Text, float8Text, numericText } from './numbers.ts';
import { dateText, intervalText, timestampText, timeText, timeZoneText } from './times.ts';
import { type Form, formOf } from './types.ts';

const DIMENSIONS_MAX = 6;
const VOID = 2278;

/** `bytes[start, end)` of type `typeOid` (0 when unknown) as text. */
export function binaryValueText(typeOid: number, bytes: Buffer, start: number, end: number): string {
  const form = formOf(typeOid);
  return (
    (form && formText(form, bytes, start, end)) ?? `${unreadableMark(typeOid)}${bytes.toString('hex', start, end)}`
  );
}

/** What stands before the hexadecimal digits of a value that cannot be read. */
export function unreadableMark(typeOid: number): string {
  return `binary(${typeOid}) \\x`;
}

function formText(form: Form, bytes: Buffer, start: number, end: number): string | undefined {
  const reader = new ByteReader(bytes, start, end);
  const text = read(form, reader);
  return reader.short || reader.remaining !== 0 ? undefined : text;
}

function read(form: Form, reader: ByteReader): string | undefined {
  switch (form) {
    case 'text':
      return reader.text(reader.remaining);
    case 'versioned-text':
      return reader.u8() === 1 ? reader.text(reader.remaining) : undefined;
    case 'bytea':
      return `\\x${reader.view(reader.remaining).toString('hex')}`;
    case 'bool': {
      const value = reader.u8();
      return value > 1 ? undefined : value === 1 ? 't' : 'f';
    }
    case 'int2':
      return String(reader.i16());
    case 'int4':
      return String(reader.i32());
    case 'int8':
      return String(reader.i64());
    case 'oid':
      return String(reader.u32());
    case 'float4':
      return reader.remaining === 4 ? float4Text(reader.view(4).readFloatBE(0)) : undefined;
    case 'float8':
      return reader.remaining === 8 ? float8Text(reader.view(8).readDoubleBE(0)) : undefined;
    case 'numeric':
      return numericText(reader);
    case 'date':
      return dateText(reader.i32());
    case 'time':
      return micros(reader, timeText);
    case 'timetz': {
      const time = micros(reader, timeText);
      return time && time + timeZoneText(reader.i32());
    }
    case 'timestamp':
      return timestampText(reader.i64(), '');
    case 'timestamptz':
      return timestampText(reader.i64(), '+00');
    case 'interval': {
      const time = reader.i64();
      const days = reader.i32();
      return intervalText(reader.i32(), days, time);
    }
    case 'uuid': {
      const hex = reader.view(16).toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    }
    case 'inet':
      return inetText(reader);
    case 'macaddr':
      return macaddrText(reader.view(6));
    case 'array':
      return arrayText(reader);
  }
}

function micros(reader: ByteReader, text: (micros: bigint) => string): string | undefined {
  const value = reader.i64();
  return value < 0n || value > 86_400_000_000n ? undefined : text(value);
}

/**
 * Shape    dimensions i32 · has nulls i32 · element type u32 · dimensions × (length i32 · lower bound i32) ·
 *          elements, each length i32 (-1: NULL) · bytes
 */
function arrayText(reader: ByteReader): string | undefined {
  const dimensions = reader.i32();
  reader.i32();
  const elementOid = reader.u32();
  const form = formOf(elementOid);
  if (dimensions < 0 || dimensions > DIMENSIONS_MAX || form === 'array' || elementOid === VOID) return undefined;
  if (dimensions === 0) return '{}';
  const lengths: number[] = [];
  const bounds: number[] = [];
  let count = 1;
  for (let i = 0; i < dimensions; i++) {
    lengths.push(reader.i32());
    bounds.push(reader.i32());
    count *= lengths[i] as number;
  }
  // Each element has at least its length.
  if (reader.short || lengths.some((length) => length <= 0) || count * 4 > reader.remaining) return undefined;
  const text = nested(reader, elementOid, lengths, 0);
  if (bounds.every((bound) => bound === 1)) return text;
  return `${bounds.map((bound, i) => `[${bound}:${bound + (lengths[i] as number) - 1}]`).join('')}=${text}`;
}

function nested(reader: ByteReader, elementOid: number, lengths: readonly number[], level: number): string {
  const parts: string[] = [];
  for (let i = 0; i < (lengths[level] as number) && !reader.short; i++) {
    parts.push(
      level + 1 < lengths.length ? nested(reader, elementOid, lengths, level + 1) : element(reader, elementOid),
    );
  }
  return `{${parts.join(',')}}`;
}

function element(reader: ByteReader, elementOid: number): string {
  const length = reader.i32();
  if (length === -1) return 'NULL';
  const start = reader.skip(length);
  if (start < 0) return '';
  const text = binaryValueText(elementOid, reader.bytes, start, start + length);
  const isPlain = text !== '' && !/[{}",\\\s]/.test(text) && text.toUpperCase() !== 'NULL';
  return isPlain ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
