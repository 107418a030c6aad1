// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { act, event, way, wayEvent } from '../source/ebpf/layout.generated.ts';
import { readWay } from '../source/ebpf/way-record.ts';
import { GuardUnavailable } from './guard.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8');

test('docs/ERRORS.md explains why a guard keeps the agent from starting', () => {
  const section = page.split(/^## /m).find((part) => part.startsWith('Agent: guard\n')) ?? '';
  const codes = [...section.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(codes, [new GuardUnavailable('').code]);
});

test('an act against a guarded path names the path', () => {
  const batch = Buffer.alloc(wayEvent.structBytes);
  batch.writeUInt32LE(way.refused, wayEvent.way);
  batch.writeUInt32LE(act.file, wayEvent.detail);
  batch.writeBigUInt64LE(1n, wayEvent.subject);
  batch.writeBigUInt64LE(5n, event.timeNs);
  const paths = ['/var/lib/sworn/agent', '/opt/sworn'];
  assert.deepEqual(
    [readWay(batch, 0, paths)?.subject, readWay(batch, 0, paths)?.detail],
    ['/opt/sworn', { act: 'file' }],
  );
  // Guarded before the paths were known here, or by a newer kernel side.
  assert.equal(readWay(batch, 0, [])?.subject, 'guarded path 1');
});
