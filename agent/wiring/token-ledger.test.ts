// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { TokenEvent } from '../broker/token-event.ts';
import { bindingAt } from '../lineage/session.ts';
import { IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import { NO_IDENTITY } from '../model/identity.ts';
import type { KernelEvent } from '../model/kernel-event.ts';
import { EPOCH_UNIX_NS, StagedRecorder } from '../recorder/testing/staged-recorder.ts';
import { TokenLedger } from './token-ledger.ts';

const KEY = 7n;
const PROCESS = { pid: 100, startNs: 5n };

function event(about: Partial<TokenEvent> = {}): TokenEvent {
  return {
    action: TokenAction.ISSUED,
    startedAtNs: EPOCH_UNIX_NS + 2000n,
    endedAtNs: EPOCH_UNIX_NS + 2100n,
    fingerprint: 'f'.repeat(64),
    tokenId: 'uti',
    claims: { aud: 'a' },
    audience: 'a',
    tenantId: 't',
    issuedAtNs: 0n,
    expiresAtNs: 0n,
    interface: 'app-service',
    reason: '',
    suspicious: false,
    caller: { ...PROCESS, selectionName: 'w', sessionKey: KEY },
    identityId: 'proven',
    identityName: 'agent',
    identityState: IdentityState.VERIFIED,
    identitySource: IdentitySource.BROKER,
    issuance: undefined,
    count: 1,
    ...about,
  };
}

const process: KernelEvent = {
  type: 'process-executed',
  atNs: 500,
  process: PROCESS,
  parent: { pid: 1, startNs: 0n },
  scope: { selectionId: 1, sessionKey: KEY },
  program: {
    exe: '/bin/x',
    cwd: '/',
    cgroup: '/',
    argv: ['x'],
    argvBytes: 2,
    argvComplete: true,
    uid: 1,
    gid: 1,
    loginUid: 1,
  },
};
const exit: KernelEvent = {
  ...process,
  type: 'process-exited',
  atNs: 9000,
  exitCode: 0,
  signal: 0,
  coreDumped: false,
  statusKnown: true,
};

const clock = {
  toUnixNs: (atNs: number) => EPOCH_UNIX_NS + BigInt(atNs),
  fromUnixNs: (unixNs: bigint) => Number(unixNs - EPOCH_UNIX_NS),
  now: () => 0,
};

function staged(): { stage: StagedRecorder; ledger: TokenLedger } {
  const stage = new StagedRecorder({ onSessionStarted: (session) => ledger.sessionStarted(session) });
  const ledger = new TokenLedger(clock, stage.recorder, stage.builder);
  return { stage, ledger };
}

test('a token of a session that is known is written at once, and its identity holds from then on', () => {
  const { stage, ledger } = staged();
  stage.handle(process);
  ledger.take(event());
  const [token] = stage.of('token');
  assert.deepEqual([token?.sessionId, token?.exe, token?.pid], ['session-1', '/bin/x', 100]);
  const [session] = stage.started;
  assert.ok(session);
  assert.equal(bindingAt(session, 1999).state, IdentityState.POLICY);
  assert.deepEqual(bindingAt(session, 2000), {
    ...NO_IDENTITY,
    identityId: 'proven',
    identityName: 'agent',
    state: IdentityState.VERIFIED,
    source: IdentitySource.BROKER,
    tokenId: 'uti',
    audience: 'a',
    fingerprint: 'f'.repeat(64),
  });
});

test('a token of a session that the kernel has not told of yet waits for it', () => {
  const { stage, ledger } = staged();
  ledger.take(event());
  ledger.take(event({ tokenId: 'second' }));
  assert.equal(stage.written.length, 0);
  stage.handle(process);
  assert.deepEqual(stage.order(), ['session started', 'token', 'token', 'exec 100']);
  assert.ok(stage.of('token').every(({ sessionId }) => sessionId === 'session-1'));
  assert.equal(bindingAt(stage.started[0]!, 5000).tokenId, 'second');
  ledger.flush();
  assert.equal(stage.of('token').length, 2);
});

test('a process of a known session that the kernel has not told of yet has the id that its own lines will have', () => {
  const { stage, ledger } = staged();
  stage.handle(process);
  const child = { pid: 101, startNs: 700n };
  const refused = { action: TokenAction.REFUSED, reason: 'secret_wrong' } as const;
  ledger.take(event({ ...refused, caller: { ...child, selectionName: 'w', sessionKey: KEY } }));
  stage.handle({ ...process, atNs: 800, process: child, parent: PROCESS });
  const exec = stage.of('process').find(({ pid }) => pid === 101);
  assert.ok(exec?.processId);
  assert.equal(stage.of('token')[0]?.processId, exec.processId);
});

test('a token of a session that has just ended is still of it', () => {
  const { stage, ledger } = staged();
  stage.handle(process, exit);
  ledger.take(event({ action: TokenAction.OBSERVED }));
  assert.equal(stage.of('token')[0]?.sessionId, 'session-1');
});

test('a token whose session never comes is written without one', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { stage, ledger } = staged();
    ledger.take(event());
    mock.timers.tick(4999);
    assert.equal(stage.written.length, 0);
    mock.timers.tick(1);
    const [token] = stage.of('token');
    assert.deepEqual([token?.sessionId, token?.workload], ['', 'w']);
    stage.handle(process);
    assert.equal(stage.of('token').length, 1);
  } finally {
    mock.timers.reset();
  }
});

