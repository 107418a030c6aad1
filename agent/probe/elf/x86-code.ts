// SPDX-License-Identifier: Apache-2.0

/**
 * Functions of stripped x86-64 programs, by the texts that they use and by who calls them. Code is not decoded from its
 * start: bytes that look like an instruction may be the middle of another. A probe in the middle of one would destroy the
 * program, so the first instruction of a function is only believed where two independent things say so.
 *
 * Source  Intel SDM, volume 2: lea r64, [rip + disp32]; mov r32, imm32; call rel32
 */

import { placesOf, readInPieces } from './byte-search.ts';
import { constantsOf } from './constants.ts';
import { type ElfFile, fileType, machine, segmentFlag, segmentType } from './elf-file.ts';
import { FrameTable } from './frame-table.ts';

/** A constant of the program is put into a register, as an argument. */
export interface Reference {
  readonly fileOffset: number;
  /** Address of the constant. */
  readonly target: number;
  /** Number of the register; the arguments of C functions are in 7, 6, 2, 1, 8, 9. */
  readonly register: number;
}

/** Longest instruction that is looked for, and what is read of the code behind it. */
const INSTRUCTION_BYTES_MAX = 16;
const REFERENCES_MAX = 256;
/** A function is searched no further before the place in it: the largest of interest has 2 KB. */
const FUNCTION_BYTES_MAX = 4096;
const TEXT_PLACES_MAX = 16;
const TEXT_BYTES_MAX = 256;

interface Wanted {
  readonly addresses: ReadonlySet<number>;
  readonly lowest: number;
  readonly highest: number;
  /** Only a program that is loaded at its own address has addresses in its instructions. */
  readonly isFixed: boolean;
}

/** Where the code puts the address of one of these into a register. */
export function* referencesTo(elf: ElfFile, addresses: ReadonlySet<number>): Generator<undefined, Reference[]> {
  const found: Reference[] = [];
  if (elf.machine !== machine.x86 || addresses.size === 0) return found;
  const wanted = {
    addresses,
    lowest: Math.min(...addresses),
    highest: Math.max(...addresses),
    isFixed: elf.type === fileType.executable,
  };
  for (const segment of codeOf(elf)) {
    for (const { fileOffset, bytes } of readInPieces(elf.reader, segment, INSTRUCTION_BYTES_MAX - 1)) {
      for (const one of referencesIn(bytes, fileOffset - segment.fileOffset + segment.address, wanted))
        if (found.length < REFERENCES_MAX)
          found.push({ fileOffset: fileOffset + one.at, target: one.target, register: one.register });
      yield undefined;
    }
  }
  return found;
}

/** A function of its own, and a plain loop: it goes over a hundred megabytes, one byte after the other. */
function referencesIn(bytes: Buffer, address: number, { addresses, lowest, highest, isFixed }: Wanted) {
  const found: { at: number; target: number; register: number }[] = [];
  const last = bytes.length - INSTRUCTION_BYTES_MAX;
  for (let at = 1; at <= last; at++) {
    const code = bytes[at] as number;
    // lea, with the 64-bit prefix before it.
    if (code === 0x8d && ((bytes[at + 1] as number) & 0xc7) === 0x05) {
      const prefix = bytes[at - 1] as number;
      if ((prefix & 0xfb) !== 0x48) continue;
      const target = address + at + 6 + bytes.readInt32LE(at + 2);
      if (target < lowest || target > highest || !addresses.has(target)) continue;
      const register = (((bytes[at + 1] as number) >> 3) & 7) | ((prefix & 4) << 1);
      found.push({ at: at - 1, target, register });
    } else if (isFixed && (code & 0xf8) === 0xb8) {
      const target = bytes.readUInt32LE(at + 1);
      if (target < lowest || target > highest || !addresses.has(target)) continue;
      found.push({ at, target, register: (code & 7) | (bytes[at - 1] === 0x41 ? 8 : 0) });
    }
  }
  return found;
}

/** For each of these places the file offset of the function that holds it, where that can be told. */
export function* functionsAround(
  elf: ElfFile,
  places: readonly number[],
): Generator<undefined, ReadonlyMap<number, number>> {
  const table = FrameTable.of(elf);
  const entries = table === undefined ? yield* entriesBefore(elf, places) : [];
  const around = new Map<number, number>();
  for (const place of places) {
    const nearest = (entry: number): boolean => entry <= place && entry >= place - FUNCTION_BYTES_MAX;
    const start = table === undefined ? entries.find(nearest) : table.functionAround(place);
    if (start !== undefined) around.set(place, start);
  }
  return around;
}

/**
 * In programs that are built without unwinding: what is called before these places, and looks like the beginning of a
 * function. The last comes first.
 */
