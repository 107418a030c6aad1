// SPDX-License-Identifier: Apache-2.0

/**
 * Handshake messages out of the records that carry them: several in one record, or one in several.
 *
 * Shape    type u8 · length u24 · body
 * Keeps    at most one unfinished message, up to MESSAGE_BYTES_MAX; a longer one is stepped over unread
 * Source   RFC 8446, section 4
 */

export const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  serverHelloDone: 14,
  finished: 20,
  keyUpdate: 24,
} as const;

const HEADER_BYTES = 4;
/** A long chain of certificates is some 20 KiB; OpenSSL takes up to 100 KiB. */
const MESSAGE_BYTES_MAX = 128 * 1024;
const EMPTY = Buffer.alloc(0);

export class HandshakeMessages {
  /** The message that is begun: its header at least in part, and room for all of it once its size is known. */
  #pending: Buffer = EMPTY;
  #used = 0;
  #skipBytes = 0;

  get heldBytes(): number {
    return this.#pending.length;
  }

  /** Calls `message` for each message that is whole now. `body` is a view, for the duration of the call. */
  push(fragment: Buffer, message: (type: number, body: Buffer) => void): void {
    let at = 0;
    while (at < fragment.length) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, fragment.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
        continue;
      }
      if (this.#used === 0 && wholeAt(fragment, at)) {
        const end = at + HEADER_BYTES + fragment.readUIntBE(at + 1, 3);
        message(fragment[at] as number, fragment.subarray(at + HEADER_BYTES, end));
        at = end;
        continue;
      }
      at += this.#take(fragment, at);
      if (this.#used < HEADER_BYTES) continue;
      const size = HEADER_BYTES + this.#pending.readUIntBE(1, 3);
      if (size > MESSAGE_BYTES_MAX) {
        this.drop();
        this.#skipBytes = size - HEADER_BYTES;
      } else if (this.#used >= size) {
        const whole = this.#pending;
        this.drop();
        message(whole[0] as number, whole.subarray(HEADER_BYTES));
      }
    }
  }

  /** What was begun will not be finished. */
  drop(): void {
    this.#pending = EMPTY;
    this.#used = 0;
    this.#skipBytes = 0;
  }

  #take(fragment: Buffer, from: number): number {
    if (this.#used === 0) this.#pending = Buffer.alloc(HEADER_BYTES);
    if (this.#used === HEADER_BYTES) {
      const header = this.#pending;
      this.#pending = Buffer.alloc(HEADER_BYTES + header.readUIntBE(1, 3));
      header.copy(this.#pending);
    }
    const taken = Math.min(this.#pending.length - this.#used, fragment.length - from);
    fragment.copy(this.#pending, this.#used, from, from + taken);
    this.#used += taken;
    return taken;
  }
}

function wholeAt(bytes: Buffer, at: number): boolean {
  if (bytes.length - at < HEADER_BYTES) return false;
  const size = HEADER_BYTES + bytes.readUIntBE(at + 1, 3);
  return size <= MESSAGE_BYTES_MAX && bytes.length - at >= size;
}
