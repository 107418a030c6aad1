// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opened } from '../flow/testing/arrivals.ts';
import type { CodeImage } from '../model/code-image.ts';
import { unreadableReports } from './unreadable.ts';

test('a connection without a secret is not blamed on a library that nobody had looked at', () => {
  const flow = { opened: opened(), role: 'client' as const, tls: undefined, unreadable: new Map([['no_secret', 10]]) };
  const program: CodeImage = { path: '/bin/x', buildId: 'b1', library: 'boringssl', probes: [] };
  const said = (about: Partial<CodeImage>): readonly [string | undefined, string] => {
    const [report] = unreadableReports(flow, 0, '/bin/x', [{ ...program, ...about }], 9000);
    assert.equal(report?.attributes['reason'], 'no_secret');
    return [report?.attributes['image_state'], report?.message ?? ''];
  };
  const all = [
    said({}),
    said({ library: '', lookedAtNs: 1 }),
    said({ lookedAtNs: 1 }),
    said({ lookedAtNs: 1, isProbed: true }),
  ];
  assert.deepEqual(
    all.map(([state]) => state),
    ['unknown', 'no_tls_found', 'not_readable', 'probed'],
  );
  assert.match(all[0]?.[1] ?? '', /had not been looked at yet/);
  assert.match(all[2]?.[1] ?? '', /its library is not one that can be read/);
  assert.equal(new Set(all.map(([, message]) => message)).size, 4);
});