test('at the end nothing that waits is left out', () => {
  const { stage, ledger } = staged();
  ledger.take(event());
  ledger.flush();
  assert.equal(stage.of('token').length, 1);
});

test('a request that nobody of a session made is written at once', () => {
  const { stage, ledger } = staged();
  ledger.take(event({ action: TokenAction.REFUSED, caller: undefined, reason: 'caller_unknown', count: 3 }));
  const [token] = stage.of('token');
  assert.deepEqual(
    [token?.sessionId, token?.pid, token?.token.reason, token?.token.count],
    ['', 0, 'caller_unknown', 3],
  );
});

for (const [title, about] of [
  ['refused', { action: TokenAction.REFUSED, reason: 'no_binding' as const }],
  ['wrong', { identityState: IdentityState.INVALID }],
  ['that was seen in use, where better is known', { action: TokenAction.OBSERVED }],
] as const) {
  test(`a token ${title} gives no identity`, () => {
    const { stage, ledger } = staged();
    stage.handle(process);
    ledger.take(event(about));
    assert.equal(bindingAt(stage.started[0]!, 5000).state, IdentityState.POLICY);
  });
}

test('of a token that a session obtained itself it is told who that was, and an opaque one says nothing of anybody', () => {
  const { stage, ledger } = staged();
  stage.handle(process);
  const obtainment = { holder: { ...PROCESS, selectionName: 'w', sessionKey: KEY }, from: '10.0.0.1:443', atNs: 0n };
  const seen = { action: TokenAction.OBSERVED, interface: 'http-token-response', obtainment } as const;
  ledger.take(event({ ...seen, identityId: '', identityState: IdentityState.UNVERIFIABLE }));
  const token = stage.of('token')[0];
  assert.equal(token?.detail === 'token' && token.token.holderSessionId, 'session-1');
  const [session] = stage.started;
  assert.equal(session?.bindings.length, 1);
});

test('a token file of the workload binds a session only where the policy means somebody else than the workload', () => {
  const { stage, ledger } = staged();
  stage.handle(process);
  const file = event({ interface: 'workload-identity', identityState: IdentityState.POLICY, identityId: 'other' });
  ledger.take(event());
  const [session] = stage.started;
  assert.ok(session);
  ledger.take({ ...file, identityId: 'proven', startedAtNs: EPOCH_UNIX_NS + 3000n });
  assert.equal(bindingAt(session, 4000).state, IdentityState.VERIFIED, 'what Entra said is not taken back');
  ledger.take({ ...file, startedAtNs: EPOCH_UNIX_NS + 5000n });
  const { identityId, state, audience, fingerprint } = bindingAt(session, 6000);
  assert.deepEqual([identityId, state, audience, fingerprint], ['other', IdentityState.POLICY, '', '']);
});

test('a token file that was written before any session has its workload and no session', () => {
  const { stage, ledger } = staged();
  const caller = { pid: 0, startNs: 0n, selectionName: 'w', sessionKey: 0n };
  ledger.take(event({ interface: 'workload-identity', caller }));
  const [token] = stage.of('token');
  assert.deepEqual([token?.sessionId, token?.workload, token?.pid], ['', 'w', 0]);
  assert.equal(token?.identityTenant, 't');
});

test('an issued token that the record has no room for is not handed out; a refusal is told all the same', () => {
  const stage = new StagedRecorder({ append: () => 0 });
  stage.handle(process);
  const ledger = new TokenLedger(clock, stage.recorder, stage.builder);
  assert.throws(() => ledger.take(event()), /no room/);
  ledger.take(event({ action: TokenAction.REFUSED, reason: 'secret_wrong' }));
});
