// SPDX-License-Identifier: Apache-2.0

import type { ByteReader } from '../bytes/byte-reader.ts';
import { formatOf } from './columns.ts';
import { binaryValueText } from './values/binary-value.ts';

/** Parameters whose types may still be told by the server are kept as they came, up to this size. */
const DEFERRED_BYTES_MAX = 64 * 1024;

/** The values of a Bind. */
export interface BoundParameters {
  /** A JSON array of strings and nulls; '' when there are no parameters. */
  readonly json: string;
  /** They were longer than the bound, or the Bind was not seen whole. */
  readonly isCut: boolean;
  /** Formats and values of the Bind, while some are binary and of a type not yet known. */
  readonly deferred: Buffer | undefined;
}

export const NO_PARAMETERS: BoundParameters = { json: '', isCut: false, deferred: undefined };

/**
 * Read the part of a Bind, or of a FunctionCall, that carries values.
 *
 * Shape    formats i16 · each i16 · values i16 · each: length i32 (-1: NULL) · bytes
 * Units    `lengthMax` bounds the JSON, in characters
 * Errors   what is missing is left out, and `isCut` says so
 */
export function readParameters(reader: ByteReader, typeOids: readonly number[], lengthMax: number): BoundParameters {
  const start = reader.at;
  const formats = readFormats(reader);
  const count = reader.u16();
  if (count === 0 && !reader.short) return NO_PARAMETERS;
  let json = '[';
  let isCut = false;
  let isDeferred = false;
  for (let i = 0; i < count && !isCut; i++) {
    const length = reader.i32();
    if (reader.short) break;
    if (i > 0) json += ',';
    if (length === -1) {
      json += 'null';
      continue;
    }
    // Of a Bind that was cut, the head of the value at hand is still worth having.
    const size = length < 0 ? 0 : Math.min(length, reader.remaining);
    const from = reader.skip(size);
    if (size < length) reader.short = true;
    if (from < 0) break;
    const isBinary = formatOf(formats, i) === 1;
    const typeOid = typeOids[i] ?? 0;
    isDeferred ||= isBinary && typeOid === 0;
    const text = isBinary
      ? binaryValueText(typeOid, reader.bytes, from, from + size)
      : reader.bytes.toString(reader.encoding, from, from + size);
    const room = Math.max(0, lengthMax - json.length);
    isCut = text.length > room;
    json += JSON.stringify(isCut ? text.slice(0, room) : text);
  }
  json += ']';
  if (isCut) reader.short = true;
  const deferred =
    isDeferred && !reader.short && reader.at - start <= DEFERRED_BYTES_MAX
      ? Buffer.from(reader.bytes.subarray(start, reader.at))
      : undefined;
  return { json: count === 0 ? '' : json, isCut: reader.short, deferred };
}

/** Format codes as Bind has them; all of a cut list that is there. */
export function readFormats(reader: ByteReader): number[] {
  const count = reader.u16();
  const formats: number[] = [];
  for (let i = 0; i < count && reader.remaining >= 2; i++) formats.push(reader.u16());
  if (formats.length < count) reader.short = true;
  return formats;
}
