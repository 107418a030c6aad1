// SPDX-License-Identifier: Apache-2.0

/**
 * Where x86-64 code calls a function of another library: by the slot that the loader fills with the function's address, the
 * stubs that jump through it, and the calls of those. A probe at such a call is passed by this file's users only, while one
 * in the library is a trap for all of its users; and the kernel does a call by itself, without a step over a copy.
 *
 * Bytes that look like such a call and are none would have to hold, in the middle of other instructions, exactly the distance
 * to the stub: that happens once in some 10^12 bytes of code.
 *
 * Source  System V ABI for AMD64, 4.4.1 (R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT); Intel SDM: call rel32, jmp and call [rip + disp32]
 */

import { READ_BYTES_MAX } from '../file-reader.ts';
import { type ByteRange, piecesOf, placesOf, readInPieces } from './byte-search.ts';
import { type ElfFile, machine, sectionType, segmentFlag, segmentType } from './elf-file.ts';

const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 24;
const GLOB_DAT = 6;
const JUMP_SLOT = 7;
const DT_PLTRELSZ = 2n;
const DT_RELA = 7n;
const DT_RELASZ = 8n;
const DT_JMPREL = 23n;
/** Beyond these a file is none that speaks SSH by a library: OpenSSH has 1 MB of code and 6,000 relocations. */
const CODE_BYTES_MAX = 16 * 1024 * 1024;
const RELOCATIONS_BYTES_MAX = 4 * 1024 * 1024;
const NAME_PLACES_MAX = 16;
const CALLS_MAX = 64;
const INSTRUCTION_BYTES = 6;

/** File offsets of the calls of an imported function, in order; empty when it is not imported, or the code is another's. */
export function* callsOfImport(elf: ElfFile, name: string): Generator<undefined, number[]> {
  if (elf.machine !== machine.x86) return [];
  const symbol = yield* importedSymbol(elf, name);
  if (symbol === undefined) return [];
  const slots = yield* slotsOf(elf, symbol);
  const code = elf.segments.filter((one) => one.type === segmentType.load && (one.flags & segmentFlag.execute) !== 0);
  if (slots.size === 0 || code.reduce((sum, one) => sum + one.fileBytes, 0) > CODE_BYTES_MAX) return [];
  const calls: number[] = [];
  const stubs = new Set<number>();
  for (const segment of code) {
    for (const { fileOffset, bytes } of readInPieces(elf.reader, segment, INSTRUCTION_BYTES - 1)) {
      const address = fileOffset - segment.fileOffset + segment.address;
      for (let at = bytes.indexOf(0xff); at >= 0 && at + 6 <= bytes.length; at = bytes.indexOf(0xff, at + 1)) {
        const how = bytes[at + 1];
        if ((how !== 0x25 && how !== 0x15) || !slots.has(address + at + 6 + bytes.readInt32LE(at + 2))) continue;
        if (how === 0x15) keep(calls, fileOffset + at);
        // The stub begins with the jump, or with a landing pad before it (endbr64), behind which may be a prefix (bnd).
        else for (const before of [0, 1, 4, 5]) stubs.add(address + at - before);
      }
      yield undefined;
    }
  }
  for (const segment of stubs.size === 0 ? [] : code) {
    for (const { fileOffset, bytes } of readInPieces(elf.reader, segment, INSTRUCTION_BYTES - 1)) {
      const address = fileOffset - segment.fileOffset + segment.address;
      for (let at = bytes.indexOf(0xe8); at >= 0 && at + 5 <= bytes.length; at = bytes.indexOf(0xe8, at + 1))
        if (stubs.has(address + at + 5 + bytes.readInt32LE(at + 1))) keep(calls, fileOffset + at);
      yield undefined;
    }
  }
  return calls.sort((one, other) => one - other);
}

/** Pieces overlap: a call at the end of one is seen again. */
function keep(calls: number[], call: number): void {
  if (calls.length < CALLS_MAX && !calls.includes(call)) calls.push(call);
}

/** Number of the symbol in the dynamic table. */
function* importedSymbol(elf: ElfFile, name: string): Generator<undefined, number | undefined> {
  const table = elf.sections.find((one) => one.type === sectionType.dynamicSymbols);
  const names = table && elf.sections[table.link];
  if (table === undefined || names === undefined) return undefined;
  const places = yield* placesOf(elf.reader, names, Buffer.from(`\0${name}\0`, 'latin1'), NAME_PLACES_MAX);
  const wanted = new Set(places.map((place) => place + 1 - names.fileOffset));
  for (const piece of wanted.size === 0 ? [] : wholeEntries(table, SYMBOL_BYTES)) {
    const bytes = elf.reader.read(piece.fileOffset, piece.fileBytes);
    for (let at = 0; at + SYMBOL_BYTES <= bytes.length; at += SYMBOL_BYTES)
      // Without a section it is another file's.
      if (wanted.has(bytes.readUInt32LE(at)) && bytes.readUInt16LE(at + 6) === 0)
        return (piece.fileOffset - table.fileOffset + at) / SYMBOL_BYTES;
    yield undefined;
  }
  return undefined;
}

/** Addresses that the loader fills with the address of this symbol. */
function* slotsOf(elf: ElfFile, symbol: number): Generator<undefined, Set<number>> {
  const slots = new Set<number>();
  for (const [at, size] of [
    [DT_JMPREL, DT_PLTRELSZ],
    [DT_RELA, DT_RELASZ],
  ] as const) {
    const fileOffset = elf.fileOffsetOf(Number(elf.dynamic.get(at) ?? -1n));
    const fileBytes = Math.min(Number(elf.dynamic.get(size) ?? 0n), RELOCATIONS_BYTES_MAX);
    if (fileOffset === undefined) continue;
    for (const piece of wholeEntries({ fileOffset, fileBytes }, RELOCATION_BYTES)) {
      const bytes = elf.reader.read(piece.fileOffset, piece.fileBytes);
      for (let entry = 0; entry + RELOCATION_BYTES <= bytes.length; entry += RELOCATION_BYTES) {
        const type = bytes.readUInt32LE(entry + 8);
        if ((type === GLOB_DAT || type === JUMP_SLOT) && bytes.readUInt32LE(entry + 12) === symbol)
          slots.add(Number(bytes.readBigUInt64LE(entry)));
      }
      yield undefined;
    }
  }
  return slots;
}

/** Pieces that begin with an entry. */
function wholeEntries(range: ByteRange, entryBytes: number): Generator<ByteRange> {
  return piecesOf(range, READ_BYTES_MAX % entryBytes);
}
