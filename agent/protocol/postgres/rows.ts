// SPDX-License-Identifier: Apache-2.0

/**
 * Rows as text: each DataRow becomes one line, a JSON array of strings and nulls.
 *
 * A line that is no array says what stands in its place: {"gap_bytes":n} for a row of which bytes were lost,
 * {"malformed_bytes":n} for one whose lengths do not add up.
 */
import { i32At, type TextEncoding } from '../bytes/byte-reader.ts';
import { JsonTextStream, writeJsonText } from '../bytes/json-text.ts';
import type { PayloadWriter } from '../bytes/payload-writer.ts';
import { type Columns, FORMAT_UNKNOWN, formatOf } from './columns.ts';
import { binaryValueText, unreadableMark } from './values/binary-value.ts';
import { formOf } from './values/types.ts';

const NULL = Buffer.from('null');
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const NEWLINE = 0x0a;

/** What is known of the rows that follow. */
export interface RowForm {
  readonly columns: Columns | undefined;
  /** As Bind asked for them; undefined when that is not known. */
  readonly formats: readonly number[] | undefined;
}

/** Write one DataRow body as a line. */
export function writeRow(
  to: PayloadWriter,
  form: RowForm,
  encoding: TextEncoding,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const mark = to.writtenBytes;
  writeByte(to, OPEN);
  if (!writeValues(to, form, encoding, bytes, start, end)) {
    writeMalformed(to, mark, end - start);
    return;
  }
  to.reserve(2);
  to.buffer[to.at++] = CLOSE;
  to.buffer[to.at++] = NEWLINE;
  to.settle();
}

/** Returns false when the lengths do not add up. */
function writeValues(
  to: PayloadWriter,
  form: RowForm,
  encoding: TextEncoding,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  const count = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
  let at = start + 2;
  for (let column = 0; column < count; column++) {
    if (at + 4 > end) return false;
    const length = i32At(bytes, at);
    at += 4;
    if (length < -1 || length > end - at) return false;
    if (column > 0) writeByte(to, COMMA);
    if (length === -1) {
      to.append(NULL);
      continue;
    }
    writeByte(to, QUOTE);
    writeValue(to, form, column, encoding, bytes, at, at + length);
    writeByte(to, QUOTE);
    at += length;
  }
  return at === end;
}

/** A row of which bytes were lost. What was written of it since `mark` is taken back. */
export function writeGap(to: PayloadWriter, mark: number, missingBytes: number, bodyBytes: number): void {
  to.rewind(mark);
  to.appendText(`{"gap_bytes":${missingBytes}}\n`);
  to.addHole(bodyBytes);
}

function writeMalformed(to: PayloadWriter, mark: number, bodyBytes: number): void {
  to.rewind(mark);
  to.appendText(`{"malformed_bytes":${bodyBytes}}\n`);
}

function writeByte(to: PayloadWriter, byte: number): void {
  to.reserve(1);
  to.buffer[to.at++] = byte;
  to.settle();
}

