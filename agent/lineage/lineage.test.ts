// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reachableBytes } from '../../test/heap.ts';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import { NO_IDENTITY } from '../model/identity.ts';
import type { ProcessEvent } from './lineage.ts';
import { Lineage, type LineageChange } from './lineage.ts';
import { bind, bindingAt } from './session.ts';

const POLICY = {
  ...NO_IDENTITY,
  identityId: 'i',
  identityName: 'agent',
  state: IdentityState.POLICY,
  source: IdentitySource.POLICY,
};

const SCOPE = { selectionId: 1, sessionKey: 7n };
const OTHER_SCOPE = { selectionId: 1, sessionKey: 8n };

/** A process is named by its pid and, behind a dot, which use of the pid it is. */
function key(name: number) {
  return { pid: Math.floor(name), startNs: BigInt(Math.round((name % 1) * 10)) };
}

function program(exe: string) {
  const argv = [exe, 'a b'];
  return { exe, cwd: '/', cgroup: '/c', argv, argvBytes: 9, argvComplete: true, uid: 1, gid: 1, loginUid: 1 };
}

let nowNs = 0;
const fork = (child: number, parent: number, scope = SCOPE): ProcessEvent => ({
  type: 'process-forked',
  atNs: ++nowNs,
  process: key(child),
  parent: key(parent),
  scope,
});
const exec = (name: number, exe: string, scope = SCOPE): ProcessEvent => ({
  type: 'process-executed',
  atNs: ++nowNs,
  process: key(name),
  parent: key(1),
  scope,
  program: program(exe),
});
const join = (name: number, exe: string | undefined, scope = SCOPE): ProcessEvent => ({
  type: 'process-joined',
  atNs: ++nowNs,
  process: key(name),
  parent: key(1),
  scope,
  program: exe === undefined ? undefined : program(exe),
});
const exit = (name: number, exitCode = 0, scope = SCOPE): ProcessEvent => ({
  type: 'process-exited',
  atNs: ++nowNs,
  process: key(name),
  scope,
  exitCode,
  signal: 0,
  coreDumped: false,
  statusKnown: true,
});
const running = (...names: readonly number[]): ProcessEvent => ({
  type: 'processes-running',
  atNs: ++nowNs,
  processes: names.map((name) => ({ process: key(name), scope: SCOPE, program: program('/found') })),
});

function tell(change: LineageChange): string {
  if ('session' in change) return `${change.kind} ${change.session.id}`;
  const { process } = change;
  const name = `${process.key.pid}${process.key.startNs === 0n ? '' : `.${process.key.startNs}`}`;
  if (change.kind === 'exited') {
    return `exited ${name} ${change.exit.statusKnown ? change.exit.exitCode : 'unseen'}`;
  }
  return `${change.kind} ${name} ${process.program?.exe ?? '?'}`;
}

function lineageOf() {
  let sessions = 0;
  const lineage = new Lineage({
    meaningOf: () => ({ workload: 'w', selectedBy: 'exe', binding: POLICY }),
    sessionId: () => `s${++sessions}`,
  });
  const apply = (...events: readonly ProcessEvent[]) =>
    events.flatMap((event) => lineage.apply(event).map((change) => tell(change)));
  return { lineage, apply };
}

test('a session is from its first process to its last, and has the exit code of the first', () => {
  const { lineage, apply } = lineageOf();
  assert.deepEqual(apply(exec(10, '/a'), fork(11, 10), exec(11, '/b'), exit(10, 3)), [
    'session-started s1',
    'executed 10 /a',
    'forked 11 /a',
    'executed 11 /b',
    'exited 10 3',
  ]);
  const session = lineage.sessionOf(SCOPE);
  assert.deepEqual(apply(exit(11, 4)), ['exited 11 4', 'session-ended s1']);
  assert.equal(session?.exitCode, 3);
  assert.equal(session?.processes, 2);
  assert.deepEqual(session?.argv, ['/a', 'a b']);
  assert.equal(lineage.sessionOf(SCOPE), session, 'it is still known');
  assert.deepEqual([...lineage.sessions], []);
});

test('sessions with keys of their own are apart', () => {
  const { apply } = lineageOf();
  assert.deepEqual(apply(exec(10, '/a'), exec(20, '/b', OTHER_SCOPE), exit(10), exit(20, 0, OTHER_SCOPE)), [
    'session-started s1',
    'executed 10 /a',
    'session-started s2',
    'executed 20 /b',
    'exited 10 0',
    'session-ended s1',
    'exited 20 0',
    'session-ended s2',
  ]);
});

