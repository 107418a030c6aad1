// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenEvent } from '../broker/token-event.ts';
import { bigintFromUint64, IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import { tokenActivity } from './token-activity.ts';

const EVENT: TokenEvent = {
  action: TokenAction.ISSUED,
  startedAtNs: 1_790_000_000_000_000_001n,
  endedAtNs: 1_790_000_000_000_000_002n,
  fingerprint: 'f'.repeat(64),
  tokenId: 'uti',
  claims: { aud: 'a', roles: ['r'] },
  audience: 'a',
  tenantId: 't',
  issuedAtNs: 3n,
  expiresAtNs: 4n,
  interface: 'app-service',
  reason: '',
  suspicious: false,
  caller: { pid: 9, startNs: 5n, selectionName: 'w', sessionKey: 7n },
  identityId: 'id',
  identityName: 'agent',
  identityState: IdentityState.VERIFIED,
  identitySource: IdentitySource.BROKER,
  issuance: undefined,
  count: 1,
};

test('a token is told with whose it is and what it says', () => {
  const built = tokenActivity(EVENT, undefined, undefined, 'process-1');
  assert.ok(built.detail === 'token');
  assert.equal(bigintFromUint64(built.timeNs), EVENT.startedAtNs);
  assert.equal(bigintFromUint64(built.endTimeNs), EVENT.endedAtNs);
  assert.equal(built.workload, 'w', 'the selection says it before the session is known');
  assert.deepEqual([built.pid, built.processId, built.identityId, built.tokenId], [9, 'process-1', 'id', 'uti']);
  assert.equal(built.token.claims, '{"aud":"a","roles":["r"]}');
  assert.equal(built.token.reason, '');
  assert.equal(bigintFromUint64(built.token.expiresAtNs), 4n);
});

test('a request of nobody is a line all the same', () => {
  const built = tokenActivity({ ...EVENT, caller: undefined }, undefined, undefined, '');
  assert.deepEqual([built.pid, built.processId, built.workload, built.sessionId], [0, '', '', '']);
});

test('refusals that were counted together are one line that says how many', () => {
  const refused = { ...EVENT, action: TokenAction.REFUSED, reason: 'too_many_requests' as const };
  const reasonOf = (count: number): string => {
    const built = tokenActivity({ ...refused, count }, undefined, undefined, '');
    assert.ok(built.detail === 'token');
    return built.token.reason;
  };
  assert.equal(reasonOf(1), 'too_many_requests');
  assert.equal(reasonOf(12), 'too_many_requests (12 times)');
});
