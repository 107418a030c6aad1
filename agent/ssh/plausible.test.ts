// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { isMessage } from './plausible.ts';

const messageOf = (number: number, ...fields: readonly (number | string)[]): Buffer =>
  Buffer.concat([
    Buffer.of(number),
    ...fields.map((field) => {
      const text = Buffer.from(typeof field === 'string' ? field : '');
      const head = Buffer.alloc(4);
      head.writeUInt32BE(typeof field === 'string' ? text.length : field);
      return Buffer.concat([head, text]);
    }),
  ]);

test('the first packet of a connection asks for a service, grants it or lists extensions; later ones may be any', () => {
  const first = [messageOf(5, 'ssh-userauth'), messageOf(6, 'ssh-userauth'), messageOf(7, 1, 'server-sig-algs', 'a,b')];
  const later = [messageOf(93, 0, 65_536), messageOf(81), messageOf(82), messageOf(94, 1, 'bytes')];
  for (const message of first) assert.ok(isMessage(message, true));
  for (const message of later) assert.deepEqual([isMessage(message, true), isMessage(message, false)], [false, true]);
});

test('what a wrong key gives is no message', () => {
  const noise = Array.from({ length: 20_000 }, (_, seed) => {
    const bytes = createHash('sha256').update(String(seed)).digest();
    // The number is one that most would take; all behind it is by chance.
    bytes[0] = 80 + (seed % 21);
    return bytes;
  });
  assert.equal(noise.filter((bytes) => isMessage(bytes, false)).length, 0);
  assert.equal(noise.filter((bytes) => isMessage(bytes.subarray(0, 9), false)).length, 0);
});
