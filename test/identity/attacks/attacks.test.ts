// SPDX-License-Identifier: Apache-2.0

/** Attacks (README.md) that go with every run of the tests: some of each kind; the rest is `npm run test:identity`. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { whyNoRecording } from '../../oracle/recording/recording.ts';
import { ATTACKS } from './attacks.ts';
import type { AttackRow } from './judge.ts';
import { attackTable } from './table.ts';

const skip = whyNoRecording() || (process.getuid?.() === 0 ? false : 'a network of its own wants root');

const PLAYED = [
  'program: the right one',
  'program: mounted over the path',
  'secret: outside any workload',
  'secret: another session',
  'exec: after the connect',
  'exec: before the answer',
  'socket: handed over, an outsider sends',
  'socket: half a request each',
  'socket: the pid of who sent',
  'socket: a reader',
  'unix socket: its peer has ended',
  'namespace: network, loopback routed out',
  'crowd: 200 at once',
  'flood: idle connections, app-service',
  'theft: memory, http, another workload',
  'theft: memory, postgresql, another session',
  'theft: environment, http, another session',
  'theft: environment, postgresql, another workload',
  'theft: none, by a child',
];

describe('attacks on the broker of a real agent', { skip }, () => {
  let rows: readonly AttackRow[] = [];

  before(async () => {
    rows = (await attackTable.run(PLAYED, () => undefined)) as readonly AttackRow[];
  });

  for (const name of PLAYED) {
    const about = ATTACKS.find((attack) => attack.name === name)?.about;
    test(`${name}: ${about}`, () => {
      assert.ok(about, 'there is such an attack');
      const row = rows.find((one) => one.name === name);
      assert.equal(row?.reason, '');
      assert.equal(row.ok, true);
    });
  }
});

test('no two attacks have the same name', () => {
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length);
});
