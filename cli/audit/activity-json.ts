// SPDX-License-Identifier: Apache-2.0

/**
 * An activity as JSON, in protobuf's standard form: camelCase names, 64-bit numbers as decimal text, bytes as base64, enums
 * by number. What is empty is left out. Pure: for proofs that are checked where there is nothing but a file.
 *
 * Errors   RangeError for JSON that is no activity: it comes from outside
 */
import type { ActivityProperties } from '../../proto/leaf.ts';
import { type CanonicalField, DETAILS, HEAD_FIELDS } from '../../proto/leaf-fields.ts';

export type JsonObject = { readonly [name: string]: unknown };
type Long = { readonly low: number; readonly high: number; readonly unsigned: true };

/** A 64-bit number as protobufjs takes it. */
export function longOf(value: bigint): Long {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: true };
}

function wideOf(value: unknown): bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value);
  const { low, high } = value as Long;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

export function activityToJson(activity: ActivityProperties): JsonObject {
  const json = messageToJson(HEAD_FIELDS, activity as JsonObject);
  for (const { name, fields } of DETAILS) {
    const detail = (activity as JsonObject)[name];
    if (detail != null) json[name] = messageToJson(fields, detail as JsonObject);
  }
  if (activity.salt != null && activity.salt.length > 0) json['salt'] = Buffer.from(activity.salt).toString('base64');
  return json;
}

function messageToJson(fields: readonly CanonicalField[], message: JsonObject): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const field of fields) {
    const value = valueToJson(field, message[field.name]);
    if (value !== undefined) json[field.name] = value;
  }
  return json;
}

function valueToJson(field: CanonicalField, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  switch (field.kind) {
    case 'uint64':
    case 'fixed64':
      return wideOf(value) === 0n ? undefined : String(wideOf(value));
    case 'optional-uint64':
      return String(wideOf(value));
    case 'bytes':
      return (value as Uint8Array).length === 0 ? undefined : Buffer.from(value as Uint8Array).toString('base64');
    case 'message': {
      const inner = messageToJson(field.fields, value as JsonObject);
      return Object.keys(inner).length === 0 ? undefined : inner;
    }
    case 'texts':
      return (value as readonly string[]).length === 0 ? undefined : value;
    case 'map':
      return Object.keys(value as object).length === 0 ? undefined : value;
    default:
      return value === '' || value === 0 || value === false ? undefined : value;
  }
}

export function activityFromJson(json: unknown): ActivityProperties {
  const object = objectOf(json, 'the activity');
  const details = DETAILS.filter(({ name }) => object[name] !== undefined);
  const [detail, other] = details;
  if (detail === undefined || other !== undefined) throw new RangeError('an activity has exactly one detail');
  const known = new Set([...HEAD_FIELDS.map(({ name }) => name), detail.name, 'salt']);
  refuseUnknown(object, known);
  return {
    ...messageFromJson(HEAD_FIELDS, object),
    [detail.name]: messageFromJson(detail.fields, objectOf(object[detail.name], detail.name), true),
    salt: object['salt'] === undefined ? Buffer.alloc(0) : base64Of(object['salt'], 'salt'),
  } as ActivityProperties;
}

function messageFromJson(fields: readonly CanonicalField[], json: JsonObject, isAll = false): Record<string, unknown> {
  if (isAll) refuseUnknown(json, new Set(fields.map(({ name }) => name)));
  return Object.fromEntries(
    fields
      .filter(({ name }) => json[name] !== undefined)
      .map((field) => [field.name, valueFromJson(field, json[field.name])]),
  );
}

function valueFromJson({ kind, name, fields }: CanonicalField, value: unknown): unknown {
  const is = (right: boolean): void => {
    if (!right) throw new RangeError(`${name} is not what its kind says`);
  };
  switch (kind) {
    case 'text':
      is(typeof value === 'string' && value.isWellFormed());
      return value;
    case 'bool':
      is(typeof value === 'boolean');
      return value;
    case 'uint32':
      is(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff);
      return value;
    case 'uint64':
    case 'optional-uint64':
    case 'fixed64': {
      is(typeof value === 'string' && /^(0|[1-9]\d{0,19})$/.test(value) && BigInt(value) < 1n << 64n);
      return longOf(BigInt(value as string));
    }
    case 'bytes':
      return base64Of(value, name);
    case 'texts':
      is(Array.isArray(value) && value.every((one) => typeof one === 'string' && one.isWellFormed()));
      return value;
    case 'map': {
      const entries = Object.entries(objectOf(value, name));
      is(entries.every(([key, one]) => key.isWellFormed() && typeof one === 'string' && one.isWellFormed()));
      return value;
    }
    case 'message':
      return messageFromJson(fields, objectOf(value, name), true);
  }
}

/** What is not known would be shown, and bound by nothing. */
function refuseUnknown(json: JsonObject, known: ReadonlySet<string>): void {
  const unknown = Object.keys(json).find((name) => !known.has(name));
  if (unknown !== undefined) throw new RangeError(`an activity has no field ${JSON.stringify(unknown)}`);
}

export function objectOf(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RangeError(`${name} is no object`);
  return value as JsonObject;
}

export function base64Of(value: unknown, name: string): Buffer {
  const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64');
  if (typeof value !== 'string' || bytes.toString('base64') !== value) throw new RangeError(`${name} is no base64`);
  return bytes;
}
