// SPDX-License-Identifier: Apache-2.0

/**
 * Public keys and certificates as they cross the wire, and the name by which OpenSSH's log calls them.
 *
 * Source   RFC 4253, section 6.6; OpenSSH's PROTOCOL.certkeys and PROTOCOL.u2f
 */
import { createHash } from 'node:crypto';
import { ByteReader } from '../bytes/byte-reader.ts';

export interface PublicKey {
  readonly algorithm: string;
  /** 'SHA256:…'; of a certificate that of the key in it. */
  readonly fingerprint: string;
  readonly certificate?: Certificate;
}

export interface Certificate {
  readonly id: string;
  readonly serial: string;
  readonly principals: readonly string[];
  /** Of the authority's key. */
  readonly signedBy: string;
}

/** How many strings the key itself has, behind its type and, in a certificate, a nonce. */
const KEY_STRINGS: readonly (readonly [prefix: string, count: number])[] = [
  ['ssh-rsa', 2],
  ['ssh-dss', 4],
  ['ssh-ed25519', 1],
  ['ecdsa-sha2-', 2],
  ['sk-ssh-ed25519', 2],
  ['sk-ecdsa-sha2-', 3],
];
const CERTIFICATE = '-cert-v01@openssh.com';
const PRINCIPALS_MAX = 256;

export function readPublicKey(blob: Buffer): PublicKey {
  const reader = new ByteReader(blob);
  const algorithm = reader.text(Math.min(reader.u32(), 128));
  if (!algorithm.endsWith(CERTIFICATE)) return { algorithm, fingerprint: fingerprintOf(blob) };
  const plain = algorithm.slice(0, -CERTIFICATE.length);
  reader.view(reader.u32());
  const start = reader.at;
  const strings = KEY_STRINGS.find(([prefix]) => plain.startsWith(prefix))?.[1] ?? 0;
  for (let i = 0; i < strings; i++) reader.view(reader.u32());
  const fields = blob.subarray(start, reader.at);
  const serial = BigInt.asUintN(64, reader.i64()).toString();
  reader.u32();
  const id = reader.text(reader.u32());
  const principals = new ByteReader(reader.view(reader.u32()));
  const names: string[] = [];
  while (principals.remaining > 0 && names.length < PRINCIPALS_MAX) names.push(principals.text(principals.u32()));
  reader.skip(16);
  for (let i = 0; i < 3; i++) reader.view(reader.u32());
  const authority = reader.view(reader.u32());
  if (strings === 0 || reader.short) return { algorithm, fingerprint: fingerprintOf(blob) };
  // A key with a token behind it keeps its full name in the plain form.
  const name = plain.startsWith('sk-') ? `${plain}@openssh.com` : plain;
  const head = Buffer.alloc(4);
  head.writeUInt32BE(name.length, 0);
  return {
    algorithm,
    fingerprint: fingerprintOf(Buffer.concat([head, Buffer.from(name), fields])),
    certificate: { id, serial, principals: names, signedBy: fingerprintOf(authority) },
  };
}

function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
