// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { anyActivity, longFromBigint } from './any-activity.ts';
import { type ActivityProperties, canonicalBytes, leafInto, leafOf, payloadDigests } from './leaf.ts';
import { type CanonicalField, DETAILS, HEAD_FIELDS } from './leaf-fields.ts';
import { encodeFromJson, readVectors, recordProto } from './leaf-vectors.ts';
import { sworn } from './record.ts';

const Activity = sworn.v1.Activity;
const page = join(import.meta.dirname, '../docs/RECORD.md');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('vectors', () => {
  for (const vector of readVectors()) {
    test(vector.title, () => {
      const message = Activity.decode(Buffer.from(vector.encoded, 'hex'));
      assert.equal(Buffer.from(encodeFromJson(vector.activity)).toString('hex'), vector.encoded);
      assert.equal(canonicalBytes(message, vector.agentId, vector.host).toString('hex'), vector.canonical);
      assert.equal(leafOf(message, vector.agentId, vector.host).toString('hex'), vector.leaf);
      const leafHash = createHash('sha256').update('\0').update(Buffer.from(vector.canonical, 'hex')).digest('hex');
      assert.equal(leafHash, vector.leaf);
      const digests = [...payloadDigests(message)].map(([name, digest]) => [name, Buffer.from(digest).toString('hex')]);
      assert.deepEqual(Object.fromEntries(digests), vector.digests);
    });
  }

  test('come out the same from an implementation written from docs/RECORD.md alone', (t) => {
    const file = join(import.meta.dirname, 'leaf.vectors.json');
    const run = spawnSync('python3', [join(import.meta.dirname, 'leaf.oracle.py'), page, file], { encoding: 'utf8' });
    if (run.error !== undefined) return t.skip(`python3 is not here: ${run.error.message}`);
    assert.equal(run.status, 0, run.stderr);
    const expected = readVectors().map(({ leaf }) => `${leaf} ${leaf}`);
    assert.deepEqual(run.stdout.trim().split('\n'), expected);
  });
});

