// SPDX-License-Identifier: Apache-2.0

/**
 * Block cipher protection of TLS 1.0 to 1.2: CBC with an HMAC inside the ciphertext or, if both sides agreed, behind it.
 *
 * Shape    MAC, then encrypt:  header 5 · IV 16 (from TLS 1.1 on) · ciphertext of (content · MAC · padding · its length u8)
 *          encrypt, then MAC:  header 5 · IV 16 · ciphertext of (content · padding · its length u8) · MAC
 * Source   RFC 5246, section 6.2.3.2; RFC 2246, section 6.2.3.2 (TLS 1.0: the IV is the last block before); RFC 7366
 */
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { CipherSuite } from './cipher-suite.ts';
import { PLAINTEXT_BYTES_MAX, RECORD_HEADER_BYTES, type RecordCipher, writeSequence } from './record-cipher.ts';

const BLOCK_BYTES = 16;
/** Half a block and the length byte: what padding adds on average. */
const PADDING_BYTES_MEAN = 8;

export interface CbcKeys {
  readonly key: Buffer;
  readonly macKey: Buffer;
  /** Of TLS 1.0, for the first record; later versions send one with each record. */
  readonly initialIv: Buffer | undefined;
  readonly encryptThenMac: boolean;
}

export class CbcCipher implements RecordCipher {
  openedType = 0;
  readonly fragmentBytesMin: number;
  readonly overheadBytes: number;
  readonly overheadExact = false;
  readonly #suite: CipherSuite;
  readonly #keys: CbcKeys;
  readonly #chained: boolean;
  readonly #lastBlock = Buffer.alloc(BLOCK_BYTES);
  /** Of the record that `#lastBlock` is the end of. */
  #lastSequence = -1;
  readonly #pseudoHeader = Buffer.alloc(13);

  /** Owns the buffers of `keys`. */
  constructor(suite: CipherSuite, keys: CbcKeys) {
    this.#suite = suite;
    this.#keys = keys;
    this.#chained = keys.initialIv !== undefined;
    keys.initialIv?.copy(this.#lastBlock);
    const iv = this.#chained ? 0 : BLOCK_BYTES;
    const mac = suite.macBytes;
    this.fragmentBytesMin =
      iv + (keys.encryptThenMac ? BLOCK_BYTES + mac : Math.ceil((mac + 1) / BLOCK_BYTES) * BLOCK_BYTES);
    this.overheadBytes = RECORD_HEADER_BYTES + iv + mac + PADDING_BYTES_MEAN;
  }

  open(sequence: number, record: Buffer, before?: Buffer): Buffer | undefined {
    if (record.length < RECORD_HEADER_BYTES + this.fragmentBytesMin) return undefined;
    const { macBytes } = this.#suite;
    const { encryptThenMac } = this.#keys;
    const end = encryptThenMac ? record.length - macBytes : record.length;
    if (
      encryptThenMac &&
      !this.#verified(sequence, record, record.subarray(RECORD_HEADER_BYTES, end), record.subarray(end))
    )
      return undefined;
    const start = RECORD_HEADER_BYTES + (this.#chained ? 0 : BLOCK_BYTES);
    if ((end - start) % BLOCK_BYTES !== 0) return undefined;
    const iv = this.#chained ? this.#chainedIv(sequence, before) : record.subarray(RECORD_HEADER_BYTES, start);
    if (this.#chained && encryptThenMac) this.#remember(sequence, record, end);
    if (iv === undefined) return undefined;
    const plain = this.#decrypt(iv, record.subarray(start, end));
    if (plain === undefined) return undefined;
    const contentBytes = this.#contentBytes(plain, encryptThenMac ? 0 : macBytes);
    if (contentBytes === undefined) return undefined;
    const content = plain.subarray(0, contentBytes);
    if (!encryptThenMac) {
      const mac = plain.subarray(contentBytes, contentBytes + macBytes);
      if (!this.#verified(sequence, record, content, mac)) return undefined;
    }
    if (this.#chained) this.#remember(sequence, record, end);
    this.openedType = record[0] as number;
    return content;
  }

  sequenceStep(): undefined {
    return undefined;
  }

  destroy(): void {
    this.#keys.key.fill(0);
    this.#keys.macKey.fill(0);
    this.#keys.initialIv?.fill(0);
  }

  /**
   * The last block of the record before. A MAC behind the ciphertext does not cover it: there it must itself be proved,
   * and after a loss one record proves it for the next.
   */
  #chainedIv(sequence: number, before: Buffer | undefined): Buffer | undefined {
    if (sequence === this.#lastSequence + 1) return Buffer.from(this.#lastBlock);
    return this.#keys.encryptThenMac ? undefined : before;
  }

  #remember(sequence: number, record: Buffer, end: number): void {
    record.copy(this.#lastBlock, 0, end - BLOCK_BYTES, end);
    this.#lastSequence = sequence;
  }

  #decrypt(iv: Buffer, ciphertext: Buffer): Buffer | undefined {
    try {
      const decipher = createDecipheriv(this.#suite.algorithm, this.#keys.key, iv).setAutoPadding(false);
      const plain = decipher.update(ciphertext);
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }

  /** What is left without padding and MAC; undefined when the padding is none. */
  #contentBytes(plain: Buffer, macBytes: number): number | undefined {
    const padding = plain[plain.length - 1] as number;
    const content = plain.length - 1 - padding - macBytes;
    if (content < 0 || content > PLAINTEXT_BYTES_MAX) return undefined;
    for (let i = plain.length - 1 - padding; i < plain.length; i++) if (plain[i] !== padding) return undefined;
    return content;
  }

  #verified(sequence: number, record: Buffer, covered: Buffer, mac: Buffer): boolean {
    const header = this.#pseudoHeader;
    writeSequence(header, 0, sequence);
    record.copy(header, 8, 0, 3);
    header.writeUInt16BE(covered.length, 11);
    const made = createHmac(this.#suite.macHash, this.#keys.macKey).update(header).update(covered).digest();
    return timingSafeEqual(made, mac);
  }
}
