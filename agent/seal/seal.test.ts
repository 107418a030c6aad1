// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realDisk } from '../journal/disk.ts';
import { Seal } from './seal.ts';
import { SealStateFile } from './seal-state.ts';

test('what is stored in the moment that the state was written is written too, also when the seal is closed then', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-seal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'seal.state');
  const seal = new Seal({
    agentId: 'a',
    privateKey: generateKeyPairSync('ed25519').privateKey,
    file: await SealStateFile.open(realDisk, path, 'a'),
    journal: { firstSeq: 1, durableSeq: 2, deliveredSeq: 0 },
    checkpointMs: 0,
  });
  seal.hello();
  seal.begin(0, '');
  const store = (seq: number) => {
    const leaf = randomBytes(32);
    seal.sent({ firstSeq: seq, count: 1, bytes: Buffer.concat([Buffer.of(leaf.length), leaf]) });
    seal.stored(seq);
  };
  const written = new Promise<void>((resolve) => {
    seal.onPersisted = () => resolve();
  });
  store(1);
  await written;
  store(2);
  await seal.close();
  const again = await SealStateFile.open(realDisk, path, 'a');
  t.after(() => again.close());
  assert.equal(again.found.kind === 'found' && again.found.state.tree.size, 2);
});
