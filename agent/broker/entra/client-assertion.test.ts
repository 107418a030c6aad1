// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { createClientCertificate, type KeyAndCertificate } from '../../../test/entra-stand-in/certificates.ts';
import { BrokerError } from '../errors.ts';
import { openCertificateCredential } from './client-assertion.ts';

let folder: string;
let made: KeyAndCertificate;

function file(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const load = (keyFile: string, certificateFile: string) =>
  openCertificateCredential({ kind: 'certificate', keyFile, certificateFile }, 'orders-app');

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-assertion-'));
  made = await createClientCertificate('orders');
});
after(() => rmSync(folder, { recursive: true }));

describe('the assertion', () => {
  test('is what Entra documents, signed with PS256 and new each time', async () => {
    const certificate = new X509Certificate(made.certificatePem);
    const signer = await load(file('a.key', made.keyPem), file('a.crt', made.certificatePem));
    const nowMs = 1_900_000_000_500;
    const [first, second] = [
      await signer.assertion('client', 'https://x/y', nowMs),
      await signer.assertion('client', 'https://x/y', nowMs),
    ];
    const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
    assert.deepEqual(decodeProtectedHeader(first), { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint });
    const { payload } = await jwtVerify(first, certificate.publicKey, { currentDate: new Date(nowMs) });
    const { jti, ...rest } = payload;
    const nowS = 1_900_000_000;
    assert.deepEqual(rest, { aud: 'https://x/y', iss: 'client', sub: 'client', nbf: nowS, iat: nowS, exp: nowS + 600 });
    assert.match(String(jti), /^[0-9a-f-]{36}$/);
    assert.notEqual(first, second);
    assert.ok(Number(signer.certificateExpiresAtMs) > Date.now());
  });

  test('can be made with a PKCS#1 key too', async () => {
    const pkcs1 = createPrivateKey(made.keyPem).export({ type: 'pkcs1', format: 'pem' });
    const signer = await load(file('p1.key', String(pkcs1)), file('a.crt', made.certificatePem));
    assert.match(await signer.assertion('c', 'a', 0), /^eyJ/);
  });
});

describe('a credential is refused, and the error holds nothing of the key', () => {
  const refused = async (code: string, keyFile: string, certificateFile: string): Promise<void> => {
    await assert.rejects(load(keyFile, certificateFile), (error: unknown) => {
      assert.ok(error instanceof BrokerError);
      assert.equal(error.code, code);
      assert.match(error.message, /orders-app/);
      assert.doesNotMatch(`${error.message} ${error.stack} ${String(error.cause)}`, /PRIVATE KEY|MII/);
      return true;
    });
  };

  test('when a file is missing or is something else', async () => {
    const [key, certificate] = [file('b.key', made.keyPem), file('b.crt', made.certificatePem)];
    await refused('SWORN_BROKER_CREDENTIAL_UNREADABLE', join(folder, 'none'), certificate);
    await refused('SWORN_BROKER_CREDENTIAL_UNREADABLE', key, join(folder, 'none'));
    await refused('SWORN_BROKER_CREDENTIAL_UNREADABLE', file('c.key', made.keyPem.slice(0, 200)), certificate);
    await refused('SWORN_BROKER_CREDENTIAL_UNREADABLE', key, file('c.crt', 'x'));
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    await refused('SWORN_BROKER_CREDENTIAL_UNREADABLE', file('ec.key', String(ec)), certificate);
  });

  test('when key and certificate do not belong together', async () => {
    const other = await createClientCertificate('other');
    await refused('SWORN_BROKER_KEY_MISMATCH', file('d.key', other.keyPem), file('d.crt', made.certificatePem));
  });

  test('when everybody can read the key', async () => {
    const open = file('e.key', made.keyPem, 0o644);
    await refused('SWORN_BROKER_KEY_OPEN_TO_OTHERS', open, file('e.crt', made.certificatePem));
  });
});
