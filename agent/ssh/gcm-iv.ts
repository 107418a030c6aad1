// SPDX-License-Identifier: Apache-2.0

/**
 * The nonce of a packet under AES-GCM, from its key and its tag. So neither a nonce that no probe saw nor packets that were
 * lost keep one from reading on.
 *
 * A tag is GHASH(packet) ⊕ AES(nonce · 00000001). The key gives GHASH: it is in the tag of any other nonce as well. What is left
 * over, deciphered, is the nonce; and that it ends in 00000001 is a proof of 32 bits that the key is right.
 *
 * Source   NIST SP 800-38D, sections 7.1 and 7.2
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const OTHER_IV = Buffer.alloc(12);
const OTHER_COUNTER = Buffer.concat([OTHER_IV, Buffer.from([0, 0, 0, 1])]);
const ONE = 1;

/** `name` as OpenSSL has it; 12 bytes, or undefined when the packet was not made with the key. Never throws. */
export function ivOf(name: string, key: Buffer, aad: Buffer, sealed: Buffer, tag: Buffer): Buffer | undefined {
  const ecb = name.replace('gcm', 'ecb');
  // What has to be encrypted under the other nonce for the same ciphertext.
  const decipher = createDecipheriv(name as 'aes-256-gcm', key, OTHER_IV, { authTagLength: 16 });
  const cipher = createCipheriv(name as 'aes-256-gcm', key, OTHER_IV, { authTagLength: 16 });
  cipher.setAAD(aad).update(decipher.update(sealed));
  cipher.final();
  const mask = createCipheriv(ecb, key, null).setAutoPadding(false).update(OTHER_COUNTER);
  const block = xor(xor(tag, cipher.getAuthTag()), mask);
  const counter = createDecipheriv(ecb, key, null).setAutoPadding(false).update(block);
  return counter.readUInt32BE(12) === ONE ? counter.subarray(0, 12) : undefined;
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, i) => byte ^ (other[i] as number)));
}
