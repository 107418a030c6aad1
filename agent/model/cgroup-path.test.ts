// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerIdOf, outermostContainerIdOf, slicesOf, systemUnitOf } from './cgroup-path.ts';

const OUTER = 'a'.repeat(64);
const INNER = 'b'.repeat(64);

describe('the path of a cgroup', () => {
  it('names the container, by the names that runtimes give', () => {
    for (const path of [
      `/system.slice/docker-${OUTER}.scope`,
      `/docker/${OUTER}`,
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-${OUTER}.scope`,
      `/kubepods/besteffort/pod1/${OUTER}`,
      `/machine.slice/libpod-${OUTER}.scope/container`,
    ]) {
      assert.equal(containerIdOf(path), OUTER, path);
      assert.equal(outermostContainerIdOf(path), OUTER, path);
    }
    for (const path of ['', '/', '/system.slice/a.service', `/docker/${OUTER}x`, `/docker/${OUTER.slice(1)}`]) {
      assert.deepEqual([containerIdOf(path), outermostContainerIdOf(path)], ['', ''], path);
    }
  });

  it('tells the container of the host from one that was made inside it', () => {
    const path = `/docker/${OUTER}/docker/${INNER}`;
    assert.deepEqual([containerIdOf(path), outermostContainerIdOf(path)], [INNER, OUTER]);
  });

  it('names the unit of the system, and never one of a user', () => {
    const unit = (path: string): [string, string[]] => [systemUnitOf(path), slicesOf(path)];
    assert.deepEqual(unit('/system.slice/a.service'), ['a.service', ['system.slice']]);
    assert.deepEqual(unit('/system.slice/a.service/inner/b.service'), ['a.service', ['system.slice']]);
    assert.deepEqual(unit('/a.slice/a-b.slice/c.scope'), ['c.scope', ['a.slice', 'a-b.slice']]);
    assert.deepEqual(unit('/user.slice/user-7.slice/user@7.service/app.slice/system.slice/a.service'), [
      'user@7.service',
      ['user.slice', 'user-7.slice'],
    ]);
    assert.deepEqual(unit('/made/system.slice/a.service'), ['', []]);
    assert.deepEqual(unit('/a.slice'), ['', ['a.slice']]);
    assert.deepEqual(unit('/'), ['', []]);
    assert.deepEqual(unit(''), ['', []]);
  });
});
