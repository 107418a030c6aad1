// SPDX-License-Identifier: Apache-2.0

/**
 * The leaf of an activity: 32 bytes that bind all of it, and that stay provable after its payload was erased. Agent and
 * collector compute it here; docs/RECORD.md specifies it so that others can.
 *
 * Errors   RangeError for a number that is negative, not whole, or too large for its field: a mistake of the caller.
 * Keeps    nothing: results are copies. One set of scratch buffers per thread; nothing here is re-entrant or async.
 */
import { createHash } from 'node:crypto';
import { CanonicalWriter, type Halves, type Unsigned } from './canonical.ts';
import {
  AGENT_ID_NUMBER,
  type CanonicalDetail,
  type CanonicalField,
  DETAILS,
  type FieldKind,
  HEAD_FIELDS,
  HOST_NUMBER,
} from './leaf-fields.ts';
import type { sworn } from './record.ts';

export type ActivityProperties = sworn.v1.Activity.$Properties;

export const CANONICAL_VERSION = 1;
export const LEAF_BYTES = 32;
export const SALT_BYTES = 16;
/** Payload digests by "detail.field" in the .proto's names, such as "command.statement". */
export type PayloadDigests = ReadonlyMap<string, Uint8Array>;

/**
 * The leaf of an activity: SHA-256(0x00 || canonical encoding), RFC 6962's leaf hash.
 *
 * Erased   a payload field that is empty in `activity` but has a digest in `kept` stands with that digest. So the leaf
 *          still comes out after payload and salt were erased. A field that is there counts, whatever `kept` says.
 */
export function leafOf(
  activity: ActivityProperties,
  agentId: string,
  host: string,
  kept: PayloadDigests = NONE_KEPT,
): Buffer {
  const leaf = Buffer.allocUnsafeSlow(LEAF_BYTES);
  leafInto(leaf, 0, activity, agentId, host, kept);
  return leaf;
}

/**
 * As `leafOf`, written into `target` at `at`: for the agent's hot path, where nothing is allocated for it.
 * False when a text held a lone surrogate: it is not the same text once encoded, so neither is the leaf.
 */
export function leafInto(
  target: Buffer,
  at: number,
  activity: ActivityProperties,
  agentId: string,
  host: string,
  kept: PayloadDigests = NONE_KEPT,
): boolean {
  writeCanonical(activity, agentId, host, kept);
  target.write(canonical.sha256(), at, 'latin1');
  return canonical.wellFormed && payloadBytes.wellFormed;
}

/** The canonical encoding without the 0x00 that makes it a leaf: for tests, vectors and other implementations. */
export function canonicalBytes(
  activity: ActivityProperties,
  agentId: string,
  host: string,
  kept: PayloadDigests = NONE_KEPT,
): Buffer {
  writeCanonical(activity, agentId, host, kept);
  return Buffer.from(canonical.bytes.subarray(1, canonical.at));
}

/** The digest of each payload field that is not empty: what to keep when the payload is erased. */
export function payloadDigests(activity: ActivityProperties): PayloadDigests {
  const detail = detailOf(activity);
  const digests = new Map<string, Uint8Array>();
  payloadBytes.reset();
  setSalt(activity.salt);
  const message = messageOf(activity, detail.name)!;
  for (const payloadField of detail.fields) {
    if (!payloadField.payload) continue;
    const digest = digestOf(payloadField, message[payloadField.name], detail.number);
    if (digest !== '') digests.set(`${detail.name}.${payloadField.protoName}`, Buffer.from(digest, 'latin1'));
  }
  return digests;
}

/**
 * Throws what `leafInto` throws for a number that has no place in the record: for writers that take the leaf from the
 * encoding, where such a number has become another one.
 */
export function checkNumbers(activity: ActivityProperties): void {
  const detail = detailOf(activity);
  for (const one of NUMBERS_OF_HEAD) checkNumber(one.kind, (activity as Message)[one.name]);
  const message = messageOf(activity, detail.name)!;
  for (const one of NUMBERS_OF_DETAIL.get(detail.name) ?? []) {
    if (one.kind === 'message')
      for (const inner of one.fields) checkNumber(inner.kind, (message[one.name] as Message | null)?.[inner.name]);
    else checkNumber(one.kind, message[one.name]);
  }
}

const NONE_KEPT: PayloadDigests = new Map();
const NO_SALT = new Uint8Array(0);

