// SPDX-License-Identifier: Apache-2.0

/**
 * Whole agents and real workloads on a disk that fills up, with policy `block`: one in a cgroup of its own, one of `sworn run`
 * that shares its cgroup with its caller. They stop, and go on when there is room, and when the agent stops; after a kill the
 * next agent lets them go.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Program, startProgram } from '../../deploy/demo/program.ts';
import { hostChecks } from '../doctor/host-checks.ts';
import { Journal } from '../journal/journal.ts';
import { readBack } from '../journal/reading-back.ts';
import { cgroupRoot } from '../source/ebpf/cgroup.ts';

const cannot = hostChecks().find(({ state }) => state === 'fail');
const root = join(import.meta.dirname, '../..');
const SWORN = join(root, 'bin/sworn');
const WAIT_MS_MAX = 60_000;

describe('policy block', { skip: cannot && `${cannot.name}: ${cannot.found}` }, () => {
  let folder = '';
  let isMounted = false;
  const cgroup = `/sworn-block-test-${process.pid}`;
  const at = (...path: string[]): string => join(folder, ...path);
  const inCgroup = (...path: string[]): string => join(cgroupRoot() as string, cgroup, ...path);
  const resize = (size: string): Buffer => execFileSync('mount', ['-o', `remount,size=${size}`, at('disk')]);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-block-'));
    mkdirSync(at('disk'));
    mkdirSync(inCgroup());
    isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2G', 'none', at('disk')]).status === 0;
    const config = {
      state_dir: at('disk/state'),
      run_dir: at('run'),
      broker: { enabled: false },
      tls: { enabled: false },
      identities: [
        {
          name: 'app',
          tenant: '11111111-2222-3333-4444-555555555555',
          client_id: '66666666-7777-8888-9999-000000000000',
        },
      ],
      workloads: [{ name: 'work', identity: 'app', select: [{ cgroup }, { run: ['root'] }] }],
      record: { heartbeat_seconds: 1, when_full: 'block' },
    };
    writeFileSync(at('agent.yaml'), JSON.stringify(config));
  });
  after(async () => {
    if (isMounted) execFileSync('umount', ['-l', at('disk')]);
    while (readFileSync(inCgroup('cgroup.procs'), 'utf8') !== '') await sleep(10);
    rmdirSync(inCgroup());
    rmSync(folder, { recursive: true, force: true });
  });

  async function startAgent(t: TestContext): Promise<Program> {
    const command = [SWORN, 'agent', '--config', at('agent.yaml')];
    const agent = startProgram({ name: 'agent', command, logFile: at('agent.log') });
    t.after(() => agent.stop());
    await agent.line((line) => line.includes('the agent records'), WAIT_MS_MAX);
    return agent;
  }

  interface Worker {
    readonly count: () => number;
    readonly pid: number;
  }

  const COUNT = 'while :; do printf x >> "$1"; sleep 0.01; done';

  async function start(t: TestContext, name: string, command: readonly string[]): Promise<Worker> {
    const file = at(`count-${name}`);
    writeFileSync(file, '');
    const child = spawn(command[0] as string, [...command.slice(1), file], { stdio: 'inherit' });
    t.after(() => child.kill('SIGKILL'));
    const worker = { count: () => readFileSync(file, 'utf8').length, pid: child.pid as number };
    await goesOn(worker);
    return worker;
  }

  const inItsCgroup = (t: TestContext) =>
    start(t, 'cgroup', ['sh', '-c', `echo $$ > "$0"; ${COUNT}`, inCgroup('cgroup.procs')]);
  const bySwornRun = (t: TestContext) =>
    start(t, 'run', [
      SWORN,
      'run',
      '--identity',
      'app',
      '--socket',
      at('run/agent.sock'),
      '--',
      'sh',
      '-c',
      COUNT,
      'sh',
    ]);

  async function until(what: string, condition: () => boolean): Promise<void> {
    for (const end = Date.now() + WAIT_MS_MAX; !condition(); await sleep(20)) assert.ok(Date.now() < end, what);
  }

  async function goesOn({ count }: Worker): Promise<void> {
    const before = count();
    await until('it goes on', () => count() > before);
  }

  /** Not one step in as long as it would take thirty. */
  async function stands({ count }: Worker): Promise<boolean> {
    const before = count();
    await sleep(300);
    return count() === before;
  }

  async function stand(...workers: Worker[]): Promise<void> {
    for (const worker of workers) while (!(await stands(worker))) await sleep(20);
  }

  async function findings(): Promise<string[]> {
    const agentId = readFileSync(at('disk/state/agent-id'), 'utf8').trim();
    const journal = await Journal.open({ folder: at('disk/state/journal'), agentId, host: hostname() });
    try {
      const record = await readBack(journal);
      return record.flatMap(({ finding, workload }) =>
        finding?.kind?.startsWith('workload_') ? [`${finding.kind} ${finding.attributes?.['cause']} ${workload}`] : [],
      );
    } finally {
      await journal.close();
    }
  }

  it('stops workloads while there is no room, and lets them go on when there is', async (t) => {
    if (!isMounted) return t.skip('this host lets nobody mount a tmpfs');
    const agent = await startAgent(t);
    const workers = [await inItsCgroup(t), await bySwornRun(t)];
    const outsider = await start(t, 'outsider', ['sh', '-c', COUNT, 'sh']);
    resize('400M');
    await stand(...workers);
    await goesOn(outsider);
    resize('2G');
    for (const worker of workers) await goesOn(worker);
    await agent.stop();
    const found = await findings();
    for (const one of ['workload_frozen journal_full work', 'workload_thawed journal_has_room work']) {
      assert.equal(found.filter((text) => text === one).length >= 2, true, `${one}: ${found}`);
    }
  });

  it('lets them go on when the agent stops', async (t) => {
    if (!isMounted) return t.skip('this host lets nobody mount a tmpfs');
    const agent = await startAgent(t);
    const workers = [await inItsCgroup(t), await bySwornRun(t)];
    resize('400M');
    await stand(...workers);
    await agent.stop();
    for (const worker of workers) await goesOn(worker);
    resize('2G');
    assert.ok((await findings()).includes('workload_thawed agent_stopping work'));
  });

  it('lets them go on when the agent was killed, is started again, and there is room', async (t) => {
    if (!isMounted) return t.skip('this host lets nobody mount a tmpfs');
    const agent = await startAgent(t);
    const workers = [await inItsCgroup(t), await bySwornRun(t)];
    resize('400M');
    await stand(...workers);
    agent.child.kill('SIGKILL');
    await agent.ended;
    // Fail closed: nobody records, nobody works.
    assert.deepEqual([await stands(workers[0] as Worker), await stands(workers[1] as Worker)], [true, true]);
    resize('2G');
    const next = await startAgent(t);
    for (const worker of workers) await goesOn(worker);
    await next.stop();
  });
});
