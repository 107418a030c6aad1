// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sworn } from '../../proto/record.ts';
import * as model from './activity.ts';

/** The generated type, with our halves where it wants its own class of 64-bit numbers and with readonly lists. */
type Wire<T> = T extends string | boolean | Uint8Array | null | undefined
  ? T
  : T extends number
    ? number
    : T extends { toBigInt(): bigint }
      ? model.Uint64
      : T extends readonly (infer E)[]
        ? readonly Wire<E>[]
        : { readonly [K in keyof T]: Wire<T[K]> };

/** Does not compile when a field of the model is not one of the record, or of another type. */
type Known<Ours, Theirs> = { readonly [K in keyof Ours]: K extends keyof Theirs ? Theirs[K] : never };
type Checked<K extends model.DetailKind> =
  model.ActivityOf<K>[K] extends Known<model.ActivityOf<K>[K], Wire<NonNullable<sworn.v1.Activity.$Properties[K]>>>
    ? true
    : never;
const headIsKnown: model.ActivityHead extends Known<model.ActivityHead, Wire<sworn.v1.Activity.$Properties>>
  ? true
  : never = true;
const detailsAreKnown: { [K in model.DetailKind]: Checked<K> } = {
  command: true,
  process: true,
  connection: true,
  token: true,
  loss: true,
  session: true,
  recorder: true,
  alert: true,
  finding: true,
  terminal: true,
};

test('the types are those of the record', () => {
  assert.ok(headIsKnown && Object.values(detailsAreKnown).every(Boolean));
});

test('the words of enums have the numbers of the record', () => {
  const pairs: readonly [Readonly<Record<string, number>>, Readonly<Record<string, string | number>>, string][] = [
    [model.IdentityState, sworn.v1.IdentityState, 'IDENTITY_STATE_'],
    [model.IdentitySource, sworn.v1.IdentitySource, 'IDENTITY_SOURCE_'],
    [model.Status, sworn.v1.Status, 'STATUS_'],
    [model.Role, sworn.v1.Role, 'ROLE_'],
    [model.ProcessAction, sworn.v1.Process.Action, 'ACTION_'],
    [model.ConnectionAction, sworn.v1.Connection.Action, 'ACTION_'],
    [model.TokenAction, sworn.v1.Token.Action, 'ACTION_'],
    [model.SessionAction, sworn.v1.Session.Action, 'ACTION_'],
    [model.RecorderAction, sworn.v1.Recorder.Action, 'ACTION_'],
  ];
  for (const [ours, theirs, prefix] of pairs) {
    const named = Object.entries(theirs).filter(([name]) => name.startsWith(prefix) && !name.endsWith('UNSPECIFIED'));
    const withoutUnspecified = Object.entries(ours).filter(([name]) => name !== 'UNSPECIFIED');
    assert.deepEqual(
      withoutUnspecified,
      named.map(([name, number]) => [name.slice(prefix.length), number]),
      prefix,
    );
  }
});

test('times keep every nanosecond through the record', () => {
  for (const ns of [0n, 1n, 0xffffffffn, 0x80000000n, 1_790_000_000_123_456_789n, 2n ** 63n, 2n ** 64n - 1n]) {
    const activity = { timeNs: model.uint64FromBigint(ns) } as unknown as sworn.v1.Activity.$Properties;
    const decoded = sworn.v1.Activity.decode(sworn.v1.Activity.encode(activity).finish());
    assert.equal(model.bigintFromUint64(decoded.timeNs as unknown as model.Uint64), ns);
  }
});
