// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Chacha20 } from './chacha20.ts';

test('says what OpenSSL says, whatever key, counter, number of the packet and size', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 1000 }),
      fc.nat({ max: 2 ** 32 - 1 }),
      fc.uint8Array({ maxLength: 300 }),
      (counter, packet, bytes) => {
        const key = randomBytes(32);
        const iv = Buffer.alloc(16);
        iv.writeUInt32LE(counter, 0);
        iv.writeUInt32BE(packet, 12);
        const chacha = new Chacha20(key);
        assert.deepEqual(chacha.crypt(bytes, counter, packet), createCipheriv('chacha20', key, iv).update(bytes));
        chacha.end();
      },
    ),
    { numRuns: 300 },
  );
});
