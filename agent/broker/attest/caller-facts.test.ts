// SPDX-License-Identifier: Apache-2.0

/** Real processes, some of which would like to be taken for others. The oracle is what the host's own tools say. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { cgroupRoot } from '../../source/ebpf/cgroup.ts';
import { matches } from '../policy/match.ts';
import type { PolicyMatch } from '../policy/policy.ts';
import { asker } from '../testing/policy-maker.ts';
import { startNsOf } from '../testing/staged-broker.ts';
import { type CallerFacts, createFactsOf } from './caller-facts.ts';

const isRoot = process.getuid?.() === 0;
const NEEDS_ROOT = { skip: isRoot ? false : 'needs root: other users, mounts, and folders of the cgroup tree' };
const NOBODY = 65_534;
const SLEEP = realpathSync('/bin/sleep');

const root = cgroupRoot();
const factsOf = createFactsOf({ cgroupRoot: root });
const children = new Set<ChildProcess>();
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-facts-'));
  chmodSync(folder, 0o755);
});
after(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const child of children) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.kill('SIGKILL')) await ended;
  }
  children.clear();
});

const oracle = (path: string): string => execFileSync('sha256sum', ['-b', path], { encoding: 'utf8' }).slice(0, 64);

/** Runs `command`, whose last program is a sleep, and resolves when that is what the process executes. */
async function running(command: readonly string[], argv0?: string): Promise<number> {
  const [program = '', ...words] = command;
  const child = spawn(program, words, { stdio: 'ignore', ...(argv0 !== undefined && { argv0 }) });
  children.add(child);
  const { pid } = child;
  assert.ok(pid !== undefined, `${program} did not start`);
  // A program that has begun to sleep has been executed.
  for (;;) {
    const words = commandOf(pid);
    if (words.at(-1) === '600' && words.length === 2) return pid;
    assert.equal(child.exitCode, null, `${command.join(' ')} ended`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function commandOf(pid: number): string[] {
  return execFileSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
}

async function read(pid: number, digest = true): Promise<CallerFacts> {
  const facts = await factsOf({ pid, startNs: startNsOf(pid) }, { digest });
  assert.ok(facts !== undefined, 'there are no facts');
  return facts;
}

const fits = (match: PolicyMatch, facts: CallerFacts): boolean => matches(match, { ...facts, workload: 'w' });

describe('the facts of a process', () => {
  test('are what the host says of it', async () => {
    const pid = await running([SLEEP, '600']);
    const facts = await read(pid);
    const { dev, ino } = statSync(SLEEP, { bigint: true });
    const cgroup = /^0::(.*)$/m.exec(execFileSync('cat', [`/proc/${pid}/cgroup`], { encoding: 'utf8' }))?.[1];
    assert.deepEqual(
      { ...facts, slices: [], unit: '', containerId: '' },
      {
        exe: SLEEP,
        exeIsAtPath: true,
        exeSha256: oracle(SLEEP),
        exeSha256Missing: undefined,
        device: dev,
        inode: ino,
        cgroup,
        unit: '',
        slices: [],
        containerId: '',
        uid: Number(execFileSync('id', ['-u'], { encoding: 'utf8' })),
        gid: Number(execFileSync('id', ['-g'], { encoding: 'utf8' })),
        realUid: Number(execFileSync('id', ['-ru'], { encoding: 'utf8' })),
        realGid: Number(execFileSync('id', ['-rg'], { encoding: 'utf8' })),
        networkNamespace: Number(statSync('/proc/self/ns/net').ino),
      },
    );
    assert.deepEqual(
      Object.keys(facts).sort(),
      Object.keys(asker())
        .filter((name) => name !== 'workload')
        .sort(),
    );
  });

  test('have a digest when it is asked for, or known already', async () => {
    const own = createFactsOf({ cgroupRoot: root });
    const pid = await running([SLEEP, '600']);
    const key = { pid, startNs: startNsOf(pid) };
    assert.deepEqual((await own(key))?.exeSha256Missing, 'not-asked');
    assert.equal((await own(key, { digest: true }))?.exeSha256, oracle(SLEEP));
    assert.equal((await own(key))?.exeSha256, oracle(SLEEP));
  });

  test('are none of a process that has ended, nor of one that only has its pid', async () => {
    const pid = await running([SLEEP, '600']);
    const startNs = startNsOf(pid);
    assert.equal(await factsOf({ pid, startNs: startNs + 10_000_000n }), undefined);
    const [child] = children;
    const ended = new Promise((resolve) => child?.once('close', resolve));
    child?.kill('SIGKILL');
    await ended;
    assert.equal(await factsOf({ pid, startNs }), undefined);
  });

  test('are of the ids that count, and tell a set-uid program from its user and its owner', NEEDS_ROOT, async () => {
    const plain = await read(await running(['setpriv', `--reuid=${NOBODY}`, '--clear-groups', SLEEP, '600']));
    assert.deepEqual([plain.uid, plain.realUid], [NOBODY, NOBODY]);
    assert.ok(fits({ uid: NOBODY }, plain));
    const setUid = await read(await running(['setpriv', `--ruid=${NOBODY}`, SLEEP, '600']));
    assert.deepEqual([setUid.uid, setUid.realUid], [0, NOBODY]);
    assert.ok(!fits({ uid: 0 }, setUid) && !fits({ uid: NOBODY }, setUid));
  });
});

describe('a program that would be taken for another', () => {
  test('is not: a copy with the same name, elsewhere or changed', async () => {
    const right = join(folder, 'agent');
    copyFileSync(SLEEP, right);
    mkdirSync(join(folder, 'copy'), { recursive: true });
    const copy = join(folder, 'copy/agent');
    copyFileSync(SLEEP, copy);
    appendFileSync(copy, 'changed');
    const match: PolicyMatch = { exe: right, exeSha256: oracle(right) };
    assert.ok(fits(match, await read(await running([right, '600']))));
    const facts = await read(await running([copy, '600'], right));
    assert.ok(!fits({ exe: right }, facts), 'argv[0] is no path');
    assert.equal(facts.exe, copy);
    assert.ok(!fits({ exeSha256: oracle(right) }, facts));
    assert.equal(facts.exeSha256, oracle(copy));
  });

  test('is the same program by its digest when it is another name of the same file', async () => {
    const right = join(folder, 'first-name');
    copyFileSync(SLEEP, right);
    const second = join(folder, 'second-name');
    linkSync(right, second);
    const facts = await read(await running([second, '600']));
    assert.ok(!fits({ exe: right }, facts));
    assert.ok(fits({ exeSha256: oracle(right) }, facts));
  });

  test('is what it was when its file was replaced, and no longer what is at its path', async () => {
    const path = join(folder, 'replaced');
    copyFileSync(SLEEP, path);
    const before = oracle(path);
    const pid = await running([path, '600']);
    const other = join(folder, 'newer');
    copyFileSync(SLEEP, other);
    appendFileSync(other, 'newer');
    renameSync(other, path);
    const facts = await read(pid);
    assert.deepEqual([facts.exe, facts.exeIsAtPath, facts.exeSha256], [path, false, before]);
    assert.ok(!fits({ exe: path }, facts));
    assert.ok(fits({ exeSha256: before }, facts) && !fits({ exeSha256: oracle(path) }, facts));
  });

  test('has no path that is right when its name only looks like a deleted one', async () => {
    const path = join(folder, 'agent (deleted)');
    copyFileSync(SLEEP, path);
    const facts = await read(await running([path, '600']));
    assert.deepEqual([facts.exe, facts.exeIsAtPath], [path, true]);
  });

  test('is not at its path when that is so only in a mount namespace of its own', NEEDS_ROOT, async () => {
    const [right, fake] = [join(folder, 'right'), join(folder, 'fake')];
    copyFileSync(SLEEP, right);
    copyFileSync(SLEEP, fake);
    appendFileSync(fake, 'fake');
    const script = `mount --bind '${fake}' '${right}' && exec '${right}' 600`;
    const facts = await read(await running(['unshare', '--mount', 'sh', '-c', script]));
    assert.deepEqual([facts.exe, facts.exeIsAtPath, facts.exeSha256], [right, false, oracle(fake)]);
    assert.ok(!fits({ exe: right }, facts) && !fits({ exeSha256: oracle(right) }, facts));
  });
});

describe('a cgroup', { skip: NEEDS_ROOT.skip || (root === undefined ? 'this host has no cgroup v2' : false) }, () => {
  const id = (letter: string): string => letter.repeat(64);
  const made: string[] = [];
  let top = '';

  before(() => {
    top = `sworn-facts-${process.pid}.slice`;
    make('');
  });
  after(() => {
    for (const path of made.reverse()) rmdirSync(path);
  });

  function make(path: string, owner = 0): string {
    const full = join(root ?? '', top, path);
    mkdirSync(full);
    made.push(full);
    chownSync(full, owner, owner);
    return full;
  }

  async function inside(path: string): Promise<CallerFacts> {
    const pid = await running([SLEEP, '600']);
    writeFileSync(join(root ?? '', top, path, 'cgroup.procs'), `${pid}`);
    const facts = await read(pid);
    assert.equal(facts.cgroup, join('/', top, path));
    // Out of it again, so that the folder can go.
    writeFileSync(join(root ?? '', 'cgroup.procs'), `${pid}`);
    return facts;
  }

  test('that root made tells unit and container', async () => {
    make('agent.service');
    make(`docker-${id('a')}.scope`);
    const unit = await inside('agent.service');
    assert.deepEqual([unit.unit, unit.slices, unit.containerId], ['agent.service', [top], '']);
    const container = await inside(`docker-${id('a')}.scope`);
    assert.deepEqual([container.unit, container.containerId], [`docker-${id('a')}.scope`, id('a')]);
  });

  test('that was made inside a container or a unit lends nothing of its name', async () => {
    make(`docker-${id('c')}.scope`);
    make(`docker-${id('c')}.scope/docker-${id('d')}.scope`);
    const facts = await inside(`docker-${id('c')}.scope/docker-${id('d')}.scope`);
    assert.equal(facts.containerId, id('c'));
    assert.ok(!fits({ containerId: id('d') }, facts));
    make('user@7.service');
    make('user@7.service/other.service');
    assert.equal((await inside('user@7.service/other.service')).unit, 'user@7.service');
  });

  test('that a user made in a part of the tree of its own is no unit and no container', async () => {
    make('handed.slice', NOBODY);
    make('handed.slice/agent.service', NOBODY);
    make(`handed.slice/docker-${id('e')}.scope`, NOBODY);
    const unit = await inside('handed.slice/agent.service');
    assert.deepEqual([unit.unit, unit.slices], ['', [top, 'handed.slice']]);
    const container = await inside(`handed.slice/docker-${id('e')}.scope`);
    assert.deepEqual([container.unit, container.containerId], ['', '']);
  });

  test('tells nothing where nobody says where the tree is', async () => {
    const blind = createFactsOf({});
    const pid = await running([SLEEP, '600']);
    writeFileSync(join(root ?? '', top, 'agent.service', 'cgroup.procs'), `${pid}`);
    const facts = await blind({ pid, startNs: startNsOf(pid) });
    writeFileSync(join(root ?? '', 'cgroup.procs'), `${pid}`);
    assert.deepEqual([facts?.unit, facts?.cgroup], ['', `/${top}/agent.service`]);
  });
});
