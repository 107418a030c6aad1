// SPDX-License-Identifier: Apache-2.0

/** Keys in a token, with SoftHSM: a module like any other, whose token is a folder. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { createClientCertificate, type KeyAndCertificate } from '../../../test/entra-stand-in/certificates.ts';
import { fromDebian, ToolMissing } from '../../../test/runtimes/toolbox.ts';
import { BrokerError } from '../errors.ts';
import type { Pkcs11Credential } from '../policy/identity.ts';
import type { AssertionSource } from './assertion-source.ts';
import { openPkcs11Credential } from './pkcs11-credential.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '135-geheim-246';

function whySkipped(): string | false {
  try {
    createRequire(import.meta.url).resolve('pkcs11js');
    fromDebian('softhsm2-util', 'softhsm2');
    return false;
  } catch (error) {
    if (error instanceof ToolMissing) return error.message;
    throw error;
  }
}

const skip = whySkipped();
let folder: string;
let made: KeyAndCertificate;
let credential: Pkcs11Credential;
const opened: AssertionSource[] = [];

const file = (name: string, content: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
  return path;
};

const softhsm = (...options: string[]): void => {
  execFileSync('softhsm2-util', options, { stdio: ['ignore', 'ignore', 'pipe'] });
};

function importKey(label: string, objectId: string, { keyPem }: KeyAndCertificate): void {
  const pem = String(createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'pem' }));
  const options = ['--token', 'sworn', '--label', label, '--id', objectId, '--pin', PIN];
  softhsm('--import', file(`${objectId}.key`, pem), ...options);
}

async function open(changes: Partial<Pkcs11Credential> = {}): Promise<AssertionSource> {
  const source = await openPkcs11Credential({ ...credential, ...changes }, 'orders-app');
  opened.push(source);
  return source;
}

describe('a key in a token', { skip }, () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-pkcs11-'));
    mkdirSync(join(folder, 'tokens'));
    // SoftHSM reads it when it is initialised, in this process too.
    process.env['SOFTHSM2_CONF'] = file(
      'softhsm2.conf',
      `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`,
    );
    softhsm('--init-token', '--free', '--label', 'sworn', '--so-pin', '12345678', '--pin', PIN);
    softhsm('--init-token', '--free', '--label', 'other', '--so-pin', '12345678', '--pin', PIN);
    const [own, another] = [await createClientCertificate('orders'), await createClientCertificate('another')];
    made = own;
    importKey('orders', 'a1', own);
    importKey('another', 'a2', another);
    importKey('twice', 'a3', own);
    importKey('twice', 'a4', own);
    credential = {
      kind: 'pkcs11',
      module: MODULE,
      tokenLabel: 'sworn',
      keyLabel: 'orders',
      pinFile: file('pin', `${PIN}\n`),
      certificateFile: file('orders.pem', own.certificatePem),
    };
  });
  after(() => {
    for (const source of opened) source.close?.();
    delete process.env['SOFTHSM2_CONF'];
    rmSync(folder, { recursive: true });
  });

  /** Not imported above: a host where it is not built skips these tests. */
  const pkcs11js = createRequire(import.meta.url)('pkcs11js') as typeof import('pkcs11js');

  test('signs assertions that the certificate verifies, many at a time', async () => {
    const source = await open();
    const nowMs = Date.now();
    const made64 = await Promise.all(
      Array.from({ length: 64 }, (_, i) => source.assertion(`client-${i}`, 'https://x/y', nowMs)),
    );
    const { publicKey } = new X509Certificate(made.certificatePem);
    for (const [i, assertion] of made64.entries()) {
      assert.equal(decodeProtectedHeader(assertion).alg, 'PS256');
      const { payload } = await jwtVerify(assertion, publicKey, { algorithms: ['PS256'] });
      assert.deepEqual([payload.iss, payload.aud], [`client-${i}`, 'https://x/y']);
    }
    assert.ok(Number(source.certificateExpiresAtMs) > nowMs);
  });

  test('serves two identities in one process, and one goes on when the other ends', async () => {
    const [first, second] = [await open(), await open()];
    first.close?.();
    opened.splice(opened.indexOf(first), 1);
    assert.match(await second.assertion('c', 'a', Date.now()), /^eyJ/);
  });

  test('is found again after its session was lost', async () => {
    const source = await open();
    // Another user of the module closes all sessions of the token, as a module does when its token is taken out.
    const { PKCS11 } = pkcs11js;
    const module = new PKCS11();
    module.load(MODULE);
    for (const slot of module.C_GetSlotList(true)) module.C_CloseAllSessions(slot);
    module.close();
    assert.match(await source.assertion('c', 'a', Date.now()), /^eyJ/);
  });

  test('signs a digest that was made here, when the token makes none', async () => {
    for (const source of opened.splice(0)) source.close?.();
    const before = process.env['SOFTHSM2_CONF'];
    process.env['SOFTHSM2_CONF'] = file(
      'without.conf',
      `directories.tokendir = ${join(folder, 'tokens')}\nslots.mechanisms = CKM_RSA_PKCS_PSS\n`,
    );
    const source = await open();
    const { PKCS11, CKM_SHA256_RSA_PKCS_PSS } = pkcs11js;
    const module = new PKCS11();
    module.load(MODULE);
    for (const slot of module.C_GetSlotList(true)) {
      assert.ok(!module.C_GetMechanismList(slot).includes(CKM_SHA256_RSA_PKCS_PSS));
    }
    module.close();
    const { publicKey } = new X509Certificate(made.certificatePem);
    await jwtVerify(await source.assertion('c', 'a', Date.now()), publicKey, { algorithms: ['PS256'] });
    for (const one of opened.splice(0)) one.close?.();
    process.env['SOFTHSM2_CONF'] = before;
  });

  const refused = async (code: string, changes: Partial<Pkcs11Credential>, said: RegExp): Promise<void> => {
    await assert.rejects(open(changes), (error: unknown) => {
      assert.ok(error instanceof BrokerError, String(error));
      assert.equal(error.code, `SWORN_BROKER_${code}`);
      assert.match(error.message, said);
      assert.doesNotMatch(`${error.message} ${error.stack} ${String(error.cause)}`, /geheim|PRIVATE KEY/);
      return true;
    });
  };

  test('is refused with the word of what is wrong', async () => {
    for (const source of opened.splice(0)) source.close?.();
    await refused('KEY_TOKEN_UNAVAILABLE', { module: '/nonexistent.so' }, /nonexistent/);
    await refused('KEY_TOKEN_UNAVAILABLE', { tokenLabel: 'nobody' }, /no such token/);
    await refused('KEY_TOKEN_UNAVAILABLE', { keyLabel: 'nobody' }, /exactly one RSA key/);
    await refused('KEY_TOKEN_UNAVAILABLE', { keyLabel: 'twice' }, /exactly one RSA key/);
    await refused('KEY_TOKEN_UNAVAILABLE', { pinFile: file('wrong', '0000-geheim') }, /CKR_PIN_INCORRECT/);
    await refused('KEY_MISMATCH', { keyLabel: 'another' }, /another/);
    await refused('KEY_OPEN_TO_OTHERS', { pinFile: file('open', PIN, 0o644) }, /rights of others/);
    await refused('CREDENTIAL_UNREADABLE', { pinFile: '/nonexistent' }, /ENOENT/);
    await refused('CREDENTIAL_UNREADABLE', { certificateFile: file('none.pem', 'x') }, /no certificate/);
    const several: Partial<Pkcs11Credential> = {};
    delete (credential as { tokenLabel?: string }).tokenLabel;
    await refused('KEY_TOKEN_UNAVAILABLE', several, /no such token, or several/);
  });
});
