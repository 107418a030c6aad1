// SPDX-License-Identifier: Apache-2.0

/**
 * AEAD protection of TLS 1.2 and 1.3.
 *
 * Shape    TLS 1.3: header 5 · ciphertext of (content · type u8 · zeros) · tag
 *          TLS 1.2: header 5 · explicit nonce 8 (not with ChaCha20) · ciphertext · tag
 * Source   RFC 8446, sections 5.2 to 5.4; RFC 5288, RFC 6655, RFC 7905 (TLS 1.2)
 */
import { type CipherGCMTypes, createDecipheriv } from 'node:crypto';
import type { CipherSuite } from './cipher-suite.ts';
import { expandLabel } from './key-derivation.ts';
import { PLAINTEXT_BYTES_MAX, RECORD_HEADER_BYTES, type RecordCipher, writeSequence } from './record-cipher.ts';

const AAD_12_BYTES = 13;

export class AeadCipher implements RecordCipher {
  openedType = 0;
  readonly fragmentBytesMin: number;
  readonly overheadBytes: number;
  readonly overheadExact = true;
  readonly #suite: CipherSuite;
  readonly #tls13: boolean;
  readonly #key: Buffer;
  readonly #fixedNonce: Buffer;
  readonly #nonce = Buffer.alloc(12);
  readonly #aad = Buffer.alloc(AAD_12_BYTES);
  readonly #ccm: boolean;
  readonly #options: { authTagLength: number };
  readonly #plaintextLength = { plaintextLength: 0 };
  /** The explicit nonce of the record opened last; most libraries count in it. */
  #lastExplicit: bigint | undefined;

  /** Owns `key` and `fixedNonce`. */
  constructor(suite: CipherSuite, key: Buffer, fixedNonce: Buffer) {
    this.#suite = suite;
    this.#tls13 = suite.kind === 'aead-1.3';
    this.#key = key;
    this.#fixedNonce = fixedNonce;
    this.#ccm = suite.algorithm.endsWith('ccm');
    this.#options = { authTagLength: suite.tagBytes };
    const inner = this.#tls13 ? 1 : 0;
    this.fragmentBytesMin = suite.explicitNonceBytes + suite.tagBytes + inner;
    this.overheadBytes = RECORD_HEADER_BYTES + this.fragmentBytesMin;
  }

  static ofTrafficSecret(suite: CipherSuite, secret: Buffer): AeadCipher {
    const key = expandLabel(suite.hash, secret, 'key', suite.keyBytes);
    return new AeadCipher(suite, key, expandLabel(suite.hash, secret, 'iv', suite.fixedNonceBytes));
  }

  open(sequence: number, record: Buffer): Buffer | undefined {
    const { tagBytes, explicitNonceBytes } = this.#suite;
    const start = RECORD_HEADER_BYTES + explicitNonceBytes;
    const end = record.length - tagBytes;
    const length = end - start;
    if (length < (this.#tls13 ? 1 : 0) || length > PLAINTEXT_BYTES_MAX + 256) return undefined;
    this.#setNonce(sequence, record);
    let aad: Buffer;
    if (this.#tls13) {
      aad = record.subarray(0, RECORD_HEADER_BYTES);
    } else {
      aad = this.#aad;
      writeSequence(aad, 0, sequence);
      record.copy(aad, 8, 0, 3);
      aad.writeUInt16BE(length, 11);
    }
    const opened = this.#decrypt(aad, record, start, end);
    if (opened === undefined) return undefined;
    if (explicitNonceBytes > 0) this.#lastExplicit = record.readBigUInt64BE(RECORD_HEADER_BYTES);
    if (!this.#tls13) {
      this.openedType = record[0] as number;
      return opened;
    }
    let last = opened.length - 1;
    while (last >= 0 && opened[last] === 0) last--;
    // All zeros: no type. The peer ends the connection over it; here it is a record of no known type.
    this.openedType = last < 0 ? 0 : (opened[last] as number);
    return opened.subarray(0, Math.max(last, 0));
  }

  sequenceStep(record: Buffer): number | undefined {
    if (this.#lastExplicit === undefined || record.length < RECORD_HEADER_BYTES + 8) return undefined;
    const step = record.readBigUInt64BE(RECORD_HEADER_BYTES) - this.#lastExplicit;
    return step > 0n && step < 0x1_0000_0000n ? Number(step) : undefined;
  }

  destroy(): void {
    this.#key.fill(0);
    this.#fixedNonce.fill(0);
    this.#nonce.fill(0);
  }

  #setNonce(sequence: number, record: Buffer): void {
    const nonce = this.#nonce;
    if (this.#suite.explicitNonceBytes > 0) {
      this.#fixedNonce.copy(nonce, 0);
      record.copy(nonce, 4, RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + 8);
      return;
    }
    writeSequence(nonce.fill(0, 0, 4), 4, sequence);
    for (let i = 0; i < 12; i++) nonce[i] = (nonce[i] as number) ^ (this.#fixedNonce[i] as number);
  }

  #decrypt(aad: Buffer, record: Buffer, start: number, end: number): Buffer | undefined {
    try {
      // CCM and ChaCha20-Poly1305 take the same calls as GCM; the types know them under other names.
      const algorithm = this.#suite.algorithm as CipherGCMTypes;
      const decipher = createDecipheriv(algorithm, this.#key, this.#nonce, this.#options);
      decipher.setAuthTag(record.subarray(end));
      this.#plaintextLength.plaintextLength = end - start;
      if (this.#ccm) decipher.setAAD(aad, this.#plaintextLength);
      else decipher.setAAD(aad);
      const opened = decipher.update(record.subarray(start, end));
      // Only this tells whether the tag verifies; it gives no bytes.
      decipher.final();
      return opened;
    } catch {
      return undefined;
    }
  }
}
