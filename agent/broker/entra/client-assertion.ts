// SPDX-License-Identifier: Apache-2.0

/** The proof that an application is itself: a JWT signed with the key of its registered certificate. */

import { createHash, createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { SignJWT } from 'jose';
import { BrokerError } from '../errors.ts';
import type { CertificateCredential } from '../policy/identity.ts';

export interface AssertionSigner {
  /** An assertion for one use: `audience` is the exact URL of the token endpoint. */
  sign(clientId: string, audience: string, nowMs: number): Promise<string>;
  readonly certificateExpiresAtMs: number;
}

/** What Entra recommends at most; long enough for clocks that differ by some minutes. */
const LIFETIME_S = 600;

async function readable(file: string, identity: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BrokerError('CREDENTIAL_UNREADABLE', `Identity ${identity}, file ${file}.`, cause);
  }
}

async function readKey(file: string, identity: string): Promise<KeyObject> {
  const pem = await readable(file, identity);
  const { mode } = await stat(file);
  if ((mode & 0o007) !== 0) {
    throw new BrokerError('KEY_OPEN_TO_OTHERS', `Identity ${identity}, file ${file}: take the rights of others away.`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // No cause: the error of a parser may quote what it read.
    throw new BrokerError('CREDENTIAL_UNREADABLE', `Identity ${identity}: ${file} holds no private key in PEM.`);
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw new BrokerError('CREDENTIAL_UNREADABLE', `Identity ${identity}: the key in ${file} is not RSA.`);
  }
  return key;
}

/**
 * Read a certificate credential from its files; the key stays in memory from then on.
 *
 * Errors   BrokerError when a file is missing, open to others, or the two do not belong together
 * Source   Entra, "application authentication certificate credentials": PS256, `x5t#S256`
 */
export async function loadAssertionSigner(
  credential: CertificateCredential,
  identity: string,
): Promise<AssertionSigner> {
  const key = await readKey(credential.keyFile, identity);
  const certificatePem = await readable(credential.certificateFile, identity);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch {
    throw new BrokerError(
      'CREDENTIAL_UNREADABLE',
      `Identity ${identity}: ${credential.certificateFile} is no certificate.`,
    );
  }
  if (!certificate.checkPrivateKey(key)) throw new BrokerError('KEY_MISMATCH', `Identity ${identity}.`);

  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
  const signingKey = key.toCryptoKey({ name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign']);
  return {
    certificateExpiresAtMs: Date.parse(certificate.validTo),
    sign(clientId, audience, nowMs) {
      const nowS = Math.floor(nowMs / 1000);
      return new SignJWT({ aud: audience, iss: clientId, sub: clientId, jti: randomUUID(), nbf: nowS, iat: nowS })
        .setExpirationTime(nowS + LIFETIME_S)
        .setProtectedHeader({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint })
        .sign(signingKey);
    },
  };
}