describe('the field tables', () => {
  /** What the .proto says, as rows of the same shape as ours. */
  function rowsOf(type: protobuf.Type, leaveOut: ReadonlySet<string>): unknown[] {
    return type.fieldsArray
      .filter(({ name }) => !leaveOut.has(name))
      .sort((a, b) => a.id - b.id)
      .map((declared) => [declared.id, declared.name, kindOf(declared.resolve())]);
  }

  function kindOf(declared: protobuf.Field): string {
    if (declared.map) return 'map';
    if (declared.repeated) return 'texts';
    if (declared.resolvedType instanceof protobuf.Enum) return 'uint32';
    if (declared.resolvedType instanceof protobuf.Type) return 'message';
    const optional = declared.options?.['proto3_optional'] === true ? 'optional-' : '';
    return optional + (declared.type === 'string' ? 'text' : declared.type);
  }

  function rowsOfOurs(fields: readonly CanonicalField[]): unknown[] {
    return fields.map(({ number, name, kind }) => [number, name, kind]);
  }

  const type = protobuf.loadSync(recordProto).lookupType('sworn.v1.Activity');
  const details = type.oneofs['detail']!.oneof;

  test('cover every field of the record', () => {
    assert.deepEqual(rowsOfOurs(HEAD_FIELDS), rowsOf(type, new Set([...details, 'salt', 'leaf'])));
    assert.deepEqual(
      DETAILS.map(({ number, name }) => [number, name]),
      details.map((name) => [type.fields[name]!.id, name]),
    );
    for (const detail of DETAILS) {
      const declared = type.fields[detail.name]!.resolve().resolvedType as protobuf.Type;
      assert.deepEqual(rowsOfOurs(detail.fields), rowsOf(declared, new Set()), detail.name);
      for (const { name, kind, fields } of detail.fields) {
        if (kind !== 'message') continue;
        const inner = declared.fields[name]!.resolve().resolvedType as protobuf.Type;
        assert.deepEqual(rowsOfOurs(fields), rowsOf(inner, new Set()), `${detail.name}.${name}`);
      }
    }
  });

  test('are those of docs/RECORD.md', () => {
    const sections = readFileSync(page, 'utf8').split(/^### /m);
    const rows = (section: string): unknown[] =>
      [...section.matchAll(/^\| *(\d+) *\| *(\w+) *\| *([\w-]+) *\|(?: *(payload)? *\|)?$/gm)].map((row) => [
        Number(row[1]),
        row[2],
        row[3],
        row[4] === 'payload',
      ]);
    const ours = (fields: readonly CanonicalField[]): unknown[] =>
      fields.map(({ number, protoName, kind, payload }) => [number, protoName, kind, payload]);
    const section = (title: string): string => sections.find((one) => one.startsWith(title)) ?? '';
    assert.deepEqual(rows(section('Head')), [...ours(HEAD_FIELDS), [61, 'host', 'text', false]]);
    for (const { number, name, fields } of DETAILS) {
      const account = fields.find(({ kind }) => kind === 'message')?.fields ?? [];
      assert.deepEqual(rows(section(`Detail ${number}: ${name}`)), [...ours(fields), ...ours(account)], name);
    }
  });
});

describe('leaf', () => {
  test('is the same for what was encoded and decoded again', () => {
    fc.assert(
      fc.property(anyActivity, (activity) => {
        const decoded = Activity.decode(Activity.encode(activity).finish());
        assert.deepEqual(canonicalBytes(decoded, 'a', 'h'), canonicalBytes(activity, 'a', 'h'));
      }),
      { numRuns: 1000 },
    );
  });

  test('survives the erasure of payload and salt when the digests are kept', () => {
    fc.assert(
      fc.property(anyActivity, (activity) => {
        const erased = eraseAll(activity);
        assert.deepEqual(leafOf(erased, 'a', 'h', payloadDigests(activity)), leafOf(activity, 'a', 'h'));
        if (payloadDigests(activity).size > 0)
          assert.notDeepEqual(leafOf(erased, 'a', 'h'), leafOf(activity, 'a', 'h'));
      }),
      { numRuns: 500 },
    );
  });

  test('binds every field: changed or left out, it gives another leaf', () => {
    const values: Record<CanonicalField['kind'], readonly [unknown, unknown]> = {
      uint32: [1, 2],
      uint64: [300, longFromBigint(2n ** 60n)],
      'optional-uint64': [0, 1],
      fixed64: [longFromBigint(2n ** 60n), longFromBigint(2n ** 60n + 1n)],
      bool: [true, false],
      text: ['a', 'b'],
      bytes: [text('a'), text('b')],
      texts: [['a', 'b'], ['ab']],
      map: [
        { a: 'b', c: '' },
        { a: '', c: 'b' },
      ],
      message: [undefined, undefined],
    };
    const filled = (fields: readonly CanonicalField[]): Record<string, unknown> =>
      Object.fromEntries(fields.map((f) => [f.name, f.kind === 'message' ? filled(f.fields) : values[f.kind][0]]));
    const changesOf = (fields: readonly CanonicalField[], whole: Record<string, unknown>): Record<string, unknown>[] =>
      fields.flatMap((f): Record<string, unknown>[] => {
        if (f.kind === 'message')
          return changesOf(f.fields, filled(f.fields)).map((one) => ({ ...whole, [f.name]: one }));
        const changed = f.kind === 'bool' ? [] : [{ ...whole, [f.name]: values[f.kind][1] }];
        return [...changed, { ...whole, [f.name]: undefined }];
      });
    const leaves = new Set<string>();
    let count = 0;
    for (const { name, fields } of DETAILS) {
      const head = filled(HEAD_FIELDS);
      const detail = filled(fields);
      const changed = [
        { ...head, [name]: detail },
        { ...head, [name]: {} },
        ...changesOf(HEAD_FIELDS, head).map((one) => ({ ...one, [name]: detail })),
        ...changesOf(fields, detail).map((one) => ({ ...head, [name]: one })),
      ];
      for (const activity of changed) leaves.add(leafOf({ ...activity, salt: null }, 'a', 'h').toString('hex'));
      count += changed.length;
    }
    assert.equal(leaves.size, count);
  });

  test('binds agent and host', () => {
    const activity = { seq: 1, loss: { where: 'ring' } };
    const leaves = [leafOf(activity, 'a', 'h'), leafOf(activity, 'b', 'h'), leafOf(activity, 'a', 'g')];
    assert.equal(new Set(leaves.map((leaf) => leaf.toString('hex'))).size, 3);
  });

  test('is the same whether a payload is hashed in place or over a copy', () => {
    for (const size of [65_535, 65_536, 65_537, 3_000_000]) {
      const salt = new Uint8Array(16).fill(7);
      const activity = { command: { statement: 'é'.repeat(size), request: new Uint8Array(size).fill(1) }, salt };
      const head = (number: number) => createHash('sha256').update(salt).update(Uint8Array.of(20, number));
      const digests = payloadDigests(activity);
      assert.deepEqual(digests.get('command.statement'), head(5).update('é'.repeat(size)).digest());
      assert.deepEqual(digests.get('command.request'), head(8).update(activity.command.request).digest());
    }
  });

  test('takes bigint for 64-bit numbers, as a row gives them', () => {
    const timeNs = 1_790_000_000_123_456_789n;
    const asHalves = { timeNs: longFromBigint(timeNs), loss: { events: 2 ** 40 } } as ActivityProperties;
    const asBigint = { timeNs, loss: { events: 2n ** 40n } } as unknown as ActivityProperties;
    assert.deepEqual(leafOf(asBigint, 'a', 'h'), leafOf(asHalves, 'a', 'h'));
  });

  test('says when a text held a lone surrogate', () => {
    const target = Buffer.alloc(32);
    const sealed = (statement: string, exe: string) => leafInto(target, 0, { exe, command: { statement } }, 'a', 'h');
    assert.equal(sealed('ok 😀', 'é'), true);
    assert.equal(sealed('cut \ud83d', 'é'), false);
    assert.equal(sealed('ok', '/bin/\udc00'), false);
    assert.equal(sealed(`${'x'.repeat(100_000)}\ud83d`, ''), false);
    assert.equal(sealed('ok again', ''), true);
  });

  test('refuses numbers that have no canonical form', () => {
    for (const pid of [-1, 1.5, Number.NaN, 2 ** 32]) {
      assert.throws(() => leafOf({ pid, loss: {} }, 'a', 'h'), RangeError, `${pid}`);
    }
    for (const events of [-1, 0.5, 2 ** 53, Number.POSITIVE_INFINITY]) {
      assert.throws(() => leafOf({ loss: { events } }, 'a', 'h'), RangeError, `${events}`);
    }
  });

  test('refuses an activity without a detail, or with two', () => {
    assert.throws(() => leafOf({ seq: 1 }, 'a', 'h'), /no detail/);
    assert.throws(() => leafOf({ seq: 1, loss: {}, alert: {} }, 'a', 'h'), /both loss and alert/);
  });

  test('is not disturbed by what was sealed before, however large', () => {
    const small = { seq: 1, command: { statement: 'select 1' }, salt: text('0123456789abcdef') };
    const before = leafOf(small, 'a', 'h');
    leafOf({ seq: 2, exe: 'x'.repeat(5_000_000), command: { attributes: { big: 'y'.repeat(3_000_000) } } }, 'a', 'h');
    assert.deepEqual(leafOf(small, 'a', 'h'), before);
  });
});

function eraseAll(activity: ActivityProperties): ActivityProperties {
  const detail = DETAILS.find(({ name }) => (activity as Record<string, unknown>)[name] !== undefined)!;
  const message = { ...(activity as Record<string, Record<string, unknown>>)[detail.name] };
  for (const { name, payload } of detail.fields) if (payload) delete message[name];
  return { ...activity, [detail.name]: message, salt: null };
}
