// SPDX-License-Identifier: Apache-2.0

/**
 * The key of one direction at work: opens records. Each kind of protection is a file of its own; what they share is here.
 * No cipher keeps a sequence number: after a loss the caller tries several.
 */

export const RECORD_HEADER_BYTES = 5;
/** RFC 8446, section 5.1. */
export const PLAINTEXT_BYTES_MAX = 16 * 1024;

/** TLS 1.3 allows 256 more than the plaintext, TLS 1.2 allows 2048: the larger one, for no version is known at first. */
export const FRAGMENT_BYTES_MAX = PLAINTEXT_BYTES_MAX + 2048;

export const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23, heartbeat: 24 } as const;

export interface RecordCipher {
  /** What the record that was opened last is: in TLS 1.3 the type stands inside. */
  readonly openedType: number;
  /** The smallest fragment that can carry anything. */
  readonly fragmentBytesMin: number;
  /** What a record is longer than its plaintext, header included. */
  readonly overheadBytes: number;
  /** Does `overheadBytes` hold for each record? A block cipher pads, so it is a mean there. */
  readonly overheadExact: boolean;
  /**
   * The plaintext of a whole record, or undefined when its tag does not verify under this key and number.
   *
   * `before` are the bytes in front of the record, where they are known: TLS 1.0 takes its IV from them.
   * Keeps    nothing; the plaintext is the caller's
   * Errors   never throws
   */
  open(sequence: number, record: Buffer, before?: Buffer): Buffer | undefined;
  /** What the record itself says of its sequence number, relative to that of the record opened last. */
  sequenceStep(record: Buffer): number | undefined;
  /** Fills the keys with zeros; it opens nothing more. */
  destroy(): void;
}

/** The number of a record as its eight bytes at `at`. Numbers beyond 2^53 are not reached by any connection. */
export function writeSequence(into: Buffer, at: number, sequence: number): void {
  into.writeUInt32BE(Math.floor(sequence / 0x1_0000_0000), at);
  into.writeUInt32BE(sequence % 0x1_0000_0000, at + 4);
}