function writeValue(
  to: PayloadWriter,
  form: RowForm,
  column: number,
  encoding: TextEncoding,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const format = formatOf(form.formats, column);
  if (format === 0) {
    writeJsonText(to, bytes, start, end, encoding);
    return;
  }
  const typeOid = form.columns?.typeOids[column] ?? 0;
  if (format === FORMAT_UNKNOWN) {
    // Text has no zero bytes. Bytes without one that are no UTF-8 come out as escapes, which loses nothing either.
    const zero = bytes.indexOf(0, start);
    if (zero < 0 || zero >= end) writeJsonText(to, bytes, start, end, encoding);
    else to.appendText(escaped(unreadableMark(typeOid) + bytes.toString('hex', start, end)));
    return;
  }
  if (formOf(typeOid) === 'text') writeJsonText(to, bytes, start, end, encoding);
  else to.appendText(escaped(binaryValueText(typeOid, bytes, start, end)));
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Values of long rows up to this size are read whole, so that every type can be shown as text. */
const COLLECTED_VALUE_BYTES_MAX = 64 * 1024;

type Reading = 'count' | 'length' | 'text' | 'hex' | 'collect' | 'version' | 'malformed';

/** One row that is too long to be collected, written as its bytes come. */
export class LongRow {
  readonly #to: PayloadWriter;
  readonly #form: RowForm;
  readonly #encoding: TextEncoding;
  readonly #bodyBytes: number;
  readonly #mark: number;
  #reading: Reading = 'count';
  /** Bytes of a number or a short value that are not all there. */
  #collected = Buffer.alloc(4);
  #collectedBytes = 0;
  #column = -1;
  #columnsLeft = 0;
  #valueLeft = 0;
  #text: JsonTextStream;

  constructor(to: PayloadWriter, form: RowForm, encoding: TextEncoding, bodyBytes: number) {
    this.#to = to;
    this.#form = form;
    this.#encoding = encoding;
    this.#bodyBytes = bodyBytes;
    this.#mark = to.writtenBytes;
    this.#text = new JsonTextStream(to, encoding);
    writeByte(to, OPEN);
  }

  get heldBytes(): number {
    return this.#collectedBytes;
  }

  part(bytes: Buffer, start: number, end: number): void {
    for (let i = start; i < end && this.#reading !== 'malformed'; ) {
      if (this.#reading === 'count') i = this.#fill(bytes, i, end, 2, () => this.#begin());
      else if (this.#reading === 'length') i = this.#fill(bytes, i, end, 4, () => this.#beginValue());
      else i = this.#takeValue(bytes, i, end);
    }
  }

  /** The row ended; bytes of it may be missing. */
  end(missingBytes: number): void {
    const isComplete = this.#reading === 'length' && this.#columnsLeft === 0 && this.#collectedBytes === 0;
    if (missingBytes > 0) writeGap(this.#to, this.#mark, missingBytes, this.#bodyBytes);
    else if (!isComplete) writeMalformed(this.#to, this.#mark, this.#bodyBytes);
    else this.#to.appendText(']\n');
  }

  #fill(bytes: Buffer, start: number, end: number, wanted: number, then: () => void): number {
    if (this.#collected.length < wanted) this.#collected = Buffer.alloc(wanted);
    const next = Math.min(end, start + wanted - this.#collectedBytes);
    bytes.copy(this.#collected, this.#collectedBytes, start, next);
    this.#collectedBytes += next - start;
    if (this.#collectedBytes === wanted) {
      this.#collectedBytes = 0;
      then();
    }
    return next;
  }

  #begin(): void {
    this.#columnsLeft = this.#collected.readUInt16BE(0);
    this.#reading = 'length';
  }

  #beginValue(): void {
    const length = i32At(this.#collected, 0);
    if (this.#columnsLeft === 0 || length < -1) {
      this.#reading = 'malformed';
      return;
    }
    this.#columnsLeft--;
    this.#column++;
    if (this.#column > 0) writeByte(this.#to, COMMA);
    if (length === -1) {
      this.#to.append(NULL);
      return;
    }
    writeByte(this.#to, QUOTE);
    this.#valueLeft = length;
    this.#reading = length <= COLLECTED_VALUE_BYTES_MAX ? 'collect' : this.#longForm();
    if (length === 0) this.#endValue();
  }

  #longForm(): Reading {
    const format = formatOf(this.#form.formats, this.#column);
    if (format !== 1) return 'text';
    const typeOid = this.#form.columns?.typeOids[this.#column] ?? 0;
    const form = formOf(typeOid);
    if (form === 'text') return 'text';
    if (form === 'versioned-text') return 'version';
    this.#to.appendText(escaped(form === 'bytea' ? '\\x' : unreadableMark(typeOid)));
    return 'hex';
  }

  #takeValue(bytes: Buffer, start: number, end: number): number {
    if (this.#reading === 'collect') {
      return this.#fill(bytes, start, end, this.#valueLeft, () => {
        const { formats, columns } = this.#form;
        writeValue(this.#to, { formats, columns }, this.#column, this.#encoding, this.#collected, 0, this.#valueLeft);
        this.#endValue();
      });
    }
    if (this.#reading === 'version') {
      this.#valueLeft--;
      this.#reading = 'text';
      return start + 1;
    }
    const next = Math.min(end, start + this.#valueLeft);
    if (this.#reading === 'text') this.#text.part(bytes, start, next);
    else this.#writeHex(bytes, start, next);
    this.#valueLeft -= next - start;
    if (this.#valueLeft === 0) this.#endValue();
    return next;
  }

  #endValue(): void {
    this.#text.end();
    writeByte(this.#to, QUOTE);
    this.#reading = 'length';
  }

  #writeHex(bytes: Buffer, start: number, end: number): void {
    for (let from = start; from < end; from += 16_384) {
      const to = Math.min(end, from + 16_384);
      this.#to.append(Buffer.from(bytes.toString('hex', from, to), 'latin1'));
    }
  }
}
