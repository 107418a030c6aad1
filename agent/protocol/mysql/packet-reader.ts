// SPDX-License-Identifier: Apache-2.0

import { ByteReader } from '../bytes/byte-reader.ts';

/** A cursor over a message: little-endian integers, and those that say their own length. */
export class PacketReader extends ByteReader {
  u16le(): number {
    return this.uintLe(2);
  }

  u24le(): number {
    return this.uintLe(3);
  }

  u32le(): number {
    return this.uintLe(4);
  }

  uintLe(size: 1 | 2 | 3 | 4 | 5 | 6): number {
    const start = this.skip(size);
    return start < 0 ? 0 : this.bytes.readUIntLE(start, size);
  }

  u64le(): bigint {
    const start = this.skip(8);
    return start < 0 ? 0n : this.bytes.readBigUInt64LE(start);
  }

  /** Undefined for NULL, and where there is none. */
  lengthEncoded(): number | undefined {
    const first = this.u8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.u16le();
    if (first === 0xfd) return this.u24le();
    if (first !== 0xfe) {
      if (first === 0xff) this.short = true;
      return undefined;
    }
    const value = this.u64le();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.short = true;
    return this.short ? undefined : Number(value);
  }

  lengthEncodedText(): string {
    const length = this.lengthEncoded();
    return length === undefined ? '' : this.text(length);
  }

  rest(): string {
    return this.text(this.remaining);
  }
}
