// SPDX-License-Identifier: Apache-2.0

/** A part of the tamper suite: something of each kind, and records that nobody touched. All of it: npm run test:tamper. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { chosenCases, runSuite } from './run-suite.ts';
import type { TamperResult } from './suite.ts';

const ONLY = [
  'refused: altered',
  'altered: only the leaf',
  'removed: rows across a checkpoint',
  'inserted: another row under a number',
  'swapped: two rows of two agents',
  'replayed: a row in the place of another',
  'cut_tail: of a host that is gone',
  'rewritten: rows with leaves made anew',
  'payload_edited: the statement',
  'digest_missing: the digests',
  'partition_dropped: a day in the middle',
  'checkpoint_missing: all',
  'signed by the collector and a key',
  'journal: nobody did anything',
  'journal: entries that were not delivered written anew',
  'state: all of it as it was when less',
];

describe('tampering', () => {
  const results = new Map<string, TamperResult>();
  const cases = chosenCases({ only: ONLY, who: [] });
  before(async () => {
    for (const result of await runSuite(cases, () => {})) results.set(result.name, result);
  });

  for (const { name } of cases) {
    it(`is found and named, or known as a limit: ${name}`, () => {
      const result = results.get(name);
      assert.deepEqual(result?.found.toSorted(), (result?.expected ?? result?.found)?.toSorted());
      assert.equal(result?.ok, true);
    });
  }

  it('has a case for each kind that an audit names', () => {
    const names = chosenCases({ only: [], who: [] }).map(({ name }) => name);
    for (const kind of [
      'altered',
      'removed',
      'inserted',
      'swapped',
      'replayed',
      'cut_tail',
      'rewritten',
      'payload_edited',
      'digest_missing',
      'partition_dropped',
      'forked',
      'key_changed',
      'wrong_root',
      'bad_signature',
      'checkpoint_missing',
    ]) {
      assert.ok(
        names.some((name) => name.startsWith(kind)),
        kind,
      );
    }
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.filter((name) => name.startsWith('clean')).length >= 20);
  });
});