test('an event that is told twice is written once', () => {
  const { apply } = lineageOf();
  const events = [exec(10, '/a'), fork(11, 10), exec(11, '/b'), exit(11), join(10, '/x')];
  assert.deepEqual(apply(...events.flatMap((event) => [event, event])), [
    'session-started s1',
    'executed 10 /a',
    'forked 11 /a',
    'executed 11 /b',
    'exited 11 0',
  ]);
});

test('a program that executes itself again is written again', () => {
  const { apply } = lineageOf();
  assert.deepEqual(apply(exec(10, '/a'), exec(10, '/a')).slice(1), ['executed 10 /a', 'executed 10 /a']);
});

test('without its fork a process begins with its exec, without both with its exit', () => {
  const { apply } = lineageOf();
  assert.deepEqual(apply(exec(10, '/a'), exec(11, '/b'), exit(12, 5)), [
    'session-started s1',
    'executed 10 /a',
    'executed 11 /b',
    'exited 12 5',
  ]);
});

test('a late exit begins no session that is over, and belongs to one that is ending', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/a'), exit(10));
  assert.deepEqual(apply(exit(12)), ['session-resumed s1', 'exited 12 0', 'session-ended s1']);
  const session = lineage.sessionOf(SCOPE);
  if (session !== undefined) session.over = true;
  assert.deepEqual(apply(exit(13)), []);
});

test('a process that comes while its session is ending continues it; after its end there is another', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/pre'), exit(10));
  assert.deepEqual(apply(exec(11, '/main'), exit(11)), [
    'session-resumed s1',
    'executed 11 /main',
    'exited 11 0',
    'session-ended s1',
  ]);
  const first = lineage.sessionOf(SCOPE);
  assert.ok(first);
  first.over = true;
  assert.deepEqual(apply(exec(12, '/main')), ['session-started s2', 'executed 12 /main']);
  assert.notEqual(lineage.sessionOf(SCOPE), first);
});

test('a pid that is used again ends the process that had it, whose exit was missed', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(1, '/first'), exec(10.1, '/a'));
  assert.deepEqual(apply(fork(10.2, 1)), ['exited 10.1 unseen', 'forked 10.2 /first']);
  assert.deepEqual(apply(exit(10.1)), [], 'the exit that came late ends nobody');
  assert.equal(lineage.processOf(key(10.2))?.exitedNs, undefined);
});

test('a process is found by its key, and by its pid at a time', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(1, '/first'), fork(10.1, 1));
  const betweenNs = nowNs;
  apply(exit(10.1), fork(10.2, 1));
  assert.equal(lineage.processOf(key(10.1))?.key.startNs, 1n);
  assert.equal(lineage.processOf(key(10.2))?.key.startNs, 2n);
  assert.equal(lineage.processOf(key(10.3)), undefined);
  // Start times of these keys are small numbers; processes of a real kernel start when they are forked.
  assert.equal(lineage.processAt(10, nowNs)?.key.startNs, 2n);
  assert.equal(lineage.processAt(99, betweenNs), undefined);
});

test('the process that had a pid at a time is not the one that has it now', () => {
  const { lineage } = lineageOf();
  const forked = (atNs: number): ProcessEvent => ({
    ...(fork(10, 1) as ProcessEvent & { type: 'process-forked' }),
    atNs,
    process: { pid: 10, startNs: BigInt(atNs) },
  });
  lineage.apply(forked(1000));
  lineage.apply({ ...(exit(10) as ProcessEvent & { type: 'process-exited' }), process: { pid: 10, startNs: 1000n } });
  lineage.apply(forked(2000));
  assert.equal(lineage.processAt(10, 1500)?.startedNs, 1000);
  assert.equal(lineage.processAt(10, 2500)?.startedNs, 2000);
});

test('after missed events what the kernel lists is what runs', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/a'), fork(11, 10), fork(12, 10));
  assert.deepEqual(apply(running(10, 12, 13)), ['joined 13 /found']);
  const missingSinceNs = nowNs;
  assert.deepEqual(lineage.sweep(nowNs + 1e9), [], 'its exit may still wait in the ring');
  assert.deepEqual(lineage.sweep(nowNs + 3e9).map(tell), ['exited 11 unseen']);
  assert.equal(lineage.processOf(key(11))?.exitedNs, missingSinceNs);
  assert.deepEqual(lineage.sweep(nowNs + 9e9), []);
});

