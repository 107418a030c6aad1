// SPDX-License-Identifier: Apache-2.0

/**
 * A message of Protocol Buffers without its schema: field numbers and what their wire types tell. Bytes that are a message
 * themselves, or text, are shown as such; which of both was meant, nobody knows: text is tried first.
 *
 * Shape    tag varint (number << 3 | type) · type 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes
 * Source   Protocol Buffers, "Encoding"
 */

/** Small requests are what a person reads; of larger ones the payload is there. */
const MESSAGE_BYTES_MAX = 4096;
const DEPTH_MAX = 4;
const FIELDS_MAX = 200;

type View = { [number: string]: Value | Value[] };
type Value = string | number | View;

/** JSON, or '' where it is no message, or one that is too large. Never throws. */
export function fieldView(message: Buffer): string {
  if (message.length === 0 || message.length > MESSAGE_BYTES_MAX) return '';
  const view = viewOf(message, DEPTH_MAX, { fields: FIELDS_MAX });
  return view === undefined ? '' : JSON.stringify(view);
}

function viewOf(bytes: Buffer, depth: number, left: { fields: number }): View | undefined {
  const view: View = {};
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    if (tag === undefined || left.fields-- <= 0) return undefined;
    // A tag has 32 bits at most.
    const number = typeof tag.value === 'number' ? Math.floor(tag.value / 8) : 0;
    if (number < 1 || number > 536_870_911) return undefined;
    const field = fieldAt(bytes, tag.end, (tag.value as number) % 8, depth, left);
    if (field === undefined) return undefined;
    at = field.end;
    const name = String(number);
    const before = view[name];
    if (before === undefined) view[name] = field.value;
    else if (Array.isArray(before)) before.push(field.value);
    else view[name] = [before, field.value];
  }
  return view;
}

function fieldAt(
  bytes: Buffer,
  at: number,
  type: number,
  depth: number,
  left: { fields: number },
): { value: Value; end: number } | undefined {
  if (type === 0) return varint(bytes, at);
  if (type === 1 && at + 8 <= bytes.length) return { value: asNumber(bytes.readBigUInt64LE(at)), end: at + 8 };
  if (type === 5 && at + 4 <= bytes.length) return { value: bytes.readUInt32LE(at), end: at + 4 };
  if (type !== 2) return undefined;
  const length = varint(bytes, at);
  if (length === undefined || typeof length.value !== 'number') return undefined;
  const end = length.end + length.value;
  if (end > bytes.length) return undefined;
  return { value: bytesValue(bytes.subarray(length.end, end), depth, left), end };
}

function bytesValue(bytes: Buffer, depth: number, left: { fields: number }): Value {
  const text = bytes.toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what has them is no text
  if (!/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/.test(text)) return text;
  const inside = depth > 0 ? viewOf(bytes, depth - 1, left) : undefined;
  return inside ?? `base64:${bytes.toString('base64')}`;
}

/** Exactly: beyond what a number of JSON holds, as text. */
function asNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

/** Seven bytes hold 49 bits: so many, numbers do exactly. */
const NUMBER_BYTES_MAX = 7;
const VARINT_BYTES_MAX = 10;

interface Varint {
  readonly value: number | string;
  readonly end: number;
}

function varint(bytes: Buffer, at: number): Varint | undefined {
  let value = 0;
  let weight = 1;
  for (let i = 0; i < NUMBER_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * weight;
    if (byte < 0x80) return { value, end: at + i + 1 };
    weight *= 128;
  }
  return longVarint(bytes, at);
}

function longVarint(bytes: Buffer, at: number): Varint | undefined {
  let value = 0n;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value: asNumber(value), end: at + i + 1 };
  }
  return undefined;
}
