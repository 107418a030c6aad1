// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { credentialPath, readCredentialFile } from './credential-file.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-credential-'));
});
after(() => rmSync(folder, { recursive: true }));

test('a credential of systemd is found by its name, and nothing else is', () => {
  const environment = { CREDENTIALS_DIRECTORY: '/run/credentials/sworn.service' };
  assert.equal(credentialPath('credential:key.pem', environment), '/run/credentials/sworn.service/key.pem');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own spelling.
  const written = '${CREDENTIALS_DIRECTORY}/key.pem';
  assert.equal(credentialPath(written, environment), '/run/credentials/sworn.service/key.pem');
  assert.equal(credentialPath('/etc/key.pem', environment), '/etc/key.pem');
  for (const name of ['', '..', '../x', 'a/b', 'a\n']) {
    assert.throws(() => credentialPath(`credential:${name}`, environment), /not the name of a credential/);
  }
  assert.throws(() => credentialPath('credential:key.pem', {}), /add LoadCredential=key.pem/);
});

test('a file is read with its rights, and is another one when it was put in place anew', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'one', { mode: 0o640 });
  const first = await readCredentialFile(file);
  assert.deepEqual([first.text, first.mode], ['one', 0o640]);
  assert.equal((await readCredentialFile(file)).version, first.version);
  writeFileSync(`${file}.new`, 'two', { mode: 0o640 });
  renameSync(`${file}.new`, file);
  const second = await readCredentialFile(file);
  assert.equal(second.text, 'two');
  assert.notEqual(second.version, first.version);
});

test('what is no file, or too large for one, is not read', async () => {
  mkdirSync(join(folder, 'folder'));
  await assert.rejects(readCredentialFile(join(folder, 'folder')), /is no file/);
  await assert.rejects(readCredentialFile('/dev/zero'), /is no file/);
  writeFileSync(join(folder, 'large'), Buffer.alloc(65_537));
  await assert.rejects(readCredentialFile(join(folder, 'large')), /more than 65536 bytes/);
});
