// SPDX-License-Identifier: Apache-2.0

/**
 * What one direction lost since the record that was read last, and which sequence number the next record may have. A
 * verified tag proves the number, and the number says how many records are missing: so the size of the missing plaintext
 * is known exactly, if it was application data without padding.
 */
import { PLAINTEXT_BYTES_MAX, RECORD_HEADER_BYTES, type RecordCipher } from './record-cipher.ts';

export class Losses {
  /** Ciphertext since then, headers included, in records that are known and in bytes of which nothing is known. */
  bytes = 0;
  /** Records of which it is known that they were there. */
  records = 0;
  unknownBytes = 0;
  /** Plaintext that was already told to be missing, before its size was known. */
  toldBytes = 0;
  /** Where the search through counts of missing records goes on: one record does not pay for all of them. */
  #resumeAt = 0;

  addRecord(bytes: number): void {
    this.bytes += bytes;
    this.records++;
  }

  addUnknown(bytes: number): void {
    this.bytes += bytes;
    this.unknownBytes += bytes;
    this.#resumeAt = 0;
  }

  /** Up to `max` numbers that the record may have, likeliest first. `next` is the number that followed before the loss. */
  sequences(next: number, cipher: RecordCipher, record: Buffer, max: number): number[] {
    const from = next + this.records;
    const least = RECORD_HEADER_BYTES + cipher.fragmentBytesMin;
    const countMin = Math.ceil(this.unknownBytes / (PLAINTEXT_BYTES_MAX + cipher.overheadBytes + 256));
    const countMax = Math.floor(this.unknownBytes / least);
    const found = new Set<number>();
    const step = cipher.sequenceStep(record);
    if (step !== undefined) found.add(next - 1 + step);
    found.add(from + Math.min(countMin, countMax));
    // Records of one connection are often of one size.
    found.add(from + Math.min(Math.max(Math.round(this.unknownBytes / record.length), countMin), countMax));
    const span = countMax - countMin + 1;
    for (let tried = 0; tried < span && found.size < max; tried++) {
      found.add(from + countMin + (this.#resumeAt++ % span));
    }
    return [...found];
  }

  /** The plaintext that is missing when the next record has this number. */
  plaintextBytes(next: number, sequence: number, cipher: RecordCipher): number {
    const missing = sequence - next;
    return missing <= 0 ? 0 : Math.max(this.bytes - missing * cipher.overheadBytes, 0);
  }

  /** As well as it can be said without a number. */
  plaintextEstimate(overheadBytes: number): number {
    const records = this.records + Math.ceil(this.unknownBytes / (PLAINTEXT_BYTES_MAX + overheadBytes));
    return Math.max(this.bytes - records * overheadBytes, 0);
  }
}
