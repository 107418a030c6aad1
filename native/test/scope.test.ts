// SPDX-License-Identifier: Apache-2.0

/** What is recorded, and whose it is: selections by cgroup, program and user, what asks for it, and what it starts. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { KernelEvent } from '../../agent/model/kernel-event.ts';
import { cgroupRoot } from '../../agent/source/ebpf/cgroup.ts';
import { unless } from './bpf-host.ts';
import { startGated } from './gated-program.ts';
import { Observer } from './observer.ts';
import { scratchFolder, trigger } from './trigger.ts';

const UID = 64_321;
const SELECTED = { cgroup: 11, later: 12, exe: 13, uid: 14 } as const;
/** Connects, moves bytes, and has a child that does so too. */
const ACTS = ['pair 1 2 stream', 'move 1 2 1000 write read', 'child sleep 1', 'close 1', 'close 2'];

type ProcessEvent = Extract<KernelEvent, { process: unknown }>;

describe('what is recorded', unless('bpf', 'gcc'), () => {
  const root = cgroupRoot() ?? '';
  const cgroups = { cgroup: `/sworn-test-${process.pid}`, later: `/sworn-test-${process.pid}-later` };
  const exe = (): string => join(scratchFolder(), 'selected program');
  let observer: Observer;

  before(async () => {
    mkdirSync(root + cgroups.cgroup);
    copyFileSync(trigger('act'), exe());
    chmodSync(exe(), 0o755);
    observer = await Observer.open({
      selections: [
        { id: SELECTED.cgroup, by: 'cgroup', path: cgroups.cgroup },
        { id: SELECTED.later, by: 'cgroup', path: cgroups.later },
        { id: SELECTED.exe, by: 'exe', path: exe() },
        { id: SELECTED.uid, by: 'uid', uid: UID },
      ],
      timing: { sweepMs: 50 },
    });
  });
  after(async () => {
    await observer?.close();
    for (const path of Object.values(cgroups)) rmdirSync(root + path);
  });

  const eventsOf = (selectionId: number): ProcessEvent[] =>
    observer.events.filter(
      (event): event is ProcessEvent => 'scope' in event && event.scope.selectionId === selectionId,
    );
  const kinds = (events: readonly ProcessEvent[], pid: number): string[] =>
    events.filter(({ process, type }) => process.pid === pid && type.startsWith('process')).map(({ type }) => type);

  /** Waits until all that belongs to a selection is told, and gives it. */
  async function told(selectionId: number, pid: number): Promise<ProcessEvent[]> {
    const has = (type: string): number => eventsOf(selectionId).filter((event) => event.type === type).length;
    await observer.until(
      () => `all of selection ${selectionId}`,
      () =>
        kinds(eventsOf(selectionId), pid).includes('process-exited') &&
        has('connection-opened') === 2 &&
        has('connection-closed') === 2 &&
        has('process-exited') === 2,
    );
    const events = eventsOf(selectionId);
    assert.equal(new Set(events.map(({ scope }) => scope.sessionKey)).size, 1, 'it is one session');
    const forked = events.find(({ type }) => type === 'process-forked');
    assert.ok(forked?.type === 'process-forked');
    assert.equal(forked.parent.pid, pid);
    assert.deepEqual(kinds(events, forked.process.pid), ['process-forked', 'process-exited']);
    return events;
  }

  async function runIn(cgroup: string): Promise<number> {
    const program = startGated(trigger('act'), ACTS);
    writeFileSync(join(root + cgroup, 'cgroup.procs'), String(program.pid));
    program.open();
    assert.equal((await program.ended).code, 0);
    return program.pid;
  }

  test('a process that is moved into a selected cgroup, and what it starts', async () => {
    const pid = await runIn(cgroups.cgroup);
    const events = await told(SELECTED.cgroup, pid);
    assert.deepEqual(kinds(events, pid), ['process-joined', 'process-executed', 'process-exited']);
    const [executed] = events.filter(({ type }) => type === 'process-executed');
    assert.ok(executed?.type === 'process-executed');
    assert.equal(executed.program.cgroup, cgroups.cgroup);
    assert.deepEqual(executed.program.argv, [trigger('act'), ...ACTS]);
  });

  test('a cgroup that is made later, and another one of that name', async () => {
    const sessions = new Set<bigint>();
    for (let i = 0; i < 2; i++) {
      const before = observer.events.length;
      mkdirSync(root + cgroups.later);
      const pid = await runIn(cgroups.later);
      await observer.until('its end', () => kinds(eventsOf(SELECTED.later), pid).includes('process-exited'));
      const events = eventsOf(SELECTED.later).filter((event) => observer.events.indexOf(event) >= before);
      assert.deepEqual(kinds(events, pid), ['process-joined', 'process-executed', 'process-exited']);
      sessions.add((events[0] as ProcessEvent).scope.sessionKey);
      if (i === 0) rmdirSync(root + cgroups.later);
    }
    assert.equal(sessions.size, 2, 'each is a session of its own');
  });

  test('a selected program, by its exec', async () => {
    const program = startGated(exe(), ACTS);
    program.open();
    assert.equal((await program.ended).code, 0);
    const events = await told(SELECTED.exe, program.pid);
    // The gate before it is not of the session.
    assert.deepEqual(kinds(events, program.pid), ['process-executed', 'process-exited']);
    const [executed] = events.filter(({ type }) => type === 'process-executed');
    assert.equal(executed?.type === 'process-executed' ? executed.program.exe : '', exe());
  });

  test('what a selected user executes, with its ids', async () => {
    const program = startGated(trigger('act'), ACTS, { uid: UID, gid: UID + 1 });
    program.open();
    assert.equal((await program.ended).code, 0);
    await observer.until('its end', () => kinds(eventsOf(SELECTED.uid), program.pid).includes('process-exited'));
    const executed = eventsOf(SELECTED.uid).filter(({ type }) => type === 'process-executed');
    for (const event of executed) {
      assert.ok(event.type === 'process-executed');
      assert.deepEqual([event.program.uid, event.program.gid], [UID, UID + 1]);
    }
    assert.ok(executed.some(({ process }) => process.pid === program.pid));
  });

  test('a process that asked for it, from its next exec on', async () => {
    const scope = { selectionId: 15, sessionKey: 42n };
    const program = startGated(trigger('act'), ACTS);
    observer.source.watchFromNextExec(program.pid, scope);
    program.open();
    assert.equal((await program.ended).code, 0);
    const events = await told(scope.selectionId, program.pid);
    assert.deepEqual(kinds(events, program.pid), ['process-executed', 'process-exited']);
    assert.equal(events[0]?.scope.sessionKey, scope.sessionKey);
  });

  test('of a process that is gone, the one who asks is told so', () => {
    const scope = { selectionId: 16, sessionKey: 43n };
    // Above every pid that this kernel gives.
    assert.throws(() => observer.source.watchFromNextExec(2 ** 22 + 1, scope), { code: 'ESRCH' });
    assert.throws(() => observer.source.watch({ pid: 2 ** 22 + 1, startNs: 0n }, scope), { code: 'ESRCH' });
  });

  test('outsiders give no events, and nothing was missed', async () => {
    const outsider = startGated(trigger('act'), ACTS);
    outsider.open();
    assert.equal((await outsider.ended).code, 0);
    const inside = startGated(exe(), ['sleep 1']);
    inside.open();
    await inside.ended;
    await observer.until('what came after it', () => kinds(observer.events as ProcessEvent[], inside.pid).length === 2);
    for (const event of observer.events) {
      if (event.type === 'missed') assert.fail(`missed: ${event.where} ${event.reason}`);
      if ('process' in event) assert.notEqual(event.process.pid, outsider.pid);
    }
  });
});

