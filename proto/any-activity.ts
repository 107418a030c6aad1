// SPDX-License-Identifier: Apache-2.0

import fc from 'fast-check';
import type { ActivityProperties } from './leaf.ts';
import { type CanonicalField, DETAILS, HEAD_FIELDS } from './leaf-fields.ts';

/** Activities of every kind, with whatever each field can hold. */
export const anyActivity: fc.Arbitrary<ActivityProperties> = (() => {
  const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.constant(''), fc.constant('\ufeffx'));
  const wide = fc.oneof(fc.maxSafeNat(), fc.constant(0), fc.bigInt(0n, 2n ** 64n - 1n).map(longFromBigint));
  const byKind: Record<CanonicalField['kind'], fc.Arbitrary<unknown>> = {
    uint32: fc.nat({ max: 5 }),
    uint64: wide,
    'optional-uint64': fc.option(wide, { nil: undefined }),
    fixed64: wide,
    bool: fc.boolean(),
    text: anyText,
    bytes: fc.uint8Array({ maxLength: 300 }),
    texts: fc.array(anyText, { maxLength: 5 }),
    map: fc.dictionary(anyText, anyText, { maxKeys: 5, noNullPrototype: true }),
    message: fc.constant(undefined),
  };
  const messageOf = (fields: readonly CanonicalField[]): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(
      Object.fromEntries(
        fields.map(({ name, kind, fields: inner }) => [name, kind === 'message' ? messageOf(inner) : byKind[kind]]),
      ),
      { requiredKeys: [] },
    );
  return fc
    .tuple(
      messageOf(HEAD_FIELDS),
      fc.oneof(...DETAILS.map(({ name, fields }) => messageOf(fields).map((detail) => ({ [name]: detail })))),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    .map(([head, detail, salt]) => ({ ...head, ...detail, salt }) as ActivityProperties);
})();

/** A 64-bit number as protobuf decoders give it. */
export function longFromBigint(value: bigint): unknown {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: true };
}
