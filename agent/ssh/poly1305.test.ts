// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { poly1305 } from './poly1305.ts';

test('the example of RFC 8439, section 2.5.2', () => {
  const key = Buffer.from('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b', 'hex');
  const tag = poly1305(key, Buffer.from('Cryptographic Forum Research Group'));
  assert.equal(tag.toString('hex'), 'a8061dc1305136c6c22b8baf0c0127a9');
});

test('as the runtime has it inside ChaCha20-Poly1305, for all sizes, and for bytes that make carries', () => {
  const key = randomBytes(32);
  const iv = randomBytes(12);
  for (let size = 0; size < 300; size++) {
    const cipher = createCipheriv('chacha20-poly1305', key, iv, { authTagLength: 16 });
    const sealed = Buffer.concat([cipher.update(Buffer.alloc(size, size)), cipher.final()]);
    const first = createCipheriv('chacha20', key, Buffer.concat([Buffer.alloc(4), iv])).update(Buffer.alloc(32));
    const lengths = Buffer.alloc(16);
    lengths.writeUInt32LE(size, 8);
    const mac = poly1305(first, Buffer.concat([sealed, Buffer.alloc((16 - (size % 16)) % 16), lengths]));
    assert.deepEqual(mac, cipher.getAuthTag());
  }
  // 2^130 - 1 and its neighbours, by RFC 8439, appendix A.3, vectors 7 to 9.
  const r1 = Buffer.alloc(32);
  r1[0] = 1;
  const ones = Buffer.alloc(16, 0xff);
  const low = Buffer.concat([
    ones,
    Buffer.from(`f0${'ff'.repeat(15)}`, 'hex'),
    Buffer.from(`11${'00'.repeat(15)}`, 'hex'),
  ]);
  assert.equal(poly1305(r1, low).toString('hex'), `05${'00'.repeat(15)}`);
});
