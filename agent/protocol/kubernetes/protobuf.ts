// SPDX-License-Identifier: Apache-2.0

/**
 * A message of Protocol Buffers without its definition: fields by number, one level at a time.
 *
 * Shape    tag varint (number << 3 | wire type) · value: varint, 8 bytes, 4 bytes, or length varint and bytes
 * Errors   never throws; reading stops where the bytes are none, or not all there, and `isWhole` says so
 * Keeps    views of `bytes`
 * Bounds   FIELDS_MAX fields a message; groups, which Kubernetes does not have, end the reading
 * Source   Protocol Buffers documentation, "Encoding"
 */

export interface ProtobufField {
  readonly number: number;
  /** Of fields with a length; else undefined. */
  readonly bytes: Buffer | undefined;
  /** Of varints; 0 for the others. Exact up to 2 ** 53. */
  readonly value: number;
}

export interface ProtobufMessage {
  readonly fields: readonly ProtobufField[];
  /** Read to the end of the bytes. */
  readonly isWhole: boolean;
}

/** A list of 100,000 objects would be above any payload that is kept. */
const FIELDS_MAX = 100_000;
const VARINT_BYTES_MAX = 10;

export function readProtobuf(bytes: Buffer): ProtobufMessage {
  const fields: ProtobufField[] = [];
  let at = 0;
  while (at < bytes.length && fields.length < FIELDS_MAX) {
    const tag = varintAt(bytes, at);
    if (tag === undefined || tag.value < 8 || tag.value > 0xffff_ffff) break;
    const number = Math.floor(tag.value / 8);
    at = tag.end;
    const wireType = tag.value % 8;
    if (wireType === 0) {
      const value = varintAt(bytes, at);
      if (value === undefined) break;
      fields.push({ number, bytes: undefined, value: value.value });
      at = value.end;
    } else if (wireType === 2) {
      const length = varintAt(bytes, at);
      if (length === undefined || length.value > bytes.length - length.end) break;
      fields.push({ number, bytes: bytes.subarray(length.end, length.end + length.value), value: 0 });
      at = length.end + length.value;
    } else if (wireType === 1 || wireType === 5) {
      const size = wireType === 1 ? 8 : 4;
      if (size > bytes.length - at) break;
      fields.push({ number, bytes: undefined, value: 0 });
      at += size;
    } else break;
    if (at === bytes.length) return { fields, isWhole: true };
  }
  return { fields, isWhole: bytes.length === 0 };
}

function varintAt(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0;
  let weight = 1;
  for (let at = from; at < bytes.length && at < from + VARINT_BYTES_MAX; at++) {
    const byte = bytes[at]!;
    value += (byte & 0x7f) * weight;
    if (byte < 0x80) return { value, end: at + 1 };
    weight *= 128;
  }
  return undefined;
}

export function messageIn({ fields }: ProtobufMessage, number: number): ProtobufMessage | undefined {
  const bytes = bytesIn(fields, number);
  return bytes === undefined ? undefined : readProtobuf(bytes);
}

export function textIn(message: ProtobufMessage | undefined, number: number): string {
  return message === undefined ? '' : (bytesIn(message.fields, number)?.toString('utf8') ?? '');
}

export function numberIn({ fields }: ProtobufMessage, number: number): number {
  return fields.findLast((field) => field.number === number)?.value ?? 0;
}

export function eachIn({ fields }: ProtobufMessage, number: number): Buffer[] {
  return fields.flatMap((field) => (field.number === number && field.bytes !== undefined ? [field.bytes] : []));
}

/** Of a field that is there several times, the last counts. */
export function bytesIn(fields: readonly ProtobufField[], number: number): Buffer | undefined {
  return fields.findLast((field) => field.number === number && field.bytes !== undefined)?.bytes;
}
