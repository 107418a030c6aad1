// SPDX-License-Identifier: Apache-2.0

/** Real processes in real cgroups. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessKey } from '../model/kernel-event.ts';
import { cgroupRoot } from '../source/ebpf/cgroup.ts';
import { isStartedAt, processKeyOf } from '../source/ebpf/proc.ts';
import { Cgroups } from './cgroups.ts';
import { FreezeNote } from './freeze-note.ts';
import { Freezer } from './freezer.ts';

const root = cgroupRoot();
const cannot =
  root === undefined ? 'no cgroup v2' : process.getuid?.() === 0 ? false : 'only root may make cgroups at the root';

describe('freezing through cgroups', { skip: cannot }, () => {
  const base = `/sworn-freezer-test-${process.pid}`;
  let folder = '';
  const at = (...path: string[]): string => join(root as string, ...path);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-freeze-'));
    mkdirSync(at(base));
  });
  after(async () => {
    for (const { name } of readdirSync(at(base), { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      // What a worker started last.
      while (readFileSync(at(base, name, 'cgroup.procs'), 'utf8') !== '') await sleep(10);
      rmdirSync(at(base, name));
    }
    rmdirSync(at(base));
    rmSync(folder, { recursive: true, force: true });
  });

  function newFreezer(): Freezer {
    return new Freezer({
      cgroups: new Cgroups(root as string),
      note: new FreezeNote(join(folder, 'frozen.json')),
      isSame: isStartedAt,
    });
  }

  /** A process that counts in a file, in this cgroup. */
  async function worker(t: TestContext, cgroup: string): Promise<{ key: ProcessKey; count: () => number }> {
    const file = join(folder, `count-${cgroup.replaceAll('/', '_')}-${Math.random()}`);
    writeFileSync(file, '');
    const script = 'echo $$ > "$0/cgroup.procs"; echo ready; while :; do printf x >> "$1"; sleep 0.01; done';
    const child = spawn('sh', ['-c', script, at(cgroup), file], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return { key: processKeyOf(child.pid as number) as ProcessKey, count: () => readFileSync(file, 'utf8').length };
  }

  function make(name: string): string {
    mkdirSync(at(base, name));
    return join(base, name);
  }

  async function reached(cgroup: string, frozen: boolean): Promise<void> {
    const wanted = `frozen ${frozen ? 1 : 0}`;
    while (!readFileSync(at(cgroup, 'cgroup.events'), 'utf8').includes(wanted)) await sleep(5);
  }

  async function goesOn({ count }: { count: () => number }): Promise<void> {
    for (const before = count(); count() === before; ) await sleep(5);
  }

  /** What the kernel still ends in it keeps it for a moment; another call of `thaw` tells nothing new. */
  async function isRemoved(freezer: Freezer, cgroup: string): Promise<void> {
    while (readdirSync(at(cgroup)).includes('sworn-frozen')) {
      await sleep(10);
      assert.deepEqual(freezer.thaw(), []);
    }
    assert.ok(freezer.isIdle);
  }

  const session = (id: string, ...workers: { key: ProcessKey }[]) => ({ id, processes: workers.map(({ key }) => key) });

  it('freezes a cgroup of its own whole, with what was started in it and never told, and thaws it', async (t) => {
    const cgroup = make('own');
    const one = await worker(t, cgroup);
    const freezer = newFreezer();
    // What it starts itself (sleep) is not told: so it shares its cgroup, for all that is known.
    const pids = () => readFileSync(at(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    const keys = () => pids().flatMap((pid) => processKeyOf(pid) ?? []);
    let news = freezer.freeze([{ id: 's1', processes: keys() }]);
    while (readdirSync(at(cgroup)).includes('sworn-frozen')) {
      freezer.thaw();
      news = freezer.freeze([{ id: 's1', processes: keys() }]);
    }
    assert.deepEqual(news, [{ kind: 'frozen', id: 's1', cgroup, reason: '' }]);
    await reached(cgroup, true);
    const stopped = one.count();
    assert.deepEqual(freezer.freeze([session('s1', one)]), [], 'what is frozen is not told again');
    await sleep(100);
    assert.equal(one.count(), stopped);
    assert.deepEqual(freezer.thaw(), [{ kind: 'thawed', id: 's1', cgroup, reason: '' }]);
    await goesOn(one);
  });

  it('puts processes that share their cgroup with others into one of their own, and back', async (t) => {
    const cgroup = make('shared');
    const [mine, other] = [await worker(t, cgroup), await worker(t, cgroup)];
    const freezer = newFreezer();
    assert.deepEqual(
      freezer.freeze([session('s2', mine)]).map(({ kind, id }) => [kind, id]),
      [['frozen', 's2']],
    );
    await reached(join(cgroup, 'sworn-frozen'), true);
    const stopped = mine.count();
    await goesOn(other);
    assert.equal(mine.count(), stopped);
    freezer.thaw();
    await goesOn(mine);
    await isRemoved(freezer, cgroup);
    assert.equal(new Cgroups(root as string).of(mine.key.pid), cgroup);
  });

  it('thaws what an earlier run had frozen when it was killed', async (t) => {
    const cgroup = make('left');
    const [mine] = [await worker(t, cgroup), await worker(t, cgroup)];
    newFreezer().freeze([session('s3', mine)]);
    await reached(join(cgroup, 'sworn-frozen'), true);
    const next = newFreezer();
    assert.deepEqual(next.frozen, [join(cgroup, 'sworn-frozen')]);
    assert.deepEqual(next.thaw(), [{ kind: 'thawed', id: '', cgroup, reason: '' }]);
    await goesOn(mine);
    await isRemoved(next, cgroup);
    assert.deepEqual(newFreezer().frozen, []);
  });

  it('freezes again what somebody thawed', async (t) => {
    const cgroup = make('thawed-by-others');
    const [mine] = [await worker(t, cgroup), await worker(t, cgroup)];
    const freezer = newFreezer();
    freezer.freeze([session('s7', mine)]);
    await reached(join(cgroup, 'sworn-frozen'), true);
    writeFileSync(at(cgroup, 'sworn-frozen', 'cgroup.freeze'), '0');
    await goesOn(mine);
    assert.deepEqual(
      freezer.freeze([session('s7', mine)]).map(({ kind }) => kind),
      ['frozen'],
    );
    await reached(join(cgroup, 'sworn-frozen'), true);
    freezer.thaw();
    await goesOn(mine);
    await isRemoved(freezer, cgroup);
  });

  it('leaves what somebody else has frozen', async (t) => {
    const cgroup = make('theirs');
    const one = await worker(t, cgroup);
    writeFileSync(at(cgroup, 'cgroup.freeze'), '1');
    t.after(() => writeFileSync(at(cgroup, 'cgroup.freeze'), '0'));
    const freezer = newFreezer();
    assert.deepEqual(freezer.freeze([session('s4', one)]), []);
    assert.deepEqual(freezer.thaw(), []);
    assert.equal(readFileSync(at(cgroup, 'cgroup.freeze'), 'utf8').trim(), '1');
  });

  it('touches no process that has the number of one that is gone', async (t) => {
    const cgroup = make('reused');
    const one = await worker(t, cgroup);
    const freezer = newFreezer();
    const gone = { key: { pid: one.key.pid, startNs: one.key.startNs - 10_000_000_000n } };
    assert.deepEqual(freezer.freeze([session('s5', gone)]), []);
    await goesOn(one);
  });

  it('tells what cannot be frozen, once, and freezes nothing that it could not note', async (t) => {
    const cgroup = make('unnoted');
    const one = await worker(t, cgroup);
    const freezer = new Freezer({
      cgroups: new Cgroups(root as string),
      note: new FreezeNote(join(folder, 'no-such-folder/frozen.json')),
      isSame: isStartedAt,
    });
    const told = [...freezer.freeze([session('s6', one)]), ...freezer.freeze([session('s6', one)])];
    assert.deepEqual(told, [{ kind: 'not-frozen', id: 's6', cgroup, reason: 'ENOENT' }]);
    await goesOn(one);
  });
});