test('an exit that was only late is told as it was', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/a'), fork(11, 10), running(10));
  assert.deepEqual(apply(exit(11, 6)), ['exited 11 6']);
  assert.deepEqual(lineage.sweep(nowNs + 9e9), []);
});

test('a process that is listed again was not missing', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/a'), fork(11, 10), running(10), running(10, 11));
  assert.deepEqual(lineage.sweep(nowNs + 9e9), []);
});

test('a process that was thought to have ended and is told of again lives', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/a'), fork(11, 10), running(10));
  lineage.sweep(nowNs + 9e9);
  assert.deepEqual(apply(exec(11, '/late'), exit(11, 2)), ['executed 11 /late', 'exited 11 2']);
});

test('an exec that is told after the exit is written, and begins nothing', () => {
  const { lineage, apply } = lineageOf();
  apply(exec(10, '/a'), fork(11, 10), exit(11));
  assert.deepEqual(apply(exec(11, '/late')), ['executed 11 /late']);
  assert.equal([...lineage.sessions][0]?.alive.size, 1);
});

test('a connection of a session that nothing told of begins it, and it does not live for ever', () => {
  const { lineage } = lineageOf();
  const begun = lineage.sessionFromConnection(key(10), SCOPE, 100).map(tell);
  assert.deepEqual(begun, ['session-started s1', 'joined 10 ?']);
  assert.deepEqual(lineage.sessionFromConnection(key(11), SCOPE, 100), []);
  assert.deepEqual(lineage.sweep(3e9).map(tell), ['exited 10 unseen', 'session-ended s1']);
});

test('a connection of a session that nothing told of, whose process is listed then, goes on', () => {
  const { lineage, apply } = lineageOf();
  lineage.sessionFromConnection(key(10), SCOPE, nowNs);
  apply(running(10));
  assert.deepEqual(lineage.sweep(nowNs + 9e9), []);
});

test('a binding holds from its time on, and the first one from the beginning', () => {
  const { lineage, apply } = lineageOf();
  nowNs = 1000;
  apply(exec(10, '/a'));
  const session = lineage.sessionOf(SCOPE);
  assert.ok(session);
  const token = (tokenId: string) => ({ ...POLICY, state: IdentityState.VERIFIED, tokenId });
  bind(session, 3000, token('third'));
  bind(session, 2000, token('second'));
  const at = (atNs: number) => bindingAt(session, atNs).tokenId;
  assert.deepEqual([0, 1001, 1999, 2000, 2999, 3000].map(at), ['', '', '', 'second', 'second', 'third']);
});

test('a token from just before the session began is its identity from the beginning on', () => {
  const { lineage, apply } = lineageOf();
  nowNs = 1000;
  apply(exec(10, '/a'));
  const session = lineage.sessionOf(SCOPE);
  assert.ok(session);
  bind(session, 900, { ...POLICY, tokenId: 'early' });
  assert.equal(bindingAt(session, 5000).tokenId, 'early');
});

test('bindings without end fill no memory, and the latest ones are right', () => {
  const { lineage, apply } = lineageOf();
  nowNs = 0;
  apply(exec(10, '/a'));
  const session = lineage.sessionOf(SCOPE);
  assert.ok(session);
  for (let i = 1; i <= 10_000; i++) bind(session, 10 * i, { ...POLICY, tokenId: String(i) });
  assert.equal(session.bindings.length, 64);
  assert.equal(bindingAt(session, 99_999).tokenId, '9999');
  assert.equal(bindingAt(session, 5).tokenId, '9937');
});

test('hundreds of thousands of short processes leave no more behind than the last few thousand', () => {
  const { lineage } = lineageOf();
  lineage.apply(exec(1, '/first'));
  const event = exec(2, '/a') as ProcessEvent & { type: 'process-executed' };
  const before = reachableBytes();
  for (let i = 0; i < 300_000; i++) {
    const process = { pid: 2 + (i % 30_000), startNs: BigInt(i) };
    // Each has its own copy of a long argument, as from a ring.
    const argv = i % 8 === 0 ? [Buffer.alloc(20_000, 'x').toString()] : ['a'];
    lineage.apply({ ...event, atNs: i, process, program: { ...event.program, argv } });
    lineage.apply({ ...event, atNs: i, type: 'process-exited', process, ...EXITED });
  }
  const grownMiB = (reachableBytes() - before) / 2 ** 20;
  assert.ok(grownMiB < 5, `${grownMiB} MiB more`);
  assert.equal([...lineage.sessions][0]?.processes, 300_001);
});

