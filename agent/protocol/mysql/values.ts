// SPDX-License-Identifier: Apache-2.0

/**
 * Values in binary, of parameters and of rows, as the text that the server would send for them.
 *
 * Source   MySQL manual, "Binary Protocol Value"
 */
import type { PacketReader } from './packet-reader.ts';

export interface ValueType {
  readonly type: number;
  readonly isUnsigned: boolean;
}

/** Text of a value; a Buffer where it is text or bytes already; null for NULL; undefined where the type is not known. */
export function binaryValue(reader: PacketReader, { type, isUnsigned }: ValueType): string | Buffer | null | undefined {
  switch (type) {
    case 0x01: {
      const value = reader.u8();
      return String(isUnsigned ? value : (value << 24) >> 24);
    }
    case 0x02:
    case 0x0d: {
      const value = reader.u16le();
      return String(isUnsigned ? value : (value << 16) >> 16);
    }
    case 0x03:
    case 0x09: {
      const value = reader.u32le();
      return String(isUnsigned ? value : value | 0);
    }
    case 0x08: {
      const value = reader.u64le();
      return String(isUnsigned ? value : BigInt.asIntN(64, value));
    }
    case 0x04: {
      const start = reader.skip(4);
      return start < 0 ? '' : String(Number(reader.bytes.readFloatLE(start).toPrecision(6)));
    }
    case 0x05: {
      const start = reader.skip(8);
      return start < 0 ? '' : String(reader.bytes.readDoubleLE(start));
    }
    case 0x06:
      return null;
    case 0x07:
    case 0x0a:
    case 0x0c:
      return dateText(reader, type === 0x0a);
    case 0x0b:
      return timeText(reader);
    default: {
      const isText = type === 0 || type === 0x0f || type === 0x10 || type >= 0xf5;
      const length = isText ? reader.lengthEncoded() : undefined;
      return length === undefined ? undefined : reader.view(length);
    }
  }
}

const two = (value: number): string => String(value).padStart(2, '0');

function dateText(reader: PacketReader, isDate: boolean): string {
  const length = reader.u8();
  const end = reader.at + length;
  const [year, month, day] = length >= 4 ? [reader.u16le(), reader.u8(), reader.u8()] : [0, 0, 0];
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  const [hour, minute, second] = length >= 7 ? [reader.u8(), reader.u8(), reader.u8()] : [0, 0, 0];
  const micros = length >= 11 ? reader.u32le() : 0;
  if (reader.at < end) reader.skip(end - reader.at);
  return isDate ? date : `${date} ${two(hour)}:${two(minute)}:${two(second)}${fraction(micros)}`;
}

function timeText(reader: PacketReader): string {
  const length = reader.u8();
  const end = reader.at + length;
  const isNegative = length >= 8 && reader.u8() === 1;
  const days = length >= 8 ? reader.u32le() : 0;
  const [hour, minute, second] = length >= 8 ? [reader.u8(), reader.u8(), reader.u8()] : [0, 0, 0];
  const micros = length >= 12 ? reader.u32le() : 0;
  if (reader.at < end) reader.skip(end - reader.at);
  return `${isNegative ? '-' : ''}${two(days * 24 + hour)}:${two(minute)}:${two(second)}${fraction(micros)}`;
}

function fraction(micros: number): string {
  return micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`;
}
