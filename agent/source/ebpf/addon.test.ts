// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { whyOtherVersion } from './addon.ts';
import { abiId } from './layout.generated.ts';

it('refuses an addon that was built for another layout of events, or for an unknown one, and says how to mend that', () => {
  assert.equal(whyOtherVersion(abiId), undefined);
  for (const other of ['0123456789abcdef', undefined]) {
    assert.match(whyOtherVersion(other) ?? '', /built from other sources .* npm run setup$/);
  }
});
