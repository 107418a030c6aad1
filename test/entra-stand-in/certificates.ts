// SPDX-License-Identifier: Apache-2.0

/**
 * Certificates that live as long as a test: the stand-in's own authority, its server certificate, and the certificate
 * with which an application signs its client assertions. Nothing here touches the disk.
 */

import './reflect-metadata.ts';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

type Key = webcrypto.CryptoKey;

export interface KeyAndCertificate {
  /** PKCS#8, PEM. */
  readonly keyPem: string;
  readonly certificatePem: string;
}

export interface CertificateAuthority {
  readonly certificatePem: string;
  /** A server certificate for DNS names; 127.0.0.1 and ::1 are always in it. */
  issueServerCertificate(dnsNames: readonly string[], commonName?: string): Promise<KeyAndCertificate>;
  /** An RSA certificate for client assertions, followed by this authority's own. */
  issueClientCertificate(commonName: string): Promise<KeyAndCertificate>;
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Valid since yesterday, so that a test may turn its clock back a little. */
function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + days * DAY_MS) };
}

async function keyPem(key: Key): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}

export async function createCertificateAuthority(commonName: string): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(30),
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });

  return {
    certificatePem: certificate.toString('pem'),
    async issueServerCertificate(dnsNames, name = dnsNames[0] ?? 'localhost') {
      const serverKeys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
      const issued = await x509.X509CertificateGenerator.create({
        ...validity(7),
        subject: `CN=${name}`,
        issuer: certificate.subject,
        publicKey: serverKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([
            ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
            { type: 'ip' as const, value: '127.0.0.1' },
            { type: 'ip' as const, value: '::1' },
          ]),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return { keyPem: await keyPem(serverKeys.privateKey), certificatePem: issued.toString('pem') };
    },
    async issueClientCertificate(name) {
      const clientKeys = await webcrypto.subtle.generateKey(RSA, true, ['sign', 'verify']);
      const issued = await x509.X509CertificateGenerator.create({
        ...validity(30),
        subject: `CN=${name}`,
        issuer: certificate.subject,
        publicKey: clientKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
      });
      const chain = `${issued.toString('pem')}\n${certificate.toString('pem')}\n`;
      return { keyPem: await keyPem(clientKeys.privateKey), certificatePem: chain };
    },
  };
}

/** A self-signed RSA certificate, as an administrator would upload it to an application's "Certificates & secrets". */
export async function createClientCertificate(commonName: string): Promise<KeyAndCertificate> {
  const keys = await webcrypto.subtle.generateKey(RSA, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(30),
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: RSA,
  });
  return { keyPem: await keyPem(keys.privateKey), certificatePem: certificate.toString('pem') };
}
