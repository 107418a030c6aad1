// SPDX-License-Identifier: Apache-2.0

/**
 * The collector's own certificate authority: made at the first start, it signs the collector's server certificate and
 * the certificates by which agents prove who they are. ECDSA P-256 throughout.
 *
 * Whoever holds `ca.key` can speak for any agent. It lies in the state folder, readable by the collector's user only;
 * those who have an authority of their own configure its files instead.
 */
import { X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
// @peculiar/x509 needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { CollectorError, describeError } from '../model/error.ts';

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const SERVER_DAYS = 365;
const AGENT_DAYS = 365;
/** A server certificate is made anew when less than this is left of it. */
const RENEW_DAYS = 30;
/** Clocks of agents may lag behind the collector's by this much. */
const SKEW_MS = 300_000;

/** What an agent id may look like: it becomes a common name, a file name and a column. */
const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export interface KeyPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface AgentCertificate extends KeyPair {
  readonly agentId: string;
  /** What the agent checks the collector against. */
  readonly caPem: string;
}

export interface ServerTrust extends KeyPair {
  readonly caPem: string;
  readonly expiresAt: Date;
}

export function isAgentId(text: string): boolean {
  return AGENT_ID.test(text);
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Write so that a crash leaves either the old file or the whole new one. */
function writeWhole(path: string, text: string, mode: number): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

async function importKey(text: string): Promise<CryptoKey> {
  const body = text.replaceAll(/-----[^-]+-----|\s/g, '');
  return await webcrypto.subtle.importKey('pkcs8', Buffer.from(body, 'base64'), KEY_ALGORITHM, true, ['sign']);
}

function newSerial(): string {
  const bytes = randomBytes(16);
  // Positive, and never a leading zero byte.
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: CryptoKey;
}

async function makeAuthority(now: Date): Promise<{ keyPair: KeyPair; authority: Authority }> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=Sworn collector ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(now.getTime() - SKEW_MS),
    notAfter: new Date(now.getTime() + CA_DAYS * DAY_MS),
    signingAlgorithm: SIGNING_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const keyPair = {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: await exportKey(keys.privateKey),
  };
  return { keyPair, authority: { certificate, key: keys.privateKey } };
}

interface Leaf {
  readonly commonName: string;
  readonly usage: string;
  readonly names: readonly string[];
  readonly days: number;
  readonly now: Date;
}

async function issue(authority: Authority, leaf: Leaf): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [leaf.commonName] }],
    issuer: authority.certificate.subject,
    notBefore: new Date(leaf.now.getTime() - SKEW_MS),
    notAfter: new Date(leaf.now.getTime() + leaf.days * DAY_MS),
    signingAlgorithm: SIGNING_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage]),
      new x509.SubjectAlternativeNameExtension(
        leaf.names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, privateKeyPem: await exportKey(keys.privateKey) };
}

/** The authority and server certificate of one collector, in one folder. */
export class LocalTrust {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get caPath(): string {
    return join(this.#folder, 'ca.crt');
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  async #authority(now: Date): Promise<Authority> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    if (!existsSync(this.caPath)) {
      const { keyPair, authority } = await makeAuthority(now);
      // The key first: a certificate without its key would be taken for a whole authority at the next start.
      writeWhole(this.#path('ca.key'), keyPair.privateKeyPem, 0o600);
      writeWhole(this.caPath, keyPair.certificatePem, 0o644);
      return authority;
    }
    try {
      const certificate = new x509.X509Certificate(readFileSync(this.caPath, 'utf8'));
      return { certificate, key: await importKey(readFileSync(this.#path('ca.key'), 'utf8')) };
    } catch (error) {
      const message = `the authority in ${this.#folder} cannot be read: ${describeError(error)}`;
      throw new CollectorError('certificate_invalid', message, { cause: error });
    }
  }

  /**
   * The server certificate for these names, made when there is none, or it runs out soon, or it lacks a name.
   *
   * Errors   CollectorError `certificate_invalid` when the files are there but cannot be used
   */
  async server(names: readonly string[], now: Date): Promise<ServerTrust> {
    const authority = await this.#authority(now);
    const caPem = readFileSync(this.caPath, 'utf8');
    const kept = this.#keptServer(names, authority, now);
    if (kept !== undefined) return { ...kept, caPem };
    const pair = await issue(authority, { commonName: names[0]!, usage: SERVER_AUTH, names, days: SERVER_DAYS, now });
    writeWhole(this.#path('server.key'), pair.privateKeyPem, 0o600);
    writeWhole(this.#path('server.crt'), pair.certificatePem, 0o644);
    return { ...pair, caPem, expiresAt: new Date(new NodeCertificate(pair.certificatePem).validTo) };
  }

  #keptServer(names: readonly string[], authority: Authority, now: Date): (KeyPair & { expiresAt: Date }) | undefined {
    try {
      const certificatePem = readFileSync(this.#path('server.crt'), 'utf8');
      const privateKeyPem = readFileSync(this.#path('server.key'), 'utf8');
      const certificate = new NodeCertificate(certificatePem);
      const expiresAt = new Date(certificate.validTo);
      const signed = certificate.verify(new NodeCertificate(authority.certificate.toString('pem')).publicKey);
      const lasts = expiresAt.getTime() - now.getTime() > RENEW_DAYS * DAY_MS;
      const covers = names.every((name) =>
        isIP(name) === 0 ? certificate.checkHost(name) !== undefined : certificate.checkIP(name) !== undefined,
      );
      return signed && lasts && covers ? { certificatePem, privateKeyPem, expiresAt } : undefined;
    } catch {
      // Missing, half of a pair, or unreadable: a new one replaces it.
      return undefined;
    }
  }

  /**
   * A certificate by which one agent is known.
   *
   * Errors   CollectorError `request_invalid` for an id that cannot be a name
   */
  async issueAgentCertificate(agentId: string, options: { now: Date; days?: number }): Promise<AgentCertificate> {
    if (!isAgentId(agentId)) {
      const message = `not an agent id: ${JSON.stringify(agentId)}; letters, digits, '.', '_' and '-', at most 128`;
      throw new CollectorError('request_invalid', message);
    }
    const authority = await this.#authority(options.now);
    const pair = await issue(authority, {
      commonName: agentId,
      usage: CLIENT_AUTH,
      names: [agentId],
      days: options.days ?? AGENT_DAYS,
      now: options.now,
    });
    return { ...pair, agentId, caPem: readFileSync(this.caPath, 'utf8') };
  }
}
