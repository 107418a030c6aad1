// SPDX-License-Identifier: Apache-2.0

/**
 * Where functions begin, by the table that is there to unwind their frames. It stays in stripped files; programs that are
 * built without unwinding have none. A part of a function that was moved away because it seldom runs has its own entry.
 *
 * Shape    version 1 · encodings of three bytes · pointer to the frames · count u32 · (start i32, frame i32)*, sorted
 * Units    starts count from the table's own address
 * Source   Linux Standard Base, Core, "Exception Frame Header"
 */

import { type ElfFile, segmentFlag, segmentType } from './elf-file.ts';

const GNU_EH_FRAME = 0x6474e550;
const HEADER_BYTES = 12;
/** Relative to the table, signed, four bytes: what every linker writes, as a table can only be searched so. */
const SORTED_TABLE = 0x3b;
const UNSIGNED_4 = 0x03;

export class FrameTable {
  readonly #elf: ElfFile;
  readonly #address: number;
  readonly #entriesAt: number;
  readonly #count: number;

  static of(elf: ElfFile): FrameTable | undefined {
    const segment = elf.segments.find((one) => one.type === GNU_EH_FRAME);
    const header = segment && elf.reader.read(segment.fileOffset, HEADER_BYTES);
    if (segment === undefined || header?.length !== HEADER_BYTES || header[0] !== 1) return undefined;
    if (header[2] !== UNSIGNED_4 || header[3] !== SORTED_TABLE) return undefined;
    const room = Math.floor((segment.fileBytes - HEADER_BYTES) / 8);
    const count = Math.min(header.readUInt32LE(8), room);
    return count < 1 ? undefined : new FrameTable(elf, segment, count);
  }

  private constructor(elf: ElfFile, segment: { fileOffset: number; address: number }, count: number) {
    this.#elf = elf;
    this.#address = segment.address;
    this.#entriesAt = segment.fileOffset + HEADER_BYTES;
    this.#count = count;
  }

  /** File offset of the first instruction of the function that holds this place in the code. */
  functionAround(fileOffset: number): number | undefined {
    const segment = this.#elf.segments.find(
      (one) =>
        one.type === segmentType.load &&
        (one.flags & segmentFlag.execute) !== 0 &&
        fileOffset >= one.fileOffset &&
        fileOffset < one.fileOffset + one.fileBytes,
    );
    if (segment === undefined) return undefined;
    const address = fileOffset - segment.fileOffset + segment.address;
    let low = 0;
    let high = this.#count;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const start = this.#start(middle);
      if (start === undefined) return undefined;
      if (start <= address) low = middle;
      else high = middle;
    }
    const start = this.#start(low);
    return start === undefined || start > address ? undefined : this.#elf.codeOffsetOf(start);
  }

  #start(index: number): number | undefined {
    const entry = this.#elf.reader.read(this.#entriesAt + 8 * index, 4);
    return entry.length < 4 ? undefined : this.#address + entry.readInt32LE(0);
  }
}
