// SPDX-License-Identifier: Apache-2.0

/**
 * Activities as ClickHouse's RowBinary: for each row the columns in order, no names, no separators.
 *
 * Chosen by measurement (docs/ARCHITECTURE.md, "Store"): it is exact for every byte, and the engine takes it at a third
 * of the cost of JSONEachRow or TSV. Row by row the columns are those of `model/activity-row.ts`; what a kind of
 * activity leaves at zero is written as one copy of prepared bytes.
 */
import type { Activity, Integer64, Kind, Sender } from '../../model/activity.ts';
import { KINDS } from '../../model/activity.ts';
import { COLUMNS, type Column, type ColumnType, readerOf, type Value } from '../../model/activity-row.ts';

/** Texts up to this length have a UTF-8 form below 128 bytes, so their length takes one byte whatever they hold. */
const SHORT_TEXT_CHARACTERS = 42;
/** A length or count as a varint takes at most this. */
const VARINT_BYTES_MAX = 5;

/** A call into Node for each text costs more than writing so few characters here; measured with makeActivity. */
const OWN_LOOP_CHARACTERS = 24;
const ZEROS = new Uint8Array(64);

/** Grows as it is written to. `finish` gives a view; the next `clear` makes that view invalid. */
export class RowBinaryWriter {
  #buffer: Buffer;
  #view: DataView;
  #offset = 0;

  constructor(startBytes = 1 << 20) {
    this.#buffer = Buffer.allocUnsafe(startBytes);
    this.#view = viewOf(this.#buffer);
  }

  get bytes(): number {
    return this.#offset;
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#offset);
  }

