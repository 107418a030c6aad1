// SPDX-License-Identifier: Apache-2.0

/** From secrets to keys. Whatever is returned is the caller's, who fills it with zeros; what was needed between is zeroed here. */
import { createHmac } from 'node:crypto';
import type { HashName } from './cipher-suite.ts';

const NO_CONTEXT = 0;

/**
 * HKDF-Expand-Label without a context: the only form that leads from a traffic secret to its keys and to its successor.
 *
 * Units    `lengthBytes` up to the size of the hash, so that one block of HKDF-Expand is enough
 * Source   RFC 8446, section 7.1; RFC 5869, section 2.3
 */
export function expandLabel(hash: HashName, secret: Buffer, label: string, lengthBytes: number): Buffer {
  const text = `tls13 ${label}`;
  const info = Buffer.alloc(2 + 1 + text.length + 1 + 1);
  info.writeUInt16BE(lengthBytes, 0);
  info[2] = text.length;
  info.write(text, 3, 'latin1');
  info[info.length - 2] = NO_CONTEXT;
  // The number of the block, which HKDF-Expand puts behind the info.
  info[info.length - 1] = 1;
  const block = createHmac(hash, secret).update(info).digest();
  if (block.length === lengthBytes) return block;
  const key = Buffer.from(block.subarray(0, lengthBytes));
  block.fill(0);
  return key;
}

/** The secret that follows after a KeyUpdate. Source: RFC 8446, section 7.2. */
export function nextTrafficSecret(hash: HashName, secret: Buffer): Buffer {
  return expandLabel(hash, secret, 'traffic upd', secret.length);
}

/**
 * The key block of TLS 1.2 and before.
 *
 * Shape    client MAC key · server MAC key · client key · server key · client IV · server IV
 * Source   RFC 5246, sections 5 and 6.3; RFC 2246, section 5 (TLS 1.0 and 1.1: MD5 and SHA-1 of half a secret each)
 */
export function keyBlock(
  version: number,
  hash: HashName,
  master: Buffer,
  serverRandom: Uint8Array,
  clientRandom: Uint8Array,
  lengthBytes: number,
): Buffer {
  const seed = Buffer.concat([Buffer.from('key expansion', 'latin1'), serverRandom, clientRandom]);
  if (version >= 0x0303) return expand(hash, master, seed, lengthBytes);
  const half = Math.ceil(master.length / 2);
  const block = expand('md5', master.subarray(0, half), seed, lengthBytes);
  const other = expand('sha1', master.subarray(master.length - half), seed, lengthBytes);
  for (let i = 0; i < lengthBytes; i++) block[i] = (block[i] as number) ^ (other[i] as number);
  other.fill(0);
  return block;
}

/** P_hash of RFC 5246, section 5. */
function expand(hash: HashName | 'md5', secret: Buffer, seed: Buffer, lengthBytes: number): Buffer {
  const out = Buffer.alloc(lengthBytes);
  let a = createHmac(hash, secret).update(seed).digest();
  for (let at = 0; at < lengthBytes; ) {
    const part = createHmac(hash, secret).update(a).update(seed).digest();
    at += part.copy(out, at);
    part.fill(0);
    const next = createHmac(hash, secret).update(a).digest();
    a.fill(0);
    a = next;
  }
  a.fill(0);
  return out;
}
