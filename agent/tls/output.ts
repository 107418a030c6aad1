// SPDX-License-Identifier: Apache-2.0

/** What the layer says of its bytes, counted in the same place: so what is said and what is counted cannot differ. */
import type { Side } from '../protocol/decoder.ts';
import type { Direction } from './direction.ts';

export interface TlsSink {
  /** Plaintext that `from` sent next; its tag (or MAC) verified. A view, for the duration of the call. */
  data(from: Side, bytes: Uint8Array, at: number): void;
  /** Plaintext of `from` of that size will not be read. Exact where sequence numbers tell it. */
  gap(from: Side, bytes: number, at: number): void;
  /**
   * Ciphertext that was had and not read, and why. Bytes that follow each other for one reason come in one call; over a
   * connection the calls add up to `unreadable` of the counts.
   */
  unreadable(from: Side, reason: UnreadableReason, bytes: number, at: number): void;
}

/** Stable words. */
export type UnreadableReason =
  /** The secret did not come in time. */
  | 'no_secret'
  /** The beginning of the connection was not seen. */
  | 'joined_late'
  /** No tag verifies, or the record stands where it may not. */
  | 'record_damaged'
  /** Of a record whose other bytes are missing. */
  | 'record_incomplete'
  /** Between a gap and the next record that can be told. */
  | 'after_gap'
  /** Early data that the server refused: nobody acted on it. */
  | 'early_data_rejected'
  | 'suite_unsupported'
  | 'not_tls'
  | 'memory_bound'
  | 'trials_exhausted';

export class Output {
  readonly #sink: TlsSink;
  #of: Direction | undefined;
  #reason: UnreadableReason = 'no_secret';
  #bytes = 0;
  #at = 0;

  constructor(sink: TlsSink) {
    this.#sink = sink;
  }

  /** A record that was opened, and what of it is application data. */
  data(of: Direction, bytes: Buffer, recordBytes: number, at: number): void {
    of.plaintextBytes += bytes.length;
    of.framingBytes += recordBytes - bytes.length;
    if (bytes.length === 0) return;
    this.flush();
    this.#sink.data(of.side, bytes, at);
  }

  framing(of: Direction, bytes: number): void {
    of.framingBytes += bytes;
  }

  gap(of: Direction, bytes: number, at: number): void {
    if (bytes <= 0) return;
    this.flush();
    this.#sink.gap(of.side, bytes, at);
  }

  unreadable(of: Direction, reason: UnreadableReason, bytes: number, at: number): void {
    if (bytes === 0) return;
    of.unreadableBytes += bytes;
    if (this.#of !== of || this.#reason !== reason) this.flush();
    this.#of = of;
    this.#reason = reason;
    this.#bytes += bytes;
    this.#at = at;
  }

  /** Say what was gathered. */
  flush(): void {
    const of = this.#of;
    if (of === undefined) return;
    const bytes = this.#bytes;
    this.#of = undefined;
    this.#bytes = 0;
    this.#sink.unreadable(of.side, this.#reason, bytes, this.#at);
  }
}
