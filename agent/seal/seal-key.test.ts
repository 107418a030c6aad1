// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { ownSealKey, readSealKey, SealKeyError, sealKeyPath } from './seal-key.ts';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-seal-key-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('the key of the seal', () => {
  test('is made once, for the owner only, and is the same from then on', async (t) => {
    const folder = folderFor(t);
    const path = join(folder, 'seal.key');
    const keys = await Promise.all([ownSealKey(path), ownSealKey(path), ownSealKey(path)]);
    keys.push(await ownSealKey(path));
    const publics = new Set(keys.map((key) => createPublicKey(key).export({ type: 'spki', format: 'pem' })));
    assert.equal(publics.size, 1);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['seal.key']);
  });

  test('may be one that openssl made', async (t) => {
    const path = join(folderFor(t), 'given.key');
    execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path]);
    assert.equal((await readSealKey(path)).asymmetricKeyType, 'ed25519');
  });

  test('is refused when others may read it, when it is of another kind, when it is none; no text says what is in it', async (t) => {
    const folder = folderFor(t);
    const path = join(folder, 'seal.key');
    await ownSealKey(path);
    chmodSync(path, 0o640);
    await assert.rejects(ownSealKey(path), /others may read it/);
    await assert.doesNotReject(readSealKey(path));
    chmodSync(path, 0o644);
    await assert.rejects(readSealKey(path), /others may read it/);
    const { privateKey } = generateKeyPairSync('x25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    for (const text of [pem, 'SECRET-TEXT', '', pem.slice(0, 60)]) {
      writeFileSync(path, text);
      chmodSync(path, 0o600);
      await assert.rejects(ownSealKey(path), (error: Error) => {
        assert.ok(error instanceof SealKeyError);
        assert.match(error.message, /holds no Ed25519 key/);
        assert.ok(!error.message.includes('SECRET') && error.cause === undefined);
        return true;
      });
      assert.equal(readFileSync(path, 'utf8'), text, 'nothing is made over it');
    }
    await assert.rejects(readSealKey(join(folder, 'none')), /is not there/);
    await assert.rejects(readSealKey(folder), /no key file/);
  });

  test('may be a credential of systemd', async () => {
    const environment = { CREDENTIALS_DIRECTORY: '/run/credentials/x' };
    assert.equal(sealKeyPath('credential:seal-key', environment), '/run/credentials/x/seal-key');
    assert.equal(sealKeyPath('/etc/sworn/seal.key', environment), '/etc/sworn/seal.key');
    assert.throws(() => sealKeyPath('credential:../shadow', environment), SealKeyError);
    assert.throws(() => sealKeyPath('credential:seal-key', {}), /LoadCredential=/);
  });
});
