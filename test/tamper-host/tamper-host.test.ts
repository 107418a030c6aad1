// SPDX-License-Identifier: Apache-2.0

/**
 * The table of docs/THREATS.md, tried: what another user, the agent's own user and root can do to a running agent, what is
 * refused, and what is found when it is not. Without the guard (BPF LSM): with it more is refused, which
 * test/kernel-lab/ has.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { missingOnHost } from '../faults/host.ts';
import { AGENT_UID, OTHER_UID, Stage } from './stage.ts';

const TAKEN_APART = 'Somebody takes the recorder apart';
const cannot = missingOnHost() ?? (process.getuid?.() === 0 ? undefined : 'the acts of root need root');

describe('acts against the agent', { skip: cannot ?? false }, () => {
  let stage: Stage;
  before(async () => {
    stage = new Stage();
    await stage.start();
  });
  after(() => stage?.stop());

  /** Of these acts those that were let through. */
  const doneBy = (uid: number) =>
    stage
      .actsAs(uid)
      .filter(({ refused }) => !refused)
      .map(({ act }) => act);

  const segments = () =>
    readdirSync(stage.path('agent/journal'))
      .filter((name) => name.endsWith('.segment'))
      .sort()
      .map((name) => stage.path('agent/journal', name));

  async function kill(): Promise<void> {
    stage.agent.child.kill('SIGKILL');
    await stage.agent.ended;
  }

  it('another user can do nothing to it, its journal, maps, probes, keys and configuration', () => {
    assert.deepEqual(doneBy(OTHER_UID), []);
    assert.equal(stage.agent.child.exitCode, null);
  });

  it("a process of the agent's own user reaches its files and can end it, and not its memory, maps and probes", () => {
    assert.deepEqual(doneBy(AGENT_UID), [
      'read the journal',
      'write into the journal',
      'list the journal',
      'put a file beside the journal',
      'read the key of redaction',
      'read the key of the certificate',
      'remove the control socket',
      'ask whether it may be signalled',
    ]);
    rmSync(stage.path('agent/planted'));
  });

  it('nothing of it is pinned where others could reach it', () => {
    const ours = execFileSync('sh', ['-c', 'ls -R /sys/fs/bpf 2>/dev/null || true'], { encoding: 'utf8' });
    assert.doesNotMatch(ours, /sworn/);
  });

  it('root kills it: an alert within seconds, and a loss at the next start', async () => {
    await kill();
    const [alert] = await stage.alerts('agent_silent');
    assert.equal(alert?.level, 'high');
    await stage.startAgent();
    await stage.losses('agent_not_running');
    await stage.alerts('agent_back');
  });

  it('root stops it with a signal that lets its stream stay open: an alert all the same', async () => {
    process.kill(stage.pid, 'SIGSTOP');
    const silent = await stage.alerts('agent_silent', 2);
    assert.match(silent.at(-1)?.summary ?? '', /connected and has sent nothing/);
    process.kill(stage.pid, 'SIGCONT');
    await stage.alerts('agent_back', 2);
  });

  it('root takes a program off its hook: a finding of the agent, and an alert', async () => {
    const [link] = stage.cgroupLinks();
    assert.ok(link, 'the kernel shows its links to cgroups');
    execFileSync('bpftool', ['link', 'detach', 'id', String(link)]);
    const [alert] = await stage.alerts(TAKEN_APART);
    assert.match(alert?.summary ?? '', /probe_detached/);
  });

  it('root removes the journal under it: a finding of the agent, and an alert', async () => {
    const seen = (await stage.alertsNow(TAKEN_APART)).length;
    rmSync(segments().at(-1) as string);
    const alerts = await stage.alerts(TAKEN_APART, seen + 1);
    assert.match(alerts.at(-1)?.summary ?? '', /journal_file_changed .*is gone/);
  });

  it('root cuts the journal under it: a finding of the agent, and an alert', async () => {
    await stage.agent.stop();
    await stage.startAgent();
    const seen = (await stage.alertsNow(TAKEN_APART)).length;
    // A file is known from the agent's first look at it on; so it is cut until that was.
    await stage.until('it is found', async () => {
      truncateSync(segments().at(-1) as string, 100);
      return (await stage.alertsNow(TAKEN_APART)).length > seen;
    });
    const alerts = await stage.alerts(TAKEN_APART, seen + 1);
    assert.match(alerts.at(-1)?.summary ?? '', /journal_file_changed .*(?:shorter than what was written|was changed)/);
  });

  it('root stops it in order: a note, and no silence', async () => {
    const silent = (await stage.alertsNow('agent_silent')).length;
    const stopped = (await stage.alertsNow('agent_stopped')).length;
    await stage.agent.stop();
    const [note] = (await stage.alerts('agent_stopped', stopped + 1)).slice(-1);
    assert.equal(note?.level, 'informational');
    assert.equal((await stage.alertsNow('agent_silent')).length, silent);
  });

  it('root edits what an agent had not delivered when it was stopped: a loss stands in its place', async () => {
    await stage.startAgent();
    await stage.collector.stop();
    const newest = segments().at(-1) as string;
    const deliveredBytes = readFileSync(newest).length;
    await stage.until('more is written', async () => readFileSync(newest).length > deliveredBytes + 3000);
    await stage.agent.stop();
    const file = openSync(newest, 'r+');
    writeSync(file, 'tampered', Math.floor((deliveredBytes + readFileSync(newest).length) / 2));
    closeSync(file);
    stage.collector = await stage.pair.startCollector();
    await stage.startAgent();
    await stage.losses('damaged');
  });

  it('root takes the journal away while the agent is stopped: the next start finds it by its signed mark', async () => {
    await stage.agent.stop();
    const seen = (await stage.alertsNow(TAKEN_APART)).length;
    renameSync(stage.path('agent/journal'), stage.path('agent/journal.kept'));
    await stage.startAgent();
    const alerts = await stage.alerts(TAKEN_APART, seen + 1);
    assert.match(alerts.at(-1)?.summary ?? '', /journal_cut/);
  });
});
