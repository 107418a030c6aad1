// SPDX-License-Identifier: Apache-2.0

/** Leaves and chains of the addon against those of proto/leaf.ts, and what it refuses. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { sampleCommand } from '../../agent/journal/sample-activities.ts';
import { Sealer } from '../../agent/journal/sealer.ts';
import { type LeafWriter, loadAddon } from '../../agent/source/ebpf/addon.ts';
import { anyActivity } from '../../proto/any-activity.ts';
import { type ActivityProperties, checkNumbers, leafOf } from '../../proto/leaf.ts';
import { leafTable } from '../../proto/leaf-table.ts';
import { readVectors } from '../../proto/leaf-vectors.ts';
import { sworn } from '../../proto/record.ts';

const { Activity } = sworn.v1;
const SALT = Buffer.alloc(16, 5);
const addon = loadAddon();
const writer = (agentId = 'agent', host = 'höst'): LeafWriter => new addon.LeafWriter(leafTable(), agentId, host);

/** Encoded, with room for a leaf at its end. */
function encoded(activity: ActivityProperties): Buffer {
  return Buffer.from(Activity.encode({ salt: SALT, ...activity, leaf: Buffer.alloc(32, 9) }).finish());
}

const leafAt = (bytes: Buffer): Buffer => bytes.subarray(bytes.length - 32);

test('the leaves of the vectors', () => {
  let written = 0;
  for (const { encoded: hex, agentId, host, leaf, title } of readVectors()) {
    const activity = Activity.decode(Buffer.from(hex, 'hex'));
    const bytes = encoded(activity);
    if (!writer(agentId, host).writeInto(bytes, bytes.length)) continue;
    assert.equal(leafAt(bytes).toString('hex'), leaf, title);
    written++;
  }
  assert.ok(written > 5, `${written} of ${readVectors().length} were written`);
});

test('whatever an activity holds, its leaf is that of proto/leaf.ts, or is left to it for a text that may be another', () => {
  const native = writer();
  let written = 0;
  fc.assert(
    fc.property(anyActivity, (activity) => {
      const bytes = encoded(activity);
      if (native.writeInto(bytes, bytes.length)) {
        assert.deepEqual(leafAt(bytes), leafOf(activity, 'agent', 'höst'));
        written++;
      } else {
        assert.deepEqual(leafAt(bytes), Buffer.alloc(32, 9), 'nothing was written');
        assert.match(JSON.stringify(activity), /\ufffd|\\ud[89a-f]/);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(written > 1000, `${written} were written`);
});

test('large payloads, also of characters of several bytes', () => {
  const native = writer();
  for (const statement of ['x'.repeat(3_000_000), 'é😀'.repeat(500_000)]) {
    const activity = { command: { statement, request: Buffer.alloc(2_000_000, 7) }, salt: SALT };
    const bytes = encoded(activity);
    assert.ok(native.writeInto(bytes, bytes.length));
    assert.deepEqual(leafAt(bytes), leafOf(activity, 'agent', 'höst'));
  }
});

test('what was no Unicode is left to others, wherever it stands', () => {
  const native = writer();
  for (const text of ['cut \ud83d', '\udc00', 'short \ufffd', `${'x'.repeat(100)}\ud83d`]) {
    const holders: ActivityProperties[] = [
      { exe: text, loss: {} },
      { loss: { message: text } },
      { command: { statement: text } },
      { command: { attributes: { a: text } } },
      { command: { attributes: { [text]: 'a' } } },
      { process: { argv: ['a', text] } },
    ];
    for (const activity of holders) {
      const bytes = encoded(activity);
      assert.equal(native.writeInto(bytes, bytes.length), false, JSON.stringify(activity));
    }
  }
});

test('damaged, it is refused, or is what its decoding says', () => {
  const native = writer();
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyActivity, damage, fc.nat({ max: 40 }), (activity, changes, shorter) => {
      const whole = encoded(activity);
      for (const [at, byte] of changes) whole[at % (whole.length - 33)] = byte;
      const bytes = Buffer.from(whole.subarray(Math.min(shorter, whole.length)));
      if (!native.writeInto(bytes, bytes.length)) return;
      assert.deepEqual(leafAt(bytes), leafOf(Activity.decode(bytes), 'agent', 'höst'));
    }),
    { numRuns: 5000 },
  );
});

test('wrong arguments are errors that say so', () => {
  const native = writer();
  const bytes = Buffer.alloc(64);
  assert.throws(() => native.writeInto(bytes, 65), RangeError);
  assert.throws(() => native.writeInto(bytes, -1), RangeError);
  assert.throws(() => native.writeInto('x' as never, 1), TypeError);
  assert.throws(() => native.chain(Buffer.alloc(31), bytes, 64), RangeError);
  assert.throws(() => native.chain(Buffer.alloc(32), bytes, 31), RangeError);
  assert.throws(() => new addon.LeafWriter(leafTable().subarray(0, 20), 'a', 'h'), RangeError);
  assert.throws(() => new addon.LeafWriter(Uint32Array.of(...leafTable(), 1), 'a', 'h'), RangeError);
  assert.throws(() => new addon.LeafWriter('' as never, 'a', 'h'), TypeError);
  for (const length of [0, 1, 32, 33, 34, 64]) assert.equal(native.writeInto(Buffer.alloc(64, 255), length), false);
});

test('the chain goes on by the leaf at the end', () => {
  const chain = Buffer.alloc(32, 1);
  const bytes = Buffer.alloc(70, 2);
  const expected = createHash('sha256').update(chain).update(bytes.subarray(38)).digest();
  writer().chain(chain, bytes, 70);
  assert.deepEqual(chain, expected);
});

test('a journal seals with it, also what it leaves to others, and counts what was repaired', () => {
  const chain = Buffer.alloc(32, 3);
  const sealer = new Sealer('agent', 'höst', chain, writer());
  let expected = Buffer.from(chain);
  for (const statement of ['select 1', 'cut \ud83d', 'replaced \ufffd', 'select 2']) {
    const bytes = Buffer.alloc(sealer.seal(sampleCommand(1, { statement }), 1));
    sealer.copyInto(bytes, 0);
    sealer.accept();
    const sealed = Activity.decode(bytes);
    assert.equal(sealed.command?.statement, statement.toWellFormed());
    assert.deepEqual(Buffer.from(sealed.leaf), leafOf(sealed, 'agent', 'höst'));
    expected = createHash('sha256').update(expected).update(sealed.leaf).digest();
    assert.deepEqual(Buffer.from(sealer.chain), expected);
  }
  assert.equal(sealer.repairedTexts, 1);
});

test('numbers that have no place in the record are told before they become others', () => {
  for (const pid of [-1, 1.5, Number.NaN, 2 ** 32]) assert.throws(() => checkNumbers({ pid, loss: {} }), RangeError);
  for (const events of [-1, 0.5, 2 ** 53]) assert.throws(() => checkNumbers({ loss: { events } }), RangeError);
  const moved = { connection: { sent: { moved: -1 } } };
  assert.throws(() => checkNumbers(moved), RangeError);
  checkNumbers({ pid: 2 ** 32 - 1, connection: { sent: { moved: 2 ** 53 - 1 }, received: null } });
});
