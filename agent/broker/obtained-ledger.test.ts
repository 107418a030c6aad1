// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createObtainedLedger, TOKENS_OF_SESSION_MAX } from './obtained-ledger.ts';
import { createHandClock } from './testing/hand-clock.ts';

const HOUR = 3_600_000;
const by = (sessionKey: bigint, from = '10.0.0.1:443') => ({
  holder: { pid: 1, startNs: 1n, selectionName: 'orders', sessionKey },
  from,
  atNs: 5n,
});

test('knows which sessions obtained a token, the first one first, each once', () => {
  const clock = createHandClock();
  const counts = { obtainedDropped: 0 };
  const ledger = createObtainedLedger(clock, counts);
  const token = { fingerprint: 'f', expiresAtMs: clock.wallMs() + HOUR };
  assert.deepEqual(
    [ledger.add(token, by(2n)), ledger.add(token, by(1n)), ledger.add(token, by(2n))],
    [true, true, false],
  );
  assert.deepEqual(
    ledger.find('f').map(({ holder }) => holder.sessionKey),
    [2n, 1n],
  );
  assert.deepEqual(ledger.find('g'), []);
});

test('one session that obtains without end loses its own oldest, and nobody else’s', () => {
  const clock = createHandClock();
  const counts = { obtainedDropped: 0 };
  const ledger = createObtainedLedger(clock, counts);
  const token = (fingerprint: string) => ({ fingerprint, expiresAtMs: clock.wallMs() + HOUR });
  ledger.add(token('other'), by(1n));
  ledger.add(token('shared'), by(1n));
  ledger.add(token('shared'), by(2n));
  for (let index = 0; index < TOKENS_OF_SESSION_MAX; index += 1) ledger.add(token(`t${index}`), by(2n));
  assert.deepEqual(
    ledger.find('shared').map(({ holder }) => holder.sessionKey),
    [1n],
  );
  assert.equal(ledger.find('other').length, 1);
  assert.equal(counts.obtainedDropped, 1);
  for (let session = 10n; session < 25n; session += 1n) {
    for (let index = 0; index < TOKENS_OF_SESSION_MAX; index += 1)
      ledger.add(token(`${session} ${index}`), by(session));
  }
  assert.equal(ledger.size, 10_000);
  assert.ok(counts.obtainedDropped > 5000, 'and all of it is counted');
});

test('forgets a token an hour after its end, and does not believe in an end that is far away', () => {
  const clock = createHandClock();
  const counts = { obtainedDropped: 0 };
  const ledger = createObtainedLedger(clock, counts);
  ledger.add({ fingerprint: 'short', expiresAtMs: clock.wallMs() + 1000 }, by(1n));
  ledger.add({ fingerprint: 'forever', expiresAtMs: Number.MAX_SAFE_INTEGER }, by(1n));
  clock.advance(HOUR + 2000);
  ledger.add({ fingerprint: 'x', expiresAtMs: clock.wallMs() + HOUR }, by(1n));
  assert.deepEqual([ledger.find('short').length, ledger.find('forever').length], [0, 1]);
  clock.advance(48 * HOUR);
  ledger.add({ fingerprint: 'y', expiresAtMs: clock.wallMs() + HOUR }, by(1n));
  assert.equal(ledger.find('forever').length, 0);
  assert.equal(counts.obtainedDropped, 0, 'what has expired is not missed');
});
