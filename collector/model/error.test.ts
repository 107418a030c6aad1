// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { COLLECTOR_ERRORS, CollectorError, describeError } from './error.ts';

describe('errors of the collector', () => {
  it('are the table in docs/ERRORS.md', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8');
    const section = text.split(/^## /m).find((part) => part.startsWith('Collector\n')) ?? '';
    const rows = [...section.matchAll(/^\| `([a-z_]+)` \| (\d+) \| (yes|no) \| (.+) \|$/gm)];
    const documented = Object.fromEntries(
      rows.map(([, code, status, retry, about]) => [
        code,
        { about, retryable: retry === 'yes', httpStatus: Number(status) },
      ]),
    );
    assert.deepEqual(documented, COLLECTOR_ERRORS);
  });

  it('keep their cause, and know whether to try again', () => {
    const cause = new Error('x');
    const error = new CollectorError('store_unavailable', 'm', { cause });
    assert.equal(error.cause, cause);
    assert.equal(error.retryable, true);
    assert.equal(error.httpStatus, 503);
  });

  it('are described in one bounded line', () => {
    assert.equal(describeError(new Error('a\n  b')), 'a b');
    assert.equal(describeError('x'.repeat(500)).length, 401);
  });
});
