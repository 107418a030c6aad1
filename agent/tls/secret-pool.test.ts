// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MasterSecret, TrafficSecret } from '../model/tls-secret.ts';
import { SecretPool } from './secret-pool.ts';

const random = (n: number): Buffer => Buffer.alloc(32, n);
const traffic = (n: number, clientRandom?: Buffer): TrafficSecret => ({
  kind: 'traffic',
  label: undefined,
  clientRandom,
  secret: Buffer.alloc(32, n),
});
const master = (n: number, clientRandom: Buffer, serverRandom?: Buffer): MasterSecret => ({
  kind: 'master',
  clientRandom,
  serverRandom,
  secret: Buffer.alloc(48, n),
});
const all = (clientRandom?: Buffer) => ({ clientRandom, afterArrival: 0, sinceNs: 0 });
const isZero = ({ secret }: { secret: Buffer }): boolean => secret.every((byte) => byte === 0);

test('secrets that name the connection come first, then those of its processes, then others; newest first', () => {
  const pool = new SecretPool();
  const [others, mine, newer, named, foreign] = [1, 2, 3, 4, 5].map((n) =>
    traffic(n, n === 4 ? random(1) : n === 5 ? random(2) : undefined),
  ) as [TrafficSecret, TrafficSecret, TrafficSecret, TrafficSecret, TrafficSecret];
  pool.add(named, 9, 0);
  pool.add(mine, 7, 1);
  pool.add(newer, 7, 2);
  pool.add(others, 8, 3);
  pool.add(foreign, 7, 4);
  const store = pool.storeFor(() => [7]);
  assert.deepEqual([...store.traffic(all(random(1)))], [named, newer, mine, others]);
  assert.ok([...store.traffic(all())].includes(foreign));
});

test('a secret that is taken is in no store, and is not filled with zeros', () => {
  const pool = new SecretPool();
  const secret = traffic(1);
  pool.add(secret, 1, 0);
  pool.storeFor(() => []).take(secret, undefined);
  pool.storeFor(() => []).take(secret, undefined);
  assert.deepEqual([...pool.storeFor(() => [1]).traffic(all())], []);
  assert.deepEqual(pool.counts, { added: 1, taken: 1, expired: 0, dropped: 0 });
  assert.ok(!isZero(secret));
});

test('a master secret is found by both randoms, or by the client’s where only that is known; the newest wins and stays', () => {
  const pool = new SecretPool();
  const [first, second, other] = [
    master(1, random(1)),
    master(2, random(1), random(9)),
    master(3, random(1), random(8)),
  ];
  for (const secret of [first, second, other]) pool.add(secret, 1, 0);
  const store = pool.storeFor(() => []);
  assert.equal(store.master(random(1), random(9)), second);
  assert.equal(store.master(random(1), random(9)), second);
  assert.equal(store.master(random(1), random(7)), first);
  assert.equal(store.master(random(2), random(9)), undefined);
});

test('what is not used in time leaves as zeros; a master secret in use stays', () => {
  const pool = new SecretPool({ unusedNsMax: 100 });
  const [old, used, unused] = [traffic(1), master(2, random(1)), master(3, random(2))];
  for (const secret of [old, used, unused]) pool.add(secret, 1, 0);
  pool.expire(90);
  assert.equal(pool.storeFor(() => []).master(random(1), random(5)), used);
  pool.expire(101);
  assert.deepEqual([isZero(old), isZero(used), isZero(unused)], [true, false, true]);
  assert.deepEqual(pool.counts, { added: 3, taken: 0, expired: 2, dropped: 0 });
  assert.equal(pool.storeFor(() => []).master(random(2), random(5)), undefined);
});

test('beyond its number the oldest leaves as zeros, and all of them when the session ends', () => {
  const pool = new SecretPool({ secretsMax: 3 });
  const secrets = [traffic(1), master(2, random(1)), traffic(3), traffic(4), master(5, random(1))];
  for (const [at, secret] of secrets.entries()) pool.add(secret, 1, at);
  assert.deepEqual(secrets.map(isZero), [true, true, false, false, false]);
  assert.equal(pool.size, 3);
  pool.drop();
  assert.ok(secrets.every(isZero));
  assert.deepEqual(pool.counts, { added: 5, taken: 0, expired: 0, dropped: 5 });
  assert.equal(pool.size, 0);
});
