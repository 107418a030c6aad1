// SPDX-License-Identifier: Apache-2.0

/**
 * Compressed packets of one side become the bytes that they hold.
 *
 * Shape    compressed length u24 LE · sequence u8 · length u24 LE, 0 of what is not compressed · body
 * Errors   never throws. Behind a gap, a body that is no zlib, or one above the bound, nothing more is understood
 * Source   MySQL manual, "Compression"
 */
import { inflateSync } from 'node:zlib';
import { asBuffer } from '../bytes/byte-reader.ts';

const HEADER_BYTES = 7;
const FIRST_BYTES = 4096;

export interface UnpackedHandler {
  /** What a packet held, and how long it was on the wire. */
  unpacked(bytes: Buffer, wireBytes: number, at: number): void;
  /** `bytes` are not understood, nor anything behind them. */
  failed(reason: string, bytes: number): void;
}

export class Unpacking {
  readonly #handler: UnpackedHandler;
  readonly #bytesMax: number;
  #held: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  heldBytes = 0;
  /** Why nothing more is understood. */
  #failure: string | undefined;

  constructor(bytesMax: number, handler: UnpackedHandler) {
    this.#bytesMax = bytesMax;
    this.#handler = handler;
  }

  push(chunk: Uint8Array, at: number): void {
    const bytes = asBuffer(chunk);
    for (let from = 0; from < bytes.length; ) {
      if (this.#failure !== undefined) {
        this.#handler.failed(this.#failure, bytes.length - from);
        return;
      }
      const wanted = this.#wantedBytes;
      const end = Math.min(bytes.length, from + wanted - this.heldBytes);
      this.#hold(bytes, from, end);
      from = end;
      if (this.heldBytes < HEADER_BYTES || this.heldBytes < this.#wantedBytes) continue;
      this.#unpack(at);
    }
  }

  fail(reason: string): void {
    const bytes = this.heldBytes;
    this.heldBytes = 0;
    this.#failure = reason;
    this.#held = Buffer.allocUnsafeSlow(0);
    if (bytes > 0) this.#handler.failed(reason, bytes);
  }

  /** How long the packet at hand is, as far as is known. */
  get #wantedBytes(): number {
    return this.heldBytes < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + this.#held.readUIntLE(0, 3);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const wanted = this.heldBytes + end - start;
    if (wanted > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#held.length, FIRST_BYTES));
      this.#held.copy(grown, 0, 0, this.heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.heldBytes, start, end);
    this.heldBytes = wanted;
    if (wanted === HEADER_BYTES && this.#wantedBytes > this.#bytesMax) this.fail('compressed_above_bound');
  }

  #unpack(at: number): void {
    const size = this.#held.readUIntLE(4, 3);
    const wireBytes = this.heldBytes;
    const body = this.#held.subarray(HEADER_BYTES, wireBytes);
    let plain: Buffer = body;
    if (size > 0) {
      try {
        plain = inflateSync(body, { maxOutputLength: size });
      } catch {
        this.fail('compressed_malformed');
        return;
      }
    }
    const copy = size > 0 ? plain : Buffer.from(plain);
    this.heldBytes = 0;
    this.#handler.unpacked(copy, wireBytes, at);
  }
}
