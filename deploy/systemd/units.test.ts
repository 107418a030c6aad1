// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readUnitFile } from './testing/unit-file.ts';

const here = import.meta.dirname;
const UNITS = ['sworn-agent.service', 'sworn-collector.service', 'sworn-witness.service', 'sworn.slice'];
const sworn = join(here, '../../bin/sworn');

describe('the units', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-units-'));
    // systemd looks whether the program is there; it is elsewhere until it is installed.
    for (const name of UNITS) {
      const text = readFileSync(join(here, name), 'utf8').replaceAll('/opt/sworn/bin/sworn', sworn);
      writeFileSync(join(folder, name), text);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are understood by systemd, without a warning', () => {
    const paths = UNITS.map((name) => join(folder, name));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
      encoding: 'utf8',
    });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
  });

  // Tenths, as systemd-analyze counts. What keeps them up stands in docs/OPERATOR.md.
  const EXPOSURE_MAX = { 'sworn-agent.service': 25, 'sworn-collector.service': 11, 'sworn-witness.service': 11 };
  for (const [name, tenths] of Object.entries(EXPOSURE_MAX)) {
    it(`${name} is exposed no more than ${tenths / 10}`, () => {
      const args = ['security', '--offline=true', '--no-pager', `--threshold=${tenths}`, join(folder, name)];
      const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      assert.match(stdout, /Overall exposure level/);
      assert.equal(status, 0, /.*Overall.*/.exec(stdout)?.[0] ?? stdout);
    });
  }

  it('give the agent the capabilities that doctor asks for, and one that /proc asks for', () => {
    const doctor = readFileSync(join(here, '../../agent/doctor/host-checks.ts'), 'utf8');
    const asked = /const CAPABILITIES = \{(.*)\}/.exec(doctor)?.[1]?.match(/CAP_\w+/g) ?? [];
    assert.ok(asked.length > 0);
    const unit = readUnitFile(join(here, 'sworn-agent.service'));
    const given = unit.one('AmbientCapabilities').split(' ').sort();
    assert.deepEqual(given, [...asked, 'CAP_DAC_READ_SEARCH'].sort());
    assert.equal(unit.one('CapabilityBoundingSet'), unit.one('AmbientCapabilities'));
  });

  it('give collector and witness no capability, and a user of its own to each', () => {
    const userOf = (name: string) => readUnitFile(join(here, name)).one('User');
    for (const name of ['sworn-collector.service', 'sworn-witness.service']) {
      const unit = readUnitFile(join(here, name));
      assert.deepEqual([unit.all('AmbientCapabilities'), unit.all('CapabilityBoundingSet')], [[], []]);
      assert.match(readFileSync(join(here, name), 'utf8'), /^CapabilityBoundingSet=$/m);
    }
    const services = UNITS.filter((name) => name.endsWith('.service'));
    assert.equal(new Set(services.map(userOf)).size, services.length);
  });

  it('have users that sysusers makes', () => {
    const root = mkdtempSync(join(tmpdir(), 'sworn-sysusers-'));
    try {
      mkdirSync(join(root, 'etc'));
      mkdirSync(join(root, 'usr/lib/sysusers.d'), { recursive: true });
      cpSync(join(here, 'sworn.sysusers.conf'), join(root, 'usr/lib/sysusers.d/sworn.conf'));
      execFileSync('systemd-sysusers', [`--root=${root}`], { stdio: 'ignore' });
      const users = readFileSync(join(root, 'etc/passwd'), 'utf8');
      for (const name of UNITS.filter((unit) => unit.endsWith('.service'))) {
        const user = readUnitFile(join(here, name)).one('User');
        assert.match(users, new RegExp(`^${user}:.*nologin$`, 'm'));
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
