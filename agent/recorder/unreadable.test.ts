// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { opened } from '../flow/testing/arrivals.ts';
import type { CodeImage } from '../model/code-image.ts';
import { SSH_MESSAGES, unreadableReports } from './unreadable.ts';

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

test('what is unread of SSH is a finding of its own kind, which docs/ERRORS.md explains', () => {
  const unreadable = new Map([...Object.keys(SSH_MESSAGES), 'no_secret', 'gssapi'].map((reason) => [reason, 1]));
  const reports = unreadableReports(
    { opened: opened(), role: 'client', tls: undefined, unreadable },
    0,
    '/bin/x',
    [],
    1,
  );
  const ofSsh = reports.filter(({ kind }) => kind === 'ssh_unreadable').map(({ attributes }) => attributes['reason']);
  assert.deepEqual(ofSsh, Object.keys(SSH_MESSAGES));
  assert.equal(reports.filter(({ kind }) => kind === 'tls_unreadable').length, 2);
  const page = readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8');
  const section = page.split('\n## Agent: SSH\n')[1]?.split('\n## ')[0] ?? '';
  const explained = [...(section.split('Losses at')[0] ?? '').matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason);
  assert.deepEqual(explained.sort(), Object.keys(SSH_MESSAGES).sort());
});
