// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JOURNAL_ERRORS, JournalError, type JournalErrorCode } from '../journal/journal-error.ts';
import { JOURNAL_LOSSES } from '../journal/loss-tally.ts';
import { DELIVERY_ERRORS, DeliveryError, type DeliveryErrorCode, refusalError } from './delivery-error.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8');
const section = page.split(/^## /m).find((part) => part.startsWith('Agent: journal and delivery\n')) ?? '';

test('docs/ERRORS.md explains each code of journal and delivery, and no other', () => {
  const rows = [...section.matchAll(/^\| *`((?:journal|delivery)_[a-z_]+)` *\| *(yes|no) *\| *(.+?) *\|$/gm)];
  for (const [, code, , advice] of rows) assert.ok((advice ?? '').length > 20, `${code} has no advice`);
  const expected = [
    ...Object.keys(JOURNAL_ERRORS).map((code) => new JournalError(code as JournalErrorCode, '')),
    ...Object.keys(DELIVERY_ERRORS).map((code) => new DeliveryError(code as DeliveryErrorCode, '')),
  ].map(({ code, retryable }) => `${code} ${retryable ? 'yes' : 'no'}`);
  assert.deepEqual(rows.map(([, code, again]) => `${code} ${again}`).sort(), expected.sort());
});

test('docs/ERRORS.md explains each loss of the journal, and no other', () => {
  const rows = [...section.matchAll(/^\| *`([a-z_]+)` *\| (?!yes|no)[^|]+\|$/gm)].map(([, reason]) => reason);
  assert.deepEqual(rows.sort(), Object.keys(JOURNAL_LOSSES).sort());
});

test('what a collector says stays on one line and within bounds', () => {
  const { message, code, retryable } = refusalError('new_word', `a\nb${'x'.repeat(10_000)}`, true);
  assert.equal(code, 'delivery_refused');
  assert.equal(retryable, true);
  assert.ok(message.length < 600 && !message.includes('\n'));
});