describe('a process in other namespaces than its parent', unless('bpf', 'gcc'), () => {
  test('is told of at its birth, once', async () => {
    const observer = await Observer.open();
    try {
      const run = await observer.run(trigger('apart'), []);
      assert.equal((await run.ended).code, 0);
      const [forked] = run.of('process-forked');
      assert.deepEqual(
        run.of('way-taken').map(({ way, subject, process }) => ({ way, subject, process })),
        [{ way: 'namespace_changed', subject: 'network', process: forked?.process }],
      );
    } finally {
      await observer.close();
    }
  });
});

describe('more processes than there is room for', unless('bpf', 'gcc'), () => {
  test('are not watched, and counted', async () => {
    const observer = await Observer.open({ capture: { processesMax: 4 }, timing: { sweepMs: 50 } });
    try {
      const acts = Array.from({ length: 12 }, () => 'beside sleep 300');
      const run = await observer.run(trigger('act'), [...acts, 'join']);
      const forked = run.of('process-forked');
      const missed = (): number =>
        observer.events.reduce(
          (sum, event) => (event.type === 'missed' && event.reason === 'process_table_full' ? sum + event.events : sum),
          0,
        );
      await observer.until('all twelve', () => forked.length + missed() === 12);
      assert.ok(missed() > 0);
      const ends = run.of('process-exited').map(({ process }) => process.pid);
      assert.deepEqual(ends.sort(), [run.pid, ...forked.map(({ process }) => process.pid)].sort());
    } finally {
      await observer.close();
    }
  });
});
