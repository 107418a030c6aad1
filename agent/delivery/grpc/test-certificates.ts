// SPDX-License-Identifier: Apache-2.0

/** For tests: an authority, and certificates that it signs, as PEM texts. */
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
// @peculiar/x509 needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly cert: string;
  issue(
    name: string,
    validity?: { readonly fromMs: number; readonly toMs: number },
    names?: readonly string[],
  ): Promise<Identity>;
}

export async function makeAuthority(name: string): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const now = Date.now();
  const own = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
    signingAlgorithm: SIGNING,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    cert: own.toString('pem'),
    async issue(subject, validity = { fromMs: now - DAY_MS, toMs: now + DAY_MS }, names = ['localhost', '127.0.0.1']) {
      const leaf = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
      const issued = await x509.X509CertificateGenerator.create({
        subject: `CN=${subject}`,
        issuer: own.subject,
        publicKey: leaf.publicKey,
        signingKey: keys.privateKey,
        notBefore: new Date(validity.fromMs),
        notAfter: new Date(validity.toMs),
        signingAlgorithm: SIGNING,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
          ),
        ],
      });
      const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leaf.privateKey)).toString('base64');
      const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n`;
      return { cert: issued.toString('pem'), key };
    },
  };
}