/** 0x00 || canonical encoding. */
const canonical = new CanonicalWriter();
/** salt || uvarint(detail) || uvarint(field) || value. */
const payloadBytes = new CanonicalWriter();

/** Above this a value is hashed from where it lies; below, one hash call over a copy costs less than two updates. */
const COPIED_BYTES_MAX = 64 * 1024;

type Message = Readonly<Record<string, unknown>>;

/** Fields stand in rising order of their numbers, and the detail has one of them. */
const AROUND_DETAIL: ReadonlyMap<
  CanonicalDetail,
  Readonly<Record<'before' | 'behind', readonly CanonicalField[]>>
> = new Map(
  DETAILS.map((detail) => [
    detail,
    {
      before: HEAD_FIELDS.filter(({ number }) => number < detail.number),
      behind: HEAD_FIELDS.filter(({ number }) => number > detail.number),
    },
  ]),
);

function writeCanonical(activity: ActivityProperties, agentId: string, host: string, kept: PayloadDigests): void {
  const detail = detailOf(activity);
  const { before, behind } = AROUND_DETAIL.get(detail)!;
  canonical.reset();
  payloadBytes.reset();
  setSalt(activity.salt);
  canonical.uvarint(0x00);
  canonical.uvarint(CANONICAL_VERSION);
  writeFields(before, activity as Message);
  // Two bytes of number, and nearly always two of length.
  canonical.uvarint(detail.number);
  const start = canonical.open(2);
  writeDetail(detail, messageOf(activity, detail.name)!, kept);
  canonical.close(start, 2);
  writeFields(behind, activity as Message);
  writeText(AGENT_ID_NUMBER, agentId);
  writeText(HOST_NUMBER, host);
}

function detailOf(activity: ActivityProperties): CanonicalDetail {
  let found: CanonicalDetail | undefined;
  for (const detail of DETAILS) {
    if (messageOf(activity, detail.name) === undefined) continue;
    if (found !== undefined) throw new RangeError(`an activity has both ${found.name} and ${detail.name}`);
    found = detail;
  }
  if (found === undefined) throw new RangeError('an activity has no detail that this version knows');
  return found;
}

function messageOf(activity: ActivityProperties, name: string): Message | undefined {
  return ((activity as Message)[name] ?? undefined) as Message | undefined;
}

function setSalt(salt: Uint8Array | null | undefined): void {
  payloadBytes.raw(salt ?? NO_SALT);
}

function writeDetail(detail: CanonicalDetail, message: Message, kept: PayloadDigests): void {
  for (const one of detail.fields) {
    const value = message[one.name];
    if (!one.payload) {
      writeField(one, value);
      continue;
    }
    let digest = digestOf(one, value, detail.number);
    if (digest === '' && kept.size > 0) digest = keptDigest(kept, `${detail.name}.${one.protoName}`);
    if (digest === '') continue;
    canonical.uvarint(one.number);
    canonical.uvarint(LEAF_BYTES);
    canonical.latin1(digest);
  }
}

function keptDigest(kept: PayloadDigests, name: string): string {
  const digest = kept.get(name);
  if (digest === undefined) return '';
  if (digest.length !== LEAF_BYTES) throw new RangeError(`the kept digest of ${name} has ${digest.length} bytes`);
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('latin1');
}

/** The digest of one payload value, one character a byte; '' when the value is the default and so left out. */
function digestOf(one: CanonicalField, value: unknown, detailNumber: number): string {
  if (isLeftOut(one.kind, value)) return '';
  const saltEnd = payloadBytes.at;
  payloadBytes.uvarint(detailNumber);
  payloadBytes.uvarint(one.number);
  let digest: string;
  if ((one.kind === 'text' || one.kind === 'bytes') && (value as string | Uint8Array).length > COPIED_BYTES_MAX) {
    if (typeof value === 'string' && !value.isWellFormed()) payloadBytes.wellFormed = false;
    const head = payloadBytes.bytes.subarray(0, payloadBytes.at);
    digest = createHash('sha256')
      .update(head)
      .update(value as string | Uint8Array)
      .digest('latin1');
  } else {
    writeValue(payloadBytes, one.kind, value);
    digest = payloadBytes.sha256();
  }
  payloadBytes.at = saltEnd;
  return digest;
}

function writeFields(fields: readonly CanonicalField[], message: Message): void {
  for (const one of fields) writeField(one, message[one.name]);
}

