// SPDX-License-Identifier: Apache-2.0

/** The host as it is, and hosts as others have them. That `sworn doctor` ends with 2 without rights is in cli/. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Check } from './check.ts';
import { type HostFacts, hostChecks, hostFacts } from './host-checks.ts';

/** A host on which nothing is missing; its programs are not loaded when one of the checks before fails. */
const GOOD: HostFacts = {
  capabilities: (1n << 12n) | (1n << 19n) | (1n << 38n) | (1n << 39n),
  uid: 991,
  release: '6.8.0-45-generic',
  hasTypes: true,
  cgroupRoot: '/sys/fs/cgroup',
  lockdown: 'none [integrity] confidentiality\n',
  hasProbes: true,
};
const NAMES = ['rights', 'kernel', 'kernel types (BTF)', 'cgroup v2', 'kernel lockdown', 'probes in programs'];

function check(name: string, change: Partial<HostFacts>): Check {
  // Something else fails too, so that no program is loaded here.
  const otherwise: Partial<HostFacts> = name === 'kernel types (BTF)' ? {} : { hasTypes: false };
  const found = hostChecks({ ...GOOD, ...otherwise, ...change }).find((one) => one.name === name);
  assert.ok(found);
  assert.equal(found.next === '', found.state === 'ok', 'whatever is not well says what to do');
  return found;
}

describe('this host', () => {
  const cannot = hostChecks(hostFacts()).find(({ state }) => state === 'fail');

  it('can be recorded, and all programs load', { skip: cannot && `${cannot.name}: ${cannot.found}` }, () => {
    const checks = hostChecks();
    assert.deepEqual(
      checks.map(({ name }) => name),
      [...NAMES, 'native addon', 'BPF programs', 'guard'],
    );
    assert.deepEqual(
      checks.filter(({ state }) => state === 'fail'),
      [],
    );
    assert.match(checks.at(-2)?.found ?? '', /^[1-9]\d* load and attach$/);
    assert.notEqual(checks.at(-1)?.found, '');
  });
});

describe('a host', () => {
  it('is not loaded with programs when something is missing', () => {
    const checks = hostChecks({ ...GOOD, hasTypes: false });
    assert.deepEqual(
      checks.map(({ name }) => name),
      NAMES,
    );
  });

  it('needs rights: some capabilities, or one that has them all', () => {
    assert.equal(check('rights', {}).found, 'uid 991 with capabilities');
    assert.equal(check('rights', { uid: 0, capabilities: (1n << 41n) - 1n }).found, 'root');
    assert.equal(check('rights', { capabilities: 1n << 21n }).state, 'ok');
    const { state, found, next } = check('rights', { capabilities: 1n << 12n });
    assert.equal(state, 'fail');
    assert.equal(found, 'this process lacks CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF');
    assert.match(next, /root/);
    assert.equal(check('rights', { uid: 0, capabilities: 0n }).state, 'fail', 'root in a container may have none');
  });

  it('needs a kernel that is new enough, and is told when an older one costs more', () => {
    for (const [release, state] of [
      ['4.18.0-553.el8', 'fail'],
      ['5.15.0-122-generic', 'fail'],
      ['5.17.0', 'warn'],
      ['6.1.0-25-amd64', 'warn'],
      ['6.3.0', 'ok'],
      ['6.12.0+rpi', 'ok'],
      ['10.0.0', 'ok'],
      ['what is this', 'fail'],
    ] as const) {
      assert.equal(check('kernel', { release }).state, state, release);
    }
  });

  it('needs a kernel that describes its types', () => {
    const { state, next } = check('kernel types (BTF)', { hasTypes: false });
    assert.equal(state, 'fail');
    assert.match(next, /CONFIG_DEBUG_INFO_BTF/);
  });

  it('needs cgroup v2', () => {
    assert.equal(check('cgroup v2', {}).found, '/sys/fs/cgroup');
    const { state, next } = check('cgroup v2', { cgroupRoot: undefined });
    assert.equal(state, 'fail');
    assert.match(next, /mount -t cgroup2/);
  });

  it('may be locked down, but not for confidentiality', () => {
    assert.equal(check('kernel lockdown', {}).found, 'integrity');
    assert.equal(check('kernel lockdown', { lockdown: '' }).found, 'none');
    assert.equal(check('kernel lockdown', { lockdown: '[none] integrity confidentiality' }).state, 'ok');
    assert.equal(check('kernel lockdown', { lockdown: 'none integrity [confidentiality]' }).state, 'fail');
  });

  it('is recorded without probes, but for what is said in TLS', () => {
    assert.equal(check('probes in programs', {}).state, 'ok');
    const older = { release: '6.1.0-25-amd64' };
    assert.match(check('probes in programs', older).next, /CAP_SYS_ADMIN/);
    assert.equal(check('probes in programs', { ...older, capabilities: 1n << 21n }).state, 'ok');
    const { state, next } = check('probes in programs', { hasProbes: false });
    assert.equal(state, 'warn');
    assert.match(next, /CONFIG_UPROBE_EVENTS/);
  });
});