const EXITED = { exitCode: 0, signal: 0, coreDumped: false, statusKnown: true };

test('whatever is missing, doubled or late, each process begins and ends at most once, and sessions end', () => {
  const step = fc.record({
    kind: fc.constantFrom('fork', 'exec', 'exit', 'join', 'running', 'sweep', 'connection'),
    pid: fc.integer({ min: 1, max: 4 }),
    use: fc.integer({ min: 1, max: 3 }),
    parent: fc.integer({ min: 1, max: 4 }),
    twice: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.boolean(), (script, closes) => {
      const { lineage } = lineageOf();
      nowNs = 0;
      const said: LineageChange[] = [];
      for (const { kind, pid, use, parent, twice } of script) {
        const name = pid + use / 10;
        const events = {
          fork: [fork(name, parent + 0.1)],
          exec: [exec(name, '/a')],
          exit: [exit(name)],
          join: [join(name, '/j')],
          running: [running(name)],
          sweep: [],
          connection: [],
        }[kind];
        for (const event of events) {
          said.push(...lineage.apply(event));
          if (twice) said.push(...lineage.apply(event));
        }
        if (kind === 'sweep') {
          nowNs += 3e9;
          said.push(...lineage.sweep(nowNs));
        }
        if (kind === 'connection') said.push(...lineage.sessionFromConnection(key(name), SCOPE, ++nowNs));
        if (closes) for (const change of said) if (change.kind === 'session-ended') change.session.over = true;
      }
      // The kernel lists nothing any more: all has ended.
      said.push(...lineage.apply(running()), ...lineage.sweep(nowNs + 9e9));
      assert.deepEqual([...lineage.sessions], []);

      const open = new Set<object>();
      const begun = new Set<object>();
      for (const change of said) {
        if (change.kind === 'session-started') assert.ok(!begun.has(change.session) && begun.add(change.session));
        if (change.kind === 'session-started' || change.kind === 'session-resumed') open.add(change.session);
        if (change.kind === 'session-ended') assert.ok(open.delete(change.session), 'ended without having begun');
        if (!('process' in change)) continue;
        const { process } = change;
        if (change.kind === 'exited') {
          assert.ok(!begun.has(change), 'ended twice');
          assert.equal(process.session.alive.has(process), false);
        }
        assert.ok(begun.has(process.session), 'of a session that has not begun');
      }
      const exits = said.filter((change) => change.kind === 'exited').map(({ process }) => process);
      assert.equal(new Set(exits).size, exits.length, 'a process ended twice');
      assert.equal(open.size, 0, 'a session has not ended');
    }),
    { numRuns: 1000 },
  );
});

test('what no token is tied to names a human as long as there is one, and none of several', () => {
  const { lineage, apply } = lineageOf();
  nowNs = 0;
  apply(exec(10, '/a'));
  const session = lineage.sessionOf(SCOPE);
  assert.ok(session);
  const actingFor = (onBehalfOfId: string) => ({
    ...POLICY,
    onBehalfOfId,
    onBehalfOfName: `${onBehalfOfId}@x`,
    tokenId: 't',
  });
  bind(session, 100, actingFor('ann'));
  bind(session, 200, actingFor('ann'));
  bind(session, 300, POLICY);
  bind(session, 400, actingFor('bob'));
  bind(session, 500, actingFor('ann'));
  const at = (atNs: number) => bindingAt(session, atNs).onBehalfOfId;
  assert.deepEqual([50, 150, 250, 350, 400, 500].map(at), ['', 'ann', 'ann', '', '', '']);
  assert.equal(bindingAt(session, 500).onBehalfOfName, '');
  assert.equal(bindingAt(session, 500).tokenId, 't', 'the rest of it stays');
  assert.equal(bindingAt(session, 500), bindingAt(session, 501));
});

test('a human is not forgotten over the tokens that came since', () => {
  const { lineage, apply } = lineageOf();
  nowNs = 0;
  apply(exec(10, '/a'));
  const session = lineage.sessionOf(SCOPE);
  assert.ok(session);
  bind(session, 1, { ...POLICY, onBehalfOfId: 'ann' });
  for (let i = 2; i < 200; i++) bind(session, i, { ...POLICY, tokenId: String(i) });
  bind(session, 300, { ...POLICY, onBehalfOfId: 'bob' });
  assert.equal(bindingAt(session, 400).onBehalfOfId, '');
});
