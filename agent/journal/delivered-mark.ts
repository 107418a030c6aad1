// SPDX-License-Identifier: Apache-2.0

/**
 * Remembers up to which entry the record is at the collector. Only a hint: the collector's own answer counts, and an old
 * value costs nothing but a re-send. So it is written seldom and not synced, in two slots in turn, and a torn slot is told
 * by its checksum.
 *
 * Slot   seq u64 LE · crc u32 of those eight bytes · zeros, 16 bytes in all
 */
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from './disk.ts';

const SLOT_BYTES = 16;

export class DeliveredMark {
  readonly #file: DiskFile;
  #seq: number;
  #written: number;
  #slot = 0;
  #writing: Promise<void> | undefined;

  private constructor(file: DiskFile, seq: number) {
    this.#file = file;
    this.#seq = seq;
    this.#written = seq;
  }

  static async open(disk: Disk, path: string): Promise<DeliveredMark> {
    const file = await disk.open(path, 'change');
    const bytes = Buffer.alloc(2 * SLOT_BYTES);
    await file.read(bytes, 0);
    return new DeliveredMark(file, Math.max(readSlot(bytes, 0), readSlot(bytes, SLOT_BYTES)));
  }

  get seq(): number {
    return this.#seq;
  }

  /** Goes up only. Writes unless a write is under way, which then takes the newest value along. */
  set(seq: number): void {
    if (seq <= this.#seq) return;
    this.#seq = seq;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    while (this.#written < this.#seq) {
      const seq = this.#seq;
      const slot = Buffer.alloc(SLOT_BYTES);
      slot.writeBigUInt64LE(BigInt(seq), 0);
      slot.writeUInt32LE(crc32(slot.subarray(0, 8)), 8);
      this.#slot = 1 - this.#slot;
      try {
        await this.#file.write([slot], this.#slot * SLOT_BYTES);
      } catch {
        // A full disk: the next value tries again. Nothing depends on this one.
      }
      this.#written = seq;
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}

function readSlot(bytes: Buffer, at: number): number {
  const seq = bytes.subarray(at, at + 8);
  if (crc32(seq) !== bytes.readUInt32LE(at + 8)) return 0;
  return Number(seq.readBigUInt64LE(0));
}
