// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BROKER_FAILURES, BrokerError } from './errors.ts';
import { REFUSAL_REASONS, REFUSALS, refusalCode } from './refusal.ts';

describe('refusals', () => {
  test('use only answers that make SDKs stop, or come back soon', () => {
    for (const reason of REFUSAL_REASONS) assert.ok([400, 403, 429, 503].includes(REFUSALS[reason].status), reason);
  });

  test('never hold the word that makes an SDK take a 403 for a missing endpoint', () => {
    assert.doesNotMatch(JSON.stringify(REFUSALS), /unreachable/i);
  });
});

test('docs/ERRORS.md explains each code of the broker, with its status, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8');
  const section = page.split(/^## /m).find((part) => part.startsWith('Agent: broker\n'));
  assert.ok(section, 'there is no section "Agent: broker"');
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| (\S+) \| (.+) \|$/gm)].map(([, code, status, advice]) => {
    assert.ok((advice ?? '').length > 20, `${code} has no advice`);
    return `${code} ${status}`;
  });
  const expected = [
    ...REFUSAL_REASONS.map((reason) => `${refusalCode(reason)} ${REFUSALS[reason].status}`),
    ...BROKER_FAILURES.map((failure) => `${new BrokerError(failure, '').code} start`),
  ];
  assert.deepEqual(rows.toSorted(), expected.toSorted());
});
