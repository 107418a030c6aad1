// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { WITNESS_ERRORS } from './witness-error.ts';

it('errors of the witness are the table in docs/ERRORS.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/ERRORS.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith('Witness\n')) ?? '';
  const rows = [...section.matchAll(/^\| `([a-z_]+)` \| (.+) \|$/gm)].map(([, code, about]) => [code, about]);
  assert.deepEqual(Object.fromEntries(rows), WITNESS_ERRORS);
});