function* entriesBefore(elf: ElfFile, places: readonly number[]): Generator<undefined, number[]> {
  const windows = places.map((place) => ({ from: place - FUNCTION_BYTES_MAX, to: place }));
  const starts = new Set<number>();
  const lowest = Math.min(...windows.map(({ from }) => from));
  const highest = Math.max(...windows.map(({ to }) => to));
  for (const segment of places.length === 0 ? [] : codeOf(elf)) {
    for (const { fileOffset, bytes } of readInPieces(elf.reader, segment, 4)) {
      for (let at = bytes.indexOf(0xe8); at >= 0 && at + 5 <= bytes.length; at = bytes.indexOf(0xe8, at + 1)) {
        const target = fileOffset + at + 5 + bytes.readInt32LE(at + 1);
        if (target >= lowest && target <= highest && windows.some(({ from, to }) => target >= from && target <= to))
          starts.add(target);
      }
      yield undefined;
    }
  }
  return [...starts].filter((offset) => isEntry(elf, offset)).sort((one, other) => other - one);
}

/** The function that is called first behind this place, within some instructions. */
export function calledBehind(elf: ElfFile, place: number, withinBytes: number): number | undefined {
  const bytes = elf.reader.read(place, withinBytes + 5);
  for (let at = bytes.indexOf(0xe8); at >= 0 && at + 5 <= bytes.length; at = bytes.indexOf(0xe8, at + 1)) {
    const target = place + at + 5 + bytes.readInt32LE(at + 1);
    if (isEntry(elf, target)) return target;
  }
  return undefined;
}

/** File offsets of the functions that a function calls, in programs that can be unwound. */
export function calledBy(elf: ElfFile, start: number): Set<number> {
  const called = new Set<number>();
  const table = FrameTable.of(elf);
  const bytes = elf.reader.read(start, FUNCTION_BYTES_MAX);
  for (let at = bytes.indexOf(0xe8); at >= 0 && at + 5 <= bytes.length; at = bytes.indexOf(0xe8, at + 1)) {
    if (table?.functionAround(start + at) !== start) break;
    const target = start + at + 5 + bytes.readInt32LE(at + 1);
    if (table.functionAround(target) === target) called.add(target);
  }
  return called;
}

/** Addresses where these letters stand among constants. */
export function* placesOfText(elf: ElfFile, text: string): Generator<undefined, Set<number>> {
  const addresses = new Set<number>();
  for (const range of constantsOf(elf)) {
    for (const place of yield* placesOf(elf.reader, range, Buffer.from(text, 'latin1'), TEXT_PLACES_MAX)) {
      const address = elf.addressOf(place);
      if (address !== undefined) addresses.add(address);
    }
  }
  return addresses;
}

/** Addresses of the texts that contain `part` and end with a zero byte, from their first letter on. */
export function* textsWith(elf: ElfFile, part: string): Generator<undefined, Set<number>> {
  const addresses = new Set<number>();
  for (const range of constantsOf(elf)) {
    for (const place of yield* placesOf(elf.reader, range, Buffer.from(part, 'latin1'), TEXT_PLACES_MAX)) {
      const from = Math.max(range.fileOffset, place - TEXT_BYTES_MAX);
      const before = elf.reader.read(from, place - from);
      const address = elf.addressOf(place - before.length + before.lastIndexOf(0) + 1);
      if (address !== undefined) addresses.add(address);
    }
  }
  return addresses;
}

/**
 * What is called, and begins like a function: with a frame or a landing pad; else aligned, behind the end of another, with
 * something put on the stack.
 */
function isEntry(elf: ElfFile, fileOffset: number): boolean {
  const code = elf.reader.read(fileOffset - 1, 9);
  const isCode = codeOf(elf).some(
    (one) => fileOffset > one.fileOffset && fileOffset < one.fileOffset + one.fileBytes - INSTRUCTION_BYTES_MAX,
  );
  if (!isCode || code.length < 9) return false;
  const start = code.readUInt32BE(1);
  if (start === 0x554889e5 || start === 0xf30f1efa) return true;
  // ret, int3, nop, the end of a long nop.
  const isBehindEnd = [0xc3, 0xcc, 0x90, 0x00].includes(code[0] as number);
  const pushes = (code[1] === 0x41 && isPush(code[2] as number)) || isPush(code[1] as number);
  const reserves = start >>> 8 === 0x4883ec || start >>> 8 === 0x4881ec;
  return fileOffset % 16 === 0 && isBehindEnd && (pushes || reserves);
}

function isPush(code: number): boolean {
  return (code & 0xf8) === 0x50;
}

function codeOf(elf: ElfFile): ElfFile['segments'] {
  return elf.segments.filter((one) => one.type === segmentType.load && (one.flags & segmentFlag.execute) !== 0);
}
