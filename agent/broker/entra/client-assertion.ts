// SPDX-License-Identifier: Apache-2.0

/** Assertions that the broker signs itself: a JWT by the key of an application's registered certificate. */

import {
  constants,
  createHash,
  createPrivateKey,
  type KeyObject,
  randomUUID,
  sign as signBytes,
  X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';
import { BrokerError } from '../errors.ts';
import type { CertificateCredential } from '../policy/identity.ts';
import type { AssertionSource } from './assertion-source.ts';
import { type FoundFile, readCredentialFile } from './credential-file.ts';

/** What Entra recommends at most; long enough for clocks that differ by some minutes. */
const LIFETIME_S = 600;
/** Length of a SHA-256, as PS256 wants the salt (RFC 7518, section 3.5). */
export const PSS_SALT_BYTES = 32;
/** Entra's own are two or three. */
const CHAIN_MAX = 10;

/** RSASSA-PSS over SHA-256 of `input`, by whoever holds the key. */
export type SignPs256 = (input: Buffer) => Promise<Buffer>;

export async function credentialText(file: string, identity: string): Promise<FoundFile> {
  try {
    return await readCredentialFile(file);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw new BrokerError('CREDENTIAL_UNREADABLE', `Identity ${identity}, file ${file} (${why}).`, cause);
  }
}

async function readKey(file: string, identity: string): Promise<KeyObject> {
  const { text, mode } = await credentialText(file, identity);
  if ((mode & 0o007) !== 0) {
    throw new BrokerError('KEY_OPEN_TO_OTHERS', `Identity ${identity}, file ${file}: take the rights of others away.`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
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
 * The certificates of a PEM file, the application's own first.
 *
 * Errors   BrokerError when there is none, or one that cannot be read
 */
export async function readCertificates(
  file: string,
  identity: string,
): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const { text } = await credentialText(file, identity);
  const pems = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    const [own, ...rest] = pems.slice(0, CHAIN_MAX).map((pem) => new X509Certificate(pem));
    if (own !== undefined) return [own, ...rest];
  } catch {
    // Said below.
  }
  throw new BrokerError('CREDENTIAL_UNREADABLE', `Identity ${identity}: ${file} is no certificate.`);
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Assertions of `certificates[0]`, signed by `sign`.
 *
 * Source   Entra, "application authentication certificate credentials": PS256, `x5t#S256`, and `x5c` for trust by subject
 *          name and issuer
 */
export function certificateAssertions(
  certificates: readonly [X509Certificate, ...X509Certificate[]],
  sendChain: boolean,
  sign: SignPs256,
): AssertionSource {
  const [own] = certificates;
  const header = encoded({
    alg: 'PS256',
    typ: 'JWT',
    'x5t#S256': createHash('sha256').update(own.raw).digest('base64url'),
    ...(sendChain && { x5c: certificates.map(({ raw }) => raw.toString('base64')) }),
  });
  return {
    certificateExpiresAtMs: Date.parse(own.validTo),
    async assertion(clientId, audience, nowMs) {
      const nowS = Math.floor(nowMs / 1000);
      const times = { nbf: nowS, iat: nowS, exp: nowS + LIFETIME_S };
      const input = `${header}.${encoded({ aud: audience, iss: clientId, sub: clientId, jti: randomUUID(), ...times })}`;
      return `${input}.${(await sign(Buffer.from(input))).toString('base64url')}`;
    },
  };
}

const signInPool = promisify(signBytes);

/**
 * Read a certificate credential from its files; the key stays in memory from then on.
 *
 * Errors   BrokerError when a file is missing, open to others, or the two do not belong together
 */
export async function openCertificateCredential(
  credential: CertificateCredential,
  identity: string,
): Promise<AssertionSource> {
  const key = await readKey(credential.keyFile, identity);
  const certificates = await readCertificates(credential.certificateFile, identity);
  if (!certificates[0].checkPrivateKey(key)) throw new BrokerError('KEY_MISMATCH', `Identity ${identity}.`);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return certificateAssertions(certificates, credential.sendChain ?? false, (input) =>
    signInPool('sha256', input, { key, padding, saltLength: PSS_SALT_BYTES }),
  );
}
