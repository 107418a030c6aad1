// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nsOfMs } from './clock.ts';

test('milliseconds become nanoseconds without losing any', () => {
  assert.equal(nsOfMs(1_900_000_000_123), 1_900_000_000_123_000_000n);
  assert.equal(nsOfMs(1_900_000_000_123.25), 1_900_000_000_123_250_000n);
  assert.equal(nsOfMs(0), 0n);
});
