// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenEvent } from '../broker/token-event.ts';
import { bigintFromUint64, IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import { tokenActivity } from './token-activity.ts';
import { tokenBinding } from './token-binding.ts';

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
  const built = tokenActivity(EVENT, tokenBinding(EVENT), undefined, undefined, 'process-1');
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
  const built = tokenActivity({ ...EVENT, caller: undefined }, tokenBinding(EVENT), undefined, undefined, '');
  assert.deepEqual([built.pid, built.processId, built.workload, built.sessionId], [0, '', '', '']);
});

test('refusals that were counted together are one line that says how many', () => {
  const refused = { ...EVENT, action: TokenAction.REFUSED, reason: 'too_many_requests' as const };
  const told = (count: number): readonly [string, number] => {
    const built = tokenActivity({ ...refused, count }, tokenBinding(refused), undefined, undefined, '');
    assert.ok(built.detail === 'token');
    return [built.token.reason, built.token.count];
  };
  assert.deepEqual(told(1), ['too_many_requests', 0]);
  assert.deepEqual(told(12), ['too_many_requests', 12]);
});

test('a token that is used says whom it was given to, by which policy, and what asked', () => {
  const event = {
    ...EVENT,
    action: TokenAction.OBSERVED,
    suspicious: true,
    tokenKind: 'jwt',
    policy: 'p',
    exeSha256: 'e'.repeat(64),
  } as const;
  const holder = { sessionId: 'session-2', processId: 'process-2' };
  const built = tokenActivity(event, tokenBinding(event), undefined, undefined, 'process-1', holder);
  assert.ok(built.detail === 'token');
  const { suspicious, holderSessionId, holderProcessId, kind, policy, exeSha256 } = built.token;
  assert.deepEqual([suspicious, holderSessionId, holderProcessId], [true, 'session-2', 'process-2']);
  assert.deepEqual([kind, policy, exeSha256], ['jwt', 'p', 'e'.repeat(64)]);
});

test('of a token on behalf of a human the agent acts, and the human is named as such', () => {
  const claims = {
    tid: 't',
    azp: 'agent',
    oid: 'human',
    upn: 'ada@contoso.example',
    idtyp: 'user',
    azpacr: '2',
    scp: 'b a',
  };
  // The broker goes by `oid`, which is the human's here.
  const event = { ...EVENT, claims, identityId: 'human' };
  const built = tokenActivity(
    event,
    tokenBinding(event, (name) => `object-of-${name}`),
    undefined,
    undefined,
    '',
  );
  assert.deepEqual(
    [built.identityId, built.identityName, built.onBehalfOfId, built.onBehalfOfName, built.tokenScopes],
    ['object-of-agent', 'agent', 'human', 'ada@contoso.example', 'a b'],
  );
  assert.equal(tokenBinding(event).identityId, 'agent', 'the client id, where no object id is configured');
});
