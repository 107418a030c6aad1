// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIssuanceLedger, issuanceFor } from './issuance-ledger.ts';
import { createHandClock } from './testing/hand-clock.ts';

const issuance = (sessionKey: bigint, pid = 1) => ({
  holder: { pid, startNs: 1n, selectionName: 'orders', sessionKey },
  identityName: 'orders-app',
  issuedAtNs: 5n,
});
const token = (fingerprint: string, expiresAtMs: number) => ({
  fingerprint,
  expiresAtMs,
  verification: { state: 'verified' } as const,
});

test('knows to which sessions a token went, each with its first', () => {
  const clock = createHandClock();
  const ledger = createIssuanceLedger(clock);
  const shared = token('f', clock.wallMs() + 1000);
  ledger.add(shared, issuance(1n, 10));
  ledger.add(shared, issuance(1n, 11));
  ledger.add(shared, issuance(2n, 20));
  const entry = ledger.find('f');
  assert.ok(entry);
  assert.deepEqual(
    entry.issuances.map(({ holder }) => holder.pid),
    [10, 20],
  );
  assert.equal(issuanceFor(entry, issuance(2n).holder)?.holder.pid, 20);
  assert.equal(
    issuanceFor(entry, issuance(9n).holder)?.holder.pid,
    10,
    'a session that got none: the first it went to',
  );
  assert.equal(ledger.find('g'), undefined);
});

test('forgets a token an hour after it has expired, and the oldest when there are too many', () => {
  const clock = createHandClock();
  const ledger = createIssuanceLedger(clock);
  ledger.add(token('old', clock.wallMs() + 1000), issuance(1n));
  clock.advance(3_600_000);
  ledger.add(token('new', clock.wallMs() + 3_600_000), issuance(1n));
  assert.ok(ledger.find('old'));
  clock.advance(2_000);
  ledger.add(token('newer', clock.wallMs() + 3_600_000), issuance(1n));
  assert.equal(ledger.find('old'), undefined);
  for (let index = 0; index < 10_000; index += 1) ledger.add(token(`t${index}`, clock.wallMs() + 9e6), issuance(1n));
  assert.equal(ledger.size, 10_000);
  assert.equal(ledger.find('newer'), undefined);
});
