// SPDX-License-Identifier: Apache-2.0

/** The field tables as numbers, for a writer of leaves that is not written in TypeScript: native/addon/leaf.cc. */
import { CANONICAL_VERSION } from './leaf.ts';
import {
  AGENT_ID_NUMBER,
  type CanonicalField,
  DETAILS,
  type FieldKind,
  HEAD_FIELDS,
  HOST_NUMBER,
  LEAF_NUMBER,
  SALT_NUMBER,
} from './leaf-fields.ts';

/** As FieldKind of native/addon/leaf.h: their place is their number there. */
export const FIELD_KINDS: readonly FieldKind[] = [
  'uint32',
  'uint64',
  'optional-uint64',
  'fixed64',
  'bool',
  'text',
  'bytes',
  'texts',
  'map',
  'message',
];

/**
 * Version; numbers of agent id, host, salt and leaf; fields of the head; number of details, and of each its number and
 * fields. Fields are their count, and of each number, kind, whether it is payload, and of a message its fields.
 */
export function leafTable(): Uint32Array {
  return Uint32Array.from([
    CANONICAL_VERSION,
    AGENT_ID_NUMBER,
    HOST_NUMBER,
    SALT_NUMBER,
    LEAF_NUMBER,
    ...fieldRows(HEAD_FIELDS),
    DETAILS.length,
    ...DETAILS.flatMap(({ number, fields }) => [number, ...fieldRows(fields)]),
  ]);
}

function fieldRows(fields: readonly CanonicalField[]): number[] {
  return [
    fields.length,
    ...fields.flatMap(({ number, kind, payload, fields: inner }) => [
      number,
      FIELD_KINDS.indexOf(kind),
      Number(payload),
      ...(kind === 'message' ? fieldRows(inner) : []),
    ]),
  ];
}
