// SPDX-License-Identifier: Apache-2.0

/**
 * A small state that is always whole on disk: a file with two slots that are written in turn, each with its checksum. A
 * write that was interrupted leaves the slot before. The file has its full size from the beginning and is written in place,
 * so it can also be written on a full disk: what makes room there may wait for it.
 *
 * Slot   crc u32 of all that follows · length u32 · generation u64 · content, little-endian
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from './disk.ts';

const HEAD_BYTES = 16;

export type SlotContent =
  | { readonly kind: 'content'; readonly content: Buffer }
  /** Never written. */
  | { readonly kind: 'none' }
  /** Something is there, and no slot of it is whole: no crash leaves that. */
  | { readonly kind: 'damaged' };

export class SlotFile {
  readonly #file: DiskFile;
  readonly #slotBytes: number;
  #generation: bigint;
  #writing: Promise<void> = Promise.resolve();
  /** What it held when it was opened. */
  readonly found: SlotContent;

  private constructor(file: DiskFile, slotBytes: number, found: SlotContent, generation: bigint) {
    this.#file = file;
    this.#slotBytes = slotBytes;
    this.found = found;
    this.#generation = generation;
  }

  /** The file at `path`, made when there is none. Errors: those of the disk. */
  static async open(disk: Disk, path: string, slotBytes: number): Promise<SlotFile> {
    const file = await disk.open(path, 'change');
    try {
      const bytes = Buffer.alloc(2 * slotBytes);
      if ((await file.size()) < bytes.length) {
        // What is there of it stays: a slot may be whole in a file that somebody cut.
        await file.read(bytes, 0);
        await file.write([bytes], 0);
        await file.sync();
        await disk.syncFolder(dirname(path));
      } else await file.read(bytes, 0);
      const slots = [readSlot(bytes.subarray(0, slotBytes)), readSlot(bytes.subarray(slotBytes))];
      const newest = slots
        .filter((slot) => slot !== undefined)
        .sort((a, b) => (a.generation < b.generation ? 1 : -1))[0];
      const isEmpty = bytes.every((byte) => byte === 0);
      const found: SlotContent =
        newest !== undefined ? { kind: 'content', content: newest.content } : { kind: isEmpty ? 'none' : 'damaged' };
      return new SlotFile(file, slotBytes, found, newest?.generation ?? 0n);
    } catch (cause) {
      await file.close();
      throw cause;
    }
  }

  get contentBytesMax(): number {
    return this.#slotBytes - HEAD_BYTES;
  }

  /**
   * `content` is on stable storage when it resolves. One after the other.
   *
   * Errors   those of the disk, after which the content before it still holds; RangeError when it is too large
   */
  write(content: Uint8Array): Promise<void> {
    if (content.length > this.contentBytesMax) throw new RangeError(`a slot holds ${this.contentBytesMax} bytes`);
    const slot = Buffer.alloc(HEAD_BYTES + content.length);
    slot.set(content, HEAD_BYTES);
    slot.writeUInt32LE(content.length, 4);
    const written = this.#writing.then(async () => {
      // Only what was synced is left in peace: after a failure the same slot is written again.
      const generation = this.#generation + 1n;
      slot.writeBigUInt64LE(generation, 8);
      slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
      await this.#file.write([slot], Number(generation % 2n) * this.#slotBytes);
      await this.#file.sync();
      this.#generation = generation;
    });
    this.#writing = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}

function readSlot(slot: Buffer): { readonly generation: bigint; readonly content: Buffer } | undefined {
  const length = slot.readUInt32LE(4);
  if (length > slot.length - HEAD_BYTES) return undefined;
  const whole = slot.subarray(0, HEAD_BYTES + length);
  const generation = slot.readBigUInt64LE(8);
  // All zeros is a slot that was never written, whatever its checksum.
  if (generation === 0n || crc32(whole.subarray(4)) !== slot.readUInt32LE(0)) return undefined;
  return { generation, content: Buffer.from(whole.subarray(HEAD_BYTES)) };
}