function writeField(one: CanonicalField, value: unknown): void {
  if (isLeftOut(one.kind, value)) return;
  switch (one.kind) {
    case 'text':
      canonical.uvarint(one.number);
      canonical.lengthAndText(value as string);
      return;
    case 'message': {
      const before = canonical.at;
      canonical.uvarint(one.number);
      const start = canonical.open(1);
      writeFields(one.fields, value as Message);
      // All its fields were left out, which a row cannot tell from its absence.
      if (canonical.at === start) canonical.at = before;
      else canonical.close(start, 1);
      return;
    }
    default: {
      canonical.uvarint(one.number);
      const guess = one.kind === 'map' || one.kind === 'texts' || one.kind === 'bytes' ? 2 : 1;
      const start = canonical.open(guess);
      writeValue(canonical, one.kind, value);
      canonical.close(start, guess);
    }
  }
}

function writeText(number: number, value: string): void {
  if (value === '') return;
  canonical.uvarint(number);
  canonical.lengthAndText(value);
}

function isLeftOut(kind: FieldKind, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  switch (kind) {
    case 'text':
      return value === '';
    case 'uint32':
      return value === 0;
    case 'uint64':
    case 'fixed64':
      return value === 0 || value === 0n || (typeof value === 'object' && isZero(value as Halves));
    case 'bool':
      return value === false;
    case 'bytes':
    case 'texts':
      return (value as ArrayLike<unknown>).length === 0;
    case 'map':
      // Without the list of keys that Object.keys would make.
      for (const _ in value as object) return false;
      return true;
    case 'optional-uint64':
    case 'message':
      return false;
  }
}

function isZero(value: Halves): boolean {
  return value.low === 0 && value.high === 0;
}

function writeValue(writer: CanonicalWriter, kind: FieldKind, value: unknown): void {
  switch (kind) {
    case 'text':
      writer.text(value as string);
      return;
    case 'bytes':
      writer.raw(value as Uint8Array);
      return;
    case 'uint32':
      writer.uvarint(wholeNumber(value as number, 0xffffffff));
      return;
    case 'uint64':
    case 'optional-uint64':
      writeUnsigned(writer, value as Unsigned);
      return;
    case 'fixed64':
      writeFixed64(writer, value as Unsigned);
      return;
    case 'bool':
      writer.uvarint(1);
      return;
    case 'texts':
      writer.texts(value as readonly string[]);
      return;
    case 'map':
      writer.map(value as Readonly<Record<string, string>>);
      return;
    case 'message':
      throw new RangeError('a message is written field by field');
  }
}

const KINDS_WITH_NUMBERS: ReadonlySet<FieldKind> = new Set([
  'uint32',
  'uint64',
  'optional-uint64',
  'fixed64',
  'message',
]);
const NUMBERS_OF_HEAD = HEAD_FIELDS.filter(({ kind }) => KINDS_WITH_NUMBERS.has(kind));
const NUMBERS_OF_DETAIL: ReadonlyMap<string, readonly CanonicalField[]> = new Map(
  DETAILS.map(({ name, fields }) => [name, fields.filter(({ kind }) => KINDS_WITH_NUMBERS.has(kind))]),
);

function checkNumber(kind: FieldKind, value: unknown): void {
  if (typeof value === 'number') wholeNumber(value, kind === 'uint32' ? 0xffffffff : Number.MAX_SAFE_INTEGER);
  else if (typeof value === 'bigint') wholeBigint(value);
}

function writeUnsigned(writer: CanonicalWriter, value: Unsigned): void {
  if (typeof value === 'number') writer.uvarint(wholeNumber(value, Number.MAX_SAFE_INTEGER));
  else if (typeof value === 'bigint') writer.wideUvarint(wholeBigint(value));
  else if (value.high === 0) writer.uvarint(value.low >>> 0);
  else writer.wideUvarint((BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0));
}

function writeFixed64(writer: CanonicalWriter, value: Unsigned): void {
  if (typeof value === 'object') {
    writer.fixed64(value.low, value.high);
    return;
  }
  const wide = typeof value === 'bigint' ? wholeBigint(value) : BigInt(wholeNumber(value, Number.MAX_SAFE_INTEGER));
  writer.fixed64(Number(wide & 0xffffffffn), Number(wide >> 32n));
}

function wholeNumber(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${value} is not a whole number from 0 to ${max}`);
  }
  return value;
}

function wholeBigint(value: bigint): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} does not fit 64 bits without a sign`);
  return value;
}
