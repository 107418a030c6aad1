// SPDX-License-Identifier: Apache-2.0

/**
 * Packets of sftp out of the data of a channel.
 *
 * Shape    length u32 · type u8 · …
 * Bounds   one packet of PACKET_BYTES_MAX in each direction
 * Source   draft-ietf-secsh-filexfer-02, section 3
 */

/** OpenSSH takes 256 KiB, with what is around the data. */
export const PACKET_BYTES_MAX = 256 * 1024 + 1024;

export class SftpPackets {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** No packet can be told any more. */
  isLost = false;

  get heldBytes(): number {
    return this.#bytes;
  }

  /** The packets that are whole now; views into `bytes` where they can be. */
  push(bytes: Buffer): Buffer[] {
    if (this.isLost) return [];
    let rest = bytes;
    if (this.#bytes > 0) {
      this.#parts.push(Buffer.from(bytes));
      this.#bytes += bytes.length;
      const head = this.#parts[0] as Buffer;
      if (head.length >= 4 && this.#bytes < 4 + head.readUInt32BE(0)) return [];
      rest = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#bytes = 0;
    }
    const packets: Buffer[] = [];
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0);
      if (length === 0 || length > PACKET_BYTES_MAX) {
        this.lost();
        return packets;
      }
      if (rest.length < 4 + length) break;
      packets.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    if (rest.length > 0) {
      this.#parts = [Buffer.from(rest)];
      this.#bytes = rest.length;
    }
    return packets;
  }

  lost(): void {
    this.isLost = true;
    this.#parts = [];
    this.#bytes = 0;
  }
}
