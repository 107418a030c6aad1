// SPDX-License-Identifier: Apache-2.0

/**
 * What a server says in its handshake, and the certificate that either side shows. Bodies of messages, without headers.
 *
 * Errors   undefined when the bytes are no such message; never throws
 * Source   RFC 8446, section 4 (RFC 5246, section 7.4, for TLS 1.2); RFC 7301 (ALPN); RFC 7366 (encrypt_then_mac)
 */
import { createHash, X509Certificate } from 'node:crypto';
import { ByteReader } from '../protocol/bytes/byte-reader.ts';
import { copyOf, readProtocols, vector } from '../protocol/opaque/client-hello.ts';

export interface ServerHello {
  readonly version: number;
  /** A copy. */
  readonly random: Buffer;
  /** A copy; empty when the session cannot be resumed by it. */
  readonly sessionId: Buffer;
  readonly suiteId: number;
  readonly compressed: boolean;
  /** It asks for another ClientHello. */
  readonly retry: boolean;
  readonly preSharedKey: boolean;
  readonly encryptThenMac: boolean;
  readonly protocol: string;
}

export interface CertificateDescription {
  readonly subject: string;
  readonly issuer: string;
  /** Of the DER bytes, hexadecimal. */
  readonly sha256: string;
}

const EXTENSION = { alpn: 16, encryptThenMac: 22, preSharedKey: 41, earlyData: 42, supportedVersions: 43 } as const;
/** The random that makes a ServerHello a HelloRetryRequest: SHA-256 of that word (RFC 8446, section 4.1.3). */
const RETRY_RANDOM = createHash('sha256').update('HelloRetryRequest').digest();
/** One line for a person; a name of a certificate may be longer, and it comes from outside. */
const NAME_CHARACTERS_MAX = 512;

export function readServerHello(body: Buffer): ServerHello | undefined {
  const hello = new ByteReader(body);
  let version = hello.u16();
  const random = Buffer.from(hello.view(32));
  const sessionId = copyOf(vector(hello, 1));
  const suiteId = hello.u16();
  const compressed = hello.u8() !== 0;
  if (hello.short) return undefined;
  let preSharedKey = false;
  let encryptThenMac = false;
  let protocol = '';
  const readable = eachExtension(hello, (type, extension) => {
    if (type === EXTENSION.supportedVersions) version = extension.u16();
    if (type === EXTENSION.preSharedKey) preSharedKey = true;
    if (type === EXTENSION.encryptThenMac) encryptThenMac = true;
    if (type === EXTENSION.alpn) protocol = readProtocols(extension)[0] ?? '';
  });
  if (!readable) return undefined;
  const retry = random.equals(RETRY_RANDOM);
  return { version, random, sessionId, suiteId, compressed, retry, preSharedKey, encryptThenMac, protocol };
}

export function readEncryptedExtensions(body: Buffer): { protocol: string; earlyData: boolean } | undefined {
  let protocol = '';
  let earlyData = false;
  const readable = eachExtension(new ByteReader(body), (type, extension) => {
    if (type === EXTENSION.alpn) protocol = readProtocols(extension)[0] ?? '';
    if (type === EXTENSION.earlyData) earlyData = true;
  });
  return readable ? { protocol, earlyData } : undefined;
}

/** The ticket by which TLS 1.2 resumes a session, copied; empty when the server gives none. Source: RFC 5077, section 3.3. */
export function readNewSessionTicket(body: Buffer): Buffer | undefined {
  const message = new ByteReader(body);
  message.skip(4);
  const ticket = copyOf(vector(message, 2));
  return message.short ? undefined : ticket;
}

/** The first certificate of the list: that of whoever sent the message. Undefined also when the list is empty. */
export function readCertificate(body: Buffer, tls13: boolean): CertificateDescription | undefined {
  const message = new ByteReader(body);
  if (tls13) vector(message, 1);
  // The list's own length; its first entry says how long it is itself.
  message.skip(3);
  const length = (message.u8() << 16) | message.u16();
  const der = message.view(length);
  if (message.short || der.length === 0) return undefined;
  try {
    const { subject, issuer } = new X509Certificate(der);
    return {
      subject: oneLine(subject),
      issuer: oneLine(issuer),
      sha256: createHash('sha256').update(der).digest('hex'),
    };
  } catch {
    return undefined;
  }
}

/** A name without attributes is undefined to Node. */
function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ').slice(0, NAME_CHARACTERS_MAX);
}

function eachExtension(from: ByteReader, visit: (type: number, body: ByteReader) => void): boolean {
  if (from.remaining === 0) return true;
  const extensions = vector(from, 2);
  while (extensions.remaining > 0 && !extensions.short) {
    const type = extensions.u16();
    const body = vector(extensions, 2);
    visit(type, body);
    if (body.short) return false;
  }
  return !from.short && !extensions.short;
}
