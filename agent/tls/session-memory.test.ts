// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MasterSecret } from '../model/tls-secret.ts';
import { SessionMemory } from './session-memory.ts';

const named = (name: string): Buffer => Buffer.from(name);
const master = (n: number): MasterSecret => ({
  kind: 'master',
  clientRandom: Buffer.alloc(32, n),
  serverRandom: undefined,
  secret: Buffer.alloc(48, n),
});
const isZero = (one: MasterSecret | undefined): boolean | undefined => one?.secret.every((byte) => byte === 0);

test('keeps a copy for each name; the newest wins, and the older is zeros', () => {
  const memory = new SessionMemory();
  const handedOver = master(1);
  memory.remember(named('ticket'), handedOver, 0);
  memory.remember(named('id'), handedOver, 0);
  handedOver.secret.fill(0);
  const old = memory.resumed(named('ticket'), 1);
  assert.deepEqual(old?.secret, master(1).secret);
  memory.remember(named('ticket'), master(2), 2);
  assert.equal(isZero(old), true);
  assert.deepEqual(memory.resumed(named('ticket'), 3)?.secret, master(2).secret);
  assert.deepEqual(memory.resumed(named('id'), 3)?.secret, master(1).secret);
  assert.equal(memory.resumed(named('other'), 3), undefined);
  assert.deepEqual([memory.counts, memory.size], [{ remembered: 3, forgotten: 1 }, 2]);
});

test('beyond its number the one that was used least lately leaves as zeros', () => {
  const memory = new SessionMemory({ sessionsMax: 2 });
  memory.remember(named('one'), master(1), 0);
  memory.remember(named('two'), master(2), 1);
  const one = memory.resumed(named('one'), 2);
  memory.remember(named('three'), master(3), 3);
  assert.equal(memory.resumed(named('two'), 4), undefined);
  assert.equal(memory.resumed(named('one'), 4), one);
  memory.drop();
  assert.equal(isZero(one), true);
  assert.deepEqual([memory.counts, memory.size], [{ remembered: 3, forgotten: 3 }, 0]);
});

test('what is not resumed in time leaves as zeros; what is stays', () => {
  const memory = new SessionMemory({ sessionUnusedNsMax: 100 });
  memory.remember(named('unused'), master(1), 0);
  const unused = memory.resumed(named('unused'), 0);
  memory.remember(named('used'), master(2), 1);
  const used = memory.resumed(named('used'), 60);
  memory.expire(100);
  assert.deepEqual([isZero(unused), isZero(used)], [false, false]);
  memory.expire(101);
  assert.deepEqual([isZero(unused), isZero(used)], [true, false]);
  memory.expire(161);
  assert.deepEqual([isZero(used), memory.counts], [true, { remembered: 2, forgotten: 2 }]);
});
