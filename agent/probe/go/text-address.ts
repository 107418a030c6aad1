// SPDX-License-Identifier: Apache-2.0

/**
 * Where the code of a Go program begins, by the runtime's description of its module: the entries of the function table
 * count from there. Up to Go 1.25 a copy stands in the header of that table, but not in programs that are placed anywhere
 * (PIE): there it is filled in when the program is loaded.
 *
 * Shape    pointer to the function table · six slices of 24 bytes · pointer · first pc · last pc · text · …
 * Source   Go, src/runtime/symtab.go (moduledata), the same up to here from Go 1.16 to 1.26
 */

import { type ByteRange, placesOf } from '../elf/byte-search.ts';
import { type ElfFile, sectionFlag, sectionType, segmentFlag, segmentType } from '../elf/elf-file.ts';

const FIRST_PC_AT = 160;
const TEXT_AT = 176;
const RELOCATION_BYTES = 24;
const PLACES_MAX = 64;
const DT_RELA = 7n;
const DT_RELASZ = 8n;

/** Address of the text of the module whose function table is at this file offset. */
export function* textAddress(elf: ElfFile, tableAt: number): Generator<undefined, number | undefined> {
  for (const module of yield* pointersTo(elf, tableAt)) {
    const text = yield* pointerAt(elf, module + TEXT_AT);
    const firstPc = yield* pointerAt(elf, module + FIRST_PC_AT);
    if (text === undefined || firstPc === undefined || firstPc < text) continue;
    if (elf.codeOffsetOf(text) !== undefined && elf.codeOffsetOf(firstPc) !== undefined) return text;
  }
  return undefined;
}

/** Addresses of pointers to what is at this file offset, in the file or filled in when it is loaded. */
export function* pointersTo(elf: ElfFile, fileOffset: number): Generator<undefined, number[]> {
  const target = addressOf(elf, fileOffset);
  if (target === undefined) return [];
  const found: number[] = [];
  const relocations = relocationsOf(elf);
  if (relocations !== undefined) {
    for (const place of yield* placesOf(elf.reader, relocations, pointerBytes(target), PLACES_MAX)) {
      if ((place - relocations.fileOffset) % RELOCATION_BYTES !== 16) continue;
      const pointer = elf.reader.read(place - 16, 8);
      if (pointer.length === 8) found.push(Number(pointer.readBigUInt64LE(0)));
    }
  }
  for (const range of dataRanges(elf)) {
    for (const place of yield* placesOf(elf.reader, range, pointerBytes(target), PLACES_MAX)) {
      const address = addressOf(elf, place);
      if (address !== undefined && address % 8 === 0) found.push(address);
    }
  }
  return found;
}

function* pointerAt(elf: ElfFile, address: number): Generator<undefined, number | undefined> {
  const relocations = relocationsOf(elf);
  if (relocations !== undefined) {
    for (const place of yield* placesOf(elf.reader, relocations, pointerBytes(address), PLACES_MAX)) {
      if ((place - relocations.fileOffset) % RELOCATION_BYTES !== 0) continue;
      const addend = elf.reader.read(place + 16, 8);
      if (addend.length === 8) return Number(addend.readBigUInt64LE(0));
    }
  }
  const offset = elf.fileOffsetOf(address);
  const bytes = offset === undefined ? undefined : elf.reader.read(offset, 8);
  return bytes?.length === 8 ? Number(bytes.readBigUInt64LE(0)) : undefined;
}

function relocationsOf(elf: ElfFile): ByteRange | undefined {
  const fileOffset = elf.fileOffsetOf(Number(elf.dynamic.get(DT_RELA) ?? -1n));
  const fileBytes = Number(elf.dynamic.get(DT_RELASZ) ?? 0n);
  if (fileOffset === undefined || fileOffset + fileBytes > elf.reader.sizeBytes) return undefined;
  return { fileOffset, fileBytes };
}

/** What is loaded, can be written and is in the file: sections, else segments. */
function dataRanges(elf: ElfFile): readonly ByteRange[] {
  const sections = elf.sections.filter(
    (one) =>
      one.type === sectionType.programBits &&
      (one.flags & sectionFlag.alloc) !== 0 &&
      (one.flags & sectionFlag.write) !== 0,
  );
  if (sections.length > 0) return sections;
  return elf.segments.filter((one) => one.type === segmentType.load && (one.flags & segmentFlag.write) !== 0);
}

function addressOf(elf: ElfFile, fileOffset: number): number | undefined {
  const segment = elf.segments.find(
    (one) =>
      one.type === segmentType.load && fileOffset >= one.fileOffset && fileOffset < one.fileOffset + one.fileBytes,
  );
  return segment && segment.address + (fileOffset - segment.fileOffset);
}

function pointerBytes(address: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(address)));
  return bytes;
}
