// SPDX-License-Identifier: Apache-2.0

/**
 * Acts of workloads against the agent, on this machine's own kernel: told of where nothing refuses them, and the guard says
 * whether it does. Refusals are tested in guests: test/kernel-lab.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cgroupRoot } from '../../agent/source/ebpf/cgroup.ts';
import { createLog } from '../../agent/telemetry/log.ts';
import { Guard, GuardUnavailable } from '../../agent/wiring/guard.ts';
import { type Actor, Stage } from './actor.ts';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';

const folders = { state_dir: '/nowhere/state', run_dir: '/nowhere/run' };
const log = createLog('error');

describe('acts against the agent', unless('bpf'), () => {
  let observer: Observer;
  let stage: Stage;

  before(async () => {
    observer = await Observer.open({ timing: { sweepMs: 50, rescanMs: 60_000 } });
    observer.source.guardSelf();
    stage = new Stage();
  });
  after(async () => {
    await stage?.close();
    await observer?.close();
  });

  const attacksOf = (run: Run): string[] =>
    run
      .of('way-taken')
      .filter(({ way }) => way === 'agent_attacked')
      .map(({ subject, detail }) => `${detail['act']} ${subject}`);
  const told = (run: Run, wanted: string): Promise<void> =>
    observer.until(
      () => `'${wanted}' of ${attacksOf(run).join(', ')}`,
      () => attacksOf(run).some((attack) => attack.startsWith(wanted)),
    );

  test('a signal of a workload is told of, with its name', async () => {
    const actor = await stage.start(observer, 'signals');
    await actor.do(`os.kill(${process.pid}, signal.SIGCONT)`, `os.kill(${process.pid}, 0)`);
    await told(actor.run, 'signal SIGCONT');
    assert.deepEqual(attacksOf(actor.run), ['signal SIGCONT']);
  });

  test('the signal of an outsider is none, nor what a workload does to others', async () => {
    const outsider = await stage.start(observer, 'outsider', { outside: true });
    await outsider.do(`os.kill(${process.pid}, signal.SIGCONT)`);
    const actor = await stage.start(observer, 'peaceful');
    await actor.do(`os.kill(${outsider.pid}, signal.SIGCONT)`);
    // What comes later in the ring is here, so the others would be.
    await actor.do(`os.kill(${process.pid}, signal.SIGCONT)`);
    await told(actor.run, 'signal');
    const attacks = observer.events.filter((event) => event.type === 'way-taken' && event.way === 'agent_attacked');
    assert.deepEqual(attacksOf(actor.run), ['signal SIGCONT']);
    assert.ok(attacks.every((event) => event.type === 'way-taken' && event.process.pid !== outsider.pid));
  });

  test('the move into another cgroup is told of, and that it is frozen', async (t) => {
    const root = cgroupRoot() as string;
    const own = join(root, ownCgroup());
    const folder = join(root, `sworn-guard-${process.pid}`);
    mkdirSync(folder);
    t.after(() => {
      writeFileSync(join(own, 'cgroup.procs'), `${process.pid}`);
      rmdirSync(folder);
    });
    const actor: Actor & { readonly run: Run } = await stage.start(observer, 'mover');
    await actor.do(
      `def put(file, text):`,
      `    with open("${folder}/" + file, "w") as to: to.write(text)`,
      `put("cgroup.procs", "${process.pid}")`,
      `put("cgroup.freeze", "1")`,
      `put("cgroup.freeze", "0")`,
    );
    await told(actor.run, 'move cgroup');
    await told(actor.run, 'freeze cgroup');
  });
});

describe('the guard', unless('bpf'), () => {
  let observer: Observer;

  before(async () => {
    observer = await Observer.open();
  });
  after(() => observer?.close());

  test('is active, or says why it is not', () => {
    const { status } = new Guard(observer.source, { ...folders, guard: { enabled: 'auto', files: [] } }, log);
    assert.ok(status.state === 'active' || status.state === 'unavailable');
    assert.equal(status.state === 'active', status.reason === '');
    assert.deepEqual(status.files.slice(0, 2), ['/nowhere/state', '/nowhere/run']);
  });

  test('that must be and cannot is an error that says what to do', () => {
    const { status } = new Guard(observer.source, { ...folders, guard: { enabled: 'auto', files: [] } }, log);
    const must = (): Guard => new Guard(observer.source, { ...folders, guard: { enabled: true, files: [] } }, log);
    if (status.state === 'active') {
      assert.equal(must().status.state, 'active');
      return;
    }
    assert.throws(must, (error: unknown) => {
      assert.ok(error instanceof GuardUnavailable);
      assert.ok(error.message.includes(status.reason) && error.message.includes('lsm='));
      return true;
    });
  });

  test('that is not wanted is off', () => {
    const { status } = new Guard(observer.source, { ...folders, guard: { enabled: false, files: [] } }, log);
    assert.equal(status.state, 'off');
  });
});

/** Of this process, in the v2 hierarchy. */
function ownCgroup(): string {
  return /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
}
