// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import { NO_IDENTITY } from '../model/identity.ts';
import { readAgentConfig } from './read-config.ts';
import { selectionsOf } from './selections.ts';
import { uidOf } from './users.ts';

const GUID = '11111111-2222-3333-4444-555555555555';
const OBJECT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';

function selections(...workloads: readonly object[]) {
  const identities = [
    { name: 'a', tenant: GUID, client_id: GUID },
    { name: 'b', tenant: GUID, client_id: GUID, object_id: OBJECT },
  ];
  return selectionsOf(readAgentConfig(JSON.stringify({ identities, workloads }), 'x'));
}

describe('selections', () => {
  it('give the kernel one number for each way to choose', () => {
    const select = [
      { unit: 'x.service' },
      { unit: 'y.slice' },
      { cgroup: '/a/b/' },
      { cgroup: '/' },
      { exe: '/bin/x' },
      { uid: 991 },
      { user: 'root' },
      { run: ['root', '991'] },
    ];
    const { selected, runs } = selections({ name: 'w', identity: 'a', select });
    assert.deepEqual(selected, [
      { id: 1, by: 'cgroup', path: '/system.slice/x.service' },
      { id: 2, by: 'cgroup', path: '/y.slice' },
      { id: 3, by: 'cgroup', path: '/a/b' },
      { id: 4, by: 'cgroup', path: '/' },
      { id: 5, by: 'exe', path: '/bin/x' },
      { id: 6, by: 'uid', uid: 991 },
      { id: 7, by: 'uid', uid: 0 },
    ]);
    assert.deepEqual(runs, [{ id: 8, workload: 'w', identity: 'a', uids: new Set([0, 991]) }]);
  });

  it('mean an identity by policy: its object id where that is known', () => {
    const { meaningOf } = selections(
      { name: 'v', identity: 'a', select: [{ unit: 'x.service' }] },
      { name: 'w', identity: 'b', select: [{ user: 'root' }] },
    );
    assert.equal(meaningOf(1).selectedBy, 'cgroup');
    assert.equal(meaningOf(1).binding.identityId, GUID);
    assert.equal(meaningOf(2).selectedBy, 'uid');
    assert.deepEqual(meaningOf(2).binding, {
      ...NO_IDENTITY,
      identityId: OBJECT,
      identityName: 'b',
      state: IdentityState.POLICY,
      source: IdentitySource.POLICY,
      tenantId: GUID,
      kind: 'app',
    });
  });

  it('that are not known mean nobody', () => {
    const { binding, workload } = selections().meaningOf(77);
    assert.deepEqual([workload, binding.identityId, binding.state], ['', '', IdentityState.NONE]);
  });

  it('find a workload again, by its run when it has one', () => {
    const { idOf } = selections({ name: 'w', identity: 'a', select: [{ uid: 5 }, { run: ['root'] }, { uid: 6 }] });
    assert.equal(idOf('w'), 2);
    assert.equal(idOf('gone'), undefined);
  });

  it('are refused for a user that the host does not have', () => {
    const select = [{ user: 'nobody-is-called-so' }];
    assert.throws(() => selections({ name: 'w', identity: 'a', select }), /there is no user 'nobody-is-called-so'/);
  });
});

describe('a user', () => {
  it('is a name of this host, or a number', () => {
    assert.equal(uidOf('root'), 0);
    assert.equal(uidOf('4242'), 4242);
  });

  it('is no option of a program, and no text', () => {
    for (const name of ['-s', '--help', 'a b', '', 'root;id']) assert.throws(() => uidOf(name), /is no name of a user/);
  });
});
