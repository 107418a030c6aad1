// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { INVALID_REASONS, UNVERIFIABLE_REASONS } from './verify.ts';

test('docs/ERRORS.md explains each reason of a token that was seen, with its state, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/ERRORS.md'), 'utf8');
  const section = page.split('## Agent: tokens seen')[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| `([a-z_]+)` \| (\w+) \|/gm)].map(([, reason, state]) => `${reason} ${state}`);
  assert.deepEqual(rows, [
    ...UNVERIFIABLE_REASONS.map((reason) => `${reason} unverifiable`),
    ...INVALID_REASONS.map((reason) => `${reason} invalid`),
    'origin_unseen any',
  ]);
});