  #reserve(bytes: number): void {
    const needed = this.#offset + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#offset);
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }

  #varint(value: number): void {
    while (value > 0x7f) {
      this.#buffer[this.#offset++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#buffer[this.#offset++] = value;
  }

  count(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    this.#varint(value);
  }

  text(value: string): void {
    if (value.length <= SHORT_TEXT_CHARACTERS) {
      this.#reserve(1 + 3 * SHORT_TEXT_CHARACTERS);
      if (value.length <= OWN_LOOP_CHARACTERS && this.#ascii(value)) return;
      const written = this.#buffer.write(value, this.#offset + 1, 'utf8');
      this.#buffer[this.#offset] = written;
      this.#offset += 1 + written;
      return;
    }
    const bytes = Buffer.byteLength(value);
    this.#reserve(VARINT_BYTES_MAX + bytes);
    this.#varint(bytes);
    this.#offset += this.#buffer.write(value, this.#offset, 'utf8');
  }

  /** Write a short text when it is ASCII; false when it is not, and nothing counts as written. */
  #ascii(value: string): boolean {
    const start = this.#offset + 1;
    const buffer = this.#buffer;
    for (let at = 0; at < value.length; at++) {
      const character = value.charCodeAt(at);
      if (character > 0x7f) return false;
      buffer[start + at] = character;
    }
    buffer[this.#offset] = value.length;
    this.#offset = start + value.length;
    return true;
  }

  blob(value: Uint8Array): void {
    this.#reserve(VARINT_BYTES_MAX + value.length);
    this.#varint(value.length);
    this.#buffer.set(value, this.#offset);
    this.#offset += value.length;
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#offset);
    this.#offset += value.length;
  }

  /** Exactly `size` bytes: an absent value is zeros, any other length is a fault of the caller. */
  fixed(value: Uint8Array | null | undefined, size: number): void {
    this.#reserve(size);
    if (value == null || value.length === 0) this.#buffer.set(ZEROS.subarray(0, size), this.#offset);
    else if (value.length === size) this.#buffer.set(value, this.#offset);
    else throw new RangeError(`a value of ${value.length} bytes in a column of ${size}`);
    this.#offset += size;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#offset++] = value;
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#offset, value, true);
    this.#offset += 2;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#offset, value, true);
    this.#offset += 4;
  }

  uint64(value: Integer64): void {
    this.#reserve(8);
    const low = typeof value === 'number' ? value % 0x1_0000_0000 : value.low;
    const high = typeof value === 'number' ? value / 0x1_0000_0000 : value.high;
    this.#view.setUint32(this.#offset, low, true);
    this.#view.setUint32(this.#offset + 4, high, true);
    this.#offset += 8;
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

type WriteValue = (writer: RowBinaryWriter, value: Value) => void;

function writeText(writer: RowBinaryWriter, value: Value): void {
  if (typeof value === 'string') writer.text(value);
  else if (value == null) writer.uint8(0);
  else writer.blob(value as Uint8Array);
}

const WRITERS: Readonly<Record<ColumnType, WriteValue>> = {
  String: writeText,
  'LowCardinality(String)': writeText,
  UInt64: (writer, value) => writer.uint64((value ?? 0) as Integer64),
  "DateTime64(9, 'UTC')": (writer, value) => writer.uint64((value ?? 0) as Integer64),
  'Nullable(UInt64)': (writer, value) => {
    writer.uint8(value == null ? 1 : 0);
    if (value != null) writer.uint64(value as Integer64);
  },
  UInt32: (writer, value) => writer.uint32((value ?? 0) as number),
  UInt16: (writer, value) => writer.uint16((value ?? 0) as number),
  UInt8: (writer, value) => writer.uint8((value ?? 0) as number),
  Bool: (writer, value) => writer.uint8(value ? 1 : 0),
  'FixedString(16)': (writer, value) => writer.fixed(value as Uint8Array | null, 16),
  'FixedString(32)': (writer, value) => writer.fixed(value as Uint8Array | null, 32),
  'Array(String)': (writer, value) => {
    const items = (value ?? []) as readonly string[];
    writer.count(items.length);
    for (const item of items) writer.text(item);
  },
  'Map(LowCardinality(String), String)': (writer, value) => {
    const map = (value ?? {}) as Readonly<Record<string, string>>;
    const keys = Object.keys(map);
    writer.count(keys.length);
    for (const key of keys) {
      writer.text(key);
      writer.text(map[key]!);
    }
  },
};

type Step = (writer: RowBinaryWriter, activity: Activity, sender: Sender) => void;

/** The columns of one kind as steps, with neighbouring columns that it leaves at zero joined to one copy. */
function planOf(kind: Kind, columns: readonly Column[]): readonly Step[] {
  const steps: Step[] = [];
  let zeros = new RowBinaryWriter(256);
  const flush = () => {
    if (zeros.bytes === 0) return;
    const bytes = zeros.finish();
    steps.push((writer) => writer.raw(bytes));
    zeros = new RowBinaryWriter(256);
  };
  for (const column of columns) {
    const write = WRITERS[column.type];
    const read = readerOf(column, kind);
    if (read === undefined) {
      write(zeros, undefined);
    } else {
      flush();
      steps.push((writer, activity, sender) => write(writer, read(activity, sender)));
    }
  }
  flush();
  return steps;
}

const PLANS = Object.fromEntries(KINDS.map((kind) => [kind, planOf(kind, COLUMNS)])) as Readonly<
  Record<Kind, readonly Step[]>
>;

/**
 * Append one activity as a row.
 *
 * Errors   throws RangeError when a fixed-size value has another size; `ingest/` has checked that before
 */
export function writeRow(writer: RowBinaryWriter, kind: Kind, activity: Activity, sender: Sender): void {
  for (const step of PLANS[kind]) step(writer, activity, sender);
}

/** The names, as an INSERT lists them. */
export const ROW_COLUMN_NAMES = COLUMNS.map((column) => `\`${column.name}\``).join(', ');

/**
 * The structure of the bytes, as `input()` takes it. LowCardinality is left out on purpose: the engine reads plain
 * strings and converts whole columns, which costs a quarter of reading dictionary values row by row.
 */
export const ROW_STRUCTURE = COLUMNS.map(
  (column) => `\`${column.name}\` ${column.type.replaceAll('LowCardinality(String)', 'String')}`,
).join(', ');
