// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { whyNoRecording } from '../../test/oracle/recording/recording.ts';
import { assertTame, type Ended, onTerminal, runProgram, runSworn, SWORN } from '../testing/run-sworn.ts';

interface Checks {
  readonly usable: boolean;
  readonly checks: readonly { readonly name: string; readonly state: string; readonly next: string }[];
}

describe('sworn doctor', { skip: whyNoRecording() }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-cli-'));
    chmodSync(folder, 0o755);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function config(name: string, changes: object = {}): string {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify({ state_dir: join(folder, 'state'), ...changes }));
    return path;
  }
  const workloads = {
    identities: [{ name: 'a', tenant: crypto.randomUUID(), client_id: crypto.randomUUID() }],
    workloads: [{ name: 'a', identity: 'a', select: [{ run: ['root'] }] }],
  };

  it('ends with 0 where recording works, and warns of what is left to do', async () => {
    const { code, out, err } = await runSworn(['doctor', '--config', config('empty.yaml')]);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^ +check +found\n/);
    for (const name of ['rights', 'kernel', 'cgroup v2', 'BPF programs', 'configuration', 'state folder'])
      assert.match(out, new RegExp(`^ok +${name} `, 'm'));
    assert.match(out, /^warn +workloads +none$/m);
    assert.match(out, /^workloads: none\n {2}Nothing will be recorded/m);
  });

  it('gives one JSON object', async () => {
    const { code, out } = await runSworn(['doctor', '--json', '--config', config('full.yaml', workloads)]);
    assert.equal(code, 0);
    const { usable, checks } = JSON.parse(out) as Checks;
    assert.equal(usable, true);
    assert.equal(checks.find(({ name }) => name === 'workloads')?.state, 'ok');
    assert.deepEqual(
      checks.filter(({ state, next }) => (state === 'ok') !== (next === '')),
      [],
      'whatever is not well says what to do',
    );
  });

  it('tells somebody without rights in the same table what is missing', async () => {
    const secret = config('secret.yaml', workloads);
    chmodSync(secret, 0o600);
    const nobody = (...words: string[]): Promise<Ended> =>
      runProgram('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', SWORN, 'doctor', ...words]);
    const { code, out, err } = await nobody('--config', secret);
    assert.deepEqual([code, err], [2, '']);
    assert.match(out, /^FAIL +rights +this process lacks CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF$/m);
    assert.match(out, /^FAIL +configuration +.*EACCES/m);
    assert.match(out, /^rights: .*\n {2}Run it as root/m);
    assert.equal((JSON.parse((await nobody('--json', '--config', secret)).out) as Checks).usable, false);
  });

  const faults: [title: string, changes: object, line: RegExp][] = [
    ['a key that there is not', { frobnicate: 1 }, /^FAIL +configuration (?:.|\n)*^ {2}line 1: frobnicate/m],
    ['a state folder that cannot be', { state_dir: '/dev/null/state' }, /^FAIL +state folder /m],
    [
      'a program that there is not',
      { ...workloads, workloads: [{ name: 'a', identity: 'a', select: [{ user: 'no-such-user' }] }] },
      /^FAIL +workloads .*no-such-user/m,
    ],
    [
      'certificates that are not there',
      { collector: { address: 'localhost:1', ca_file: '/none', certificate_file: '/none', key_file: '/none' } },
      /^FAIL +collector .*ENOENT/m,
    ],
  ];
  for (const [title, changes, line] of faults) {
    it(`ends with 2 for ${title}`, async () => {
      const { code, out } = await runSworn(['doctor', '--config', config('faulty.yaml', changes)]);
      assert.equal(code, 2);
      assert.match(out, line);
    });
  }

  it('names a configuration that was asked for and is not there', async () => {
    const { code, out } = await runSworn(['doctor', '--config', join(folder, 'none.yaml')]);
    assert.equal(code, 2);
    assert.match(out, /^FAIL +configuration .*ENOENT.*none\.yaml/m);
  });

  it('shows what a configuration holds without acting on the terminal', async () => {
    const path = join(folder, 'hostile.yaml');
    writeFileSync(path, '"\\e[2Jx": 1\n');
    const { code, out } = await onTerminal(['doctor', '--config', path], 120, { environment: { NO_COLOR: '1' } });
    assert.equal(code, 2);
    assert.match(out, /\\x1b\[2Jx/);
    assertTame(out);
  });
});
