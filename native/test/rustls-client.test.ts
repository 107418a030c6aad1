// SPDX-License-Identifier: Apache-2.0

/** Builds what libraries.test.ts runs, beside tests that need the kernel and not before them. */
import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { test } from 'node:test';
import { buildRustClient, RUST_FEATURES, whyNoRust } from './rustls-client.ts';

for (const feature of RUST_FEATURES) {
  test(`a client with rustls over ${feature} can be built`, { skip: whyNoRust() }, () => {
    assert.equal(accessSync(buildRustClient(feature), constants.X_OK), undefined);
  });
}
