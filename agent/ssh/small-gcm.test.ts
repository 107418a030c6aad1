// SPDX-License-Identifier: Apache-2.0

/** Small packets under AES-GCM, against OpenSSL's own sealing. */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { countUp, SmallGcm } from './small-gcm.ts';

function sealed(name: string, key: Buffer, iv: Buffer, head: Buffer, body: Buffer): Buffer {
  const cipher = createCipheriv(name as 'aes-256-gcm', key, iv, { authTagLength: 16 });
  cipher.setAAD(head);
  const content = cipher.update(body);
  cipher.final();
  return Buffer.concat([head, content, cipher.getAuthTag()]);
}

test('opens what OpenSSL sealed, whatever the key, the nonce and the size', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('aes-128-gcm', 'aes-256-gcm'),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 20 }),
      (name, keyBytes, ivBytes, sizes) => {
        const key = Buffer.from(keyBytes).subarray(0, name === 'aes-128-gcm' ? 16 : 32);
        const iv = Buffer.from(ivBytes);
        const gcm = new SmallGcm(name, key);
        for (const blocks of sizes) {
          const [head, body] = [randomBytes(4), randomBytes(16 * blocks)];
          // As SSH has it: the length.
          if (blocks % 2 === 0) head.writeUInt32BE(body.length);
          const packet = sealed(name, key, iv, head, body);
          assert.ok(gcm.takes(packet));
          assert.deepEqual(gcm.open(packet, iv), body);
          countUp(iv);
        }
        gcm.end();
      },
    ),
    { numRuns: 200 },
  );
});

test('refuses a packet of which any bit was changed, and opens the right one behind it', () => {
  const [key, iv] = [randomBytes(32), randomBytes(12)];
  const gcm = new SmallGcm('aes-256-gcm', key);
  const body = randomBytes(48);
  const packet = sealed('aes-256-gcm', key, iv, randomBytes(4), body);
  for (let bit = 0; bit < 8 * packet.length; bit++) {
    const changed = Buffer.from(packet);
    changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
    assert.equal(gcm.open(changed, iv), undefined);
  }
  const other = Buffer.from(iv);
  countUp(other);
  assert.equal(gcm.open(packet, other), undefined);
  assert.deepEqual(gcm.open(packet, iv), body);
});

test('goes on under any nonce that it is given', () => {
  const key = randomBytes(32);
  const gcm = new SmallGcm('aes-256-gcm', key);
  for (let i = 0; i < 30; i++) {
    const [iv, body] = [randomBytes(12), randomBytes(16)];
    assert.deepEqual(gcm.open(sealed('aes-256-gcm', key, iv, randomBytes(4), body), iv), body);
  }
});

test('nonces count in their last eight bytes', () => {
  const iv = Buffer.from('01020304ffffffffffffffff', 'hex');
  countUp(iv);
  assert.equal(iv.toString('hex'), '010203040000000000000000');
  countUp(iv);
  assert.equal(iv.toString('hex'), '010203040000000000000001');
});

test('takes whole blocks, and few', () => {
  const gcm = new SmallGcm('aes-256-gcm', randomBytes(32));
  const takes = (blocks: number) => gcm.takes(Buffer.alloc(4 + 16 * blocks + 16));
  assert.deepEqual([0, 0.5, 1, 8, 9].map(takes), [false, false, true, true, false]);
});
