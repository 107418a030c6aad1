// SPDX-License-Identifier: Apache-2.0

/** Keys are given to whoever proves them, and leave no trace otherwise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SshCipherKey } from '../model/ssh-key.ts';
import { SshKeyPool } from './key-pool.ts';

function key(byte: number): SshCipherKey {
  return { cipher: 'aes-ctr', key: Buffer.alloc(32, byte), iv: Buffer.alloc(16, byte), encrypts: undefined };
}

function addsUp(pool: SshKeyPool): void {
  const { added, taken, expired, dropped } = pool.counts;
  assert.equal(added, taken + expired + dropped + pool.size);
}

test('keys of the own processes come first, the newest in front', () => {
  const pool = new SshKeyPool();
  for (const [byte, pid] of [
    [1, 10],
    [2, 20],
    [3, 10],
  ] as const) {
    pool.add(key(byte), pid, byte);
  }
  assert.deepEqual(
    [...pool.storeFor(() => [10]).candidates()].map((one) => one.key[0]),
    [3, 1, 2],
  );
});

test('what is taken is out of the pool and whole; what is dropped is zeros', () => {
  const pool = new SshKeyPool({ keysMax: 2 });
  const keys = [key(1), key(2), key(3)];
  for (const one of keys) pool.add(one, 10, 1);
  assert.deepEqual(keys[0]?.key, Buffer.alloc(32));
  assert.deepEqual(keys[0]?.iv, Buffer.alloc(16));
  const store = pool.storeFor(() => []);
  assert.equal(store.arrivals, 3);
  store.take(keys[1] as SshCipherKey);
  store.take(keys[1] as SshCipherKey);
  assert.deepEqual(keys[1]?.key, Buffer.alloc(32, 2));
  pool.drop();
  assert.deepEqual(keys[2]?.key, Buffer.alloc(32));
  assert.deepEqual(pool.counts, { added: 3, taken: 1, expired: 0, dropped: 2 });
  addsUp(pool);
});

test('what nobody takes expires, and a key that is shown twice is kept once', () => {
  const pool = new SshKeyPool({ unusedNsMax: 10 });
  pool.add(key(1), 10, 1);
  pool.add(key(1), 10, 2);
  pool.add(key(1), 11, 15);
  assert.equal(pool.size, 2);
  pool.expire(20);
  assert.equal(pool.size, 1);
  addsUp(pool);
});
