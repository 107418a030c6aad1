// SPDX-License-Identifier: Apache-2.0

/** Each way around the recorder is taken, and is in the record: with its bytes, or as a finding. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { unless } from '../../native/test/bpf-host.ts';
import { Evasion } from './evasion.ts';
import { ways } from './ways.ts';

describe('a way around the recorder', unless('bpf', 'gcc'), () => {
  let evasion: Evasion;

  before(async () => {
    evasion = await Evasion.open();
  });

  after(async () => {
    await evasion.close();
  });

  for (const way of ways) {
    test(way.name, async (t) => {
      const { ok, isClosed, got, expected } = await evasion.try(way);
      // It was tried, and the kernel has no such thing: nobody takes this way here.
      if (isClosed) t.diagnostic(got);
      assert.ok(ok, `expected ${expected}, but: ${got}`);
    });
  }
});
