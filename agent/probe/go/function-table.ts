// SPDX-License-Identifier: Apache-2.0

/**
 * Functions of a Go program by name, from the table that its runtime uses for stack traces. It is in every Go program,
 * stripped or not.
 *
 * Shape    magic u32 · 0 · 0 · quantum u8 · pointer size u8 · functions u64 · files u64 · [text address u64, from 1.18] ·
 *          offsets of: names, compilation units, files, pc tables, functions (u64 each)
 *          functions: (entry, record offset) pairs in order of entry; u32 relative to the text from 1.18, u64 before
 *          record: entry as in the pair · offset of its name u32 · …
 * Source   Go, src/runtime/symtab.go (pcHeader, _func), src/internal/abi/symtab.go (PCLnTabMagic)
 */

import { placesOf } from '../elf/byte-search.ts';
import { type ElfFile, sectionType, segmentFlag, segmentType } from '../elf/elf-file.ts';
import { pointersTo, textAddress } from './text-address.ts';

const FUNCTIONS_MAX = 4_000_000;
const NAME_PLACES_MAX = 8;
const RECORD_PLACES_MAX = 4096;
const HEADER_PLACES_MAX = 64;
const HEADER_BYTES = 72;

interface Format {
  readonly magic: number;
  /** Entries are u32, relative to the text; else u64 addresses. */
  readonly relative: boolean;
}

const FORMATS: readonly Format[] = [
  { magic: 0xfffffff1, relative: true }, // Go 1.20
  { magic: 0xfffffff0, relative: true }, // Go 1.18
  { magic: 0xfffffffa, relative: false }, // Go 1.16
];

interface FunctionTable {
  readonly format: Format;
  /** File offsets. */
  readonly headerAt: number;
  readonly namesAt: number;
  readonly namesBytes: number;
  readonly functionsAt: number;
  readonly functionCount: number;
  /** Of this and what follows: the records lie within. */
  readonly endAt: number;
  /** Address that entries count from; undefined when it is not in the header. */
  readonly textAddress: number | undefined;
}

/** File offset of a function's first instruction; undefined when the program has none of that name. */
export function* goFunction(elf: ElfFile, name: string): Generator<undefined, number | undefined> {
  const table = yield* findTable(elf);
  if (table === undefined) return undefined;
  const names = { fileOffset: table.namesAt, fileBytes: table.namesBytes };
  const places = yield* placesOf(elf.reader, names, Buffer.from(`\0${name}\0`, 'latin1'), NAME_PLACES_MAX);
  for (const place of places) {
    const entry = yield* entryOfName(elf, table, place + 1 - table.namesAt);
    if (entry === undefined) continue;
    const base = table.format.relative ? (table.textAddress ?? (yield* textAddress(elf, table.headerAt))) : 0;
    return base === undefined ? undefined : elf.codeOffsetOf(base + entry);
  }
  return undefined;
}

/** The record that has this name, by its bytes; then whether the table of functions really leads to it. */
function* entryOfName(
  elf: ElfFile,
  table: FunctionTable,
  nameOffset: number,
): Generator<undefined, number | undefined> {
  const entryBytes = table.format.relative ? 4 : 8;
  const wanted = Buffer.alloc(4);
  wanted.writeUInt32LE(nameOffset);
  const records = { fileOffset: table.functionsAt, fileBytes: table.endAt - table.functionsAt };
  const places = yield* placesOf(elf.reader, records, wanted, RECORD_PLACES_MAX);
  for (const place of places) {
    const recordAt = place - entryBytes;
    const entry = unsigned(elf.reader.read(recordAt, entryBytes), entryBytes);
    if (entry !== undefined && recordOfEntry(elf, table, entry) === recordAt) return entry;
  }
  return undefined;
}

/** Binary search: the entries are in order. */
function recordOfEntry(elf: ElfFile, table: FunctionTable, entry: number): number | undefined {
  const bytes = table.format.relative ? 4 : 8;
  let low = 0;
  let high = table.functionCount - 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const pair = elf.reader.read(table.functionsAt + middle * 2 * bytes, 2 * bytes);
    const at = unsigned(pair, bytes);
    const record = unsigned(pair.subarray(bytes), bytes);
    if (at === undefined || record === undefined) return undefined;
    if (at === entry) return table.functionsAt + record;
    if (at < entry) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function* findTable(elf: ElfFile): Generator<undefined, FunctionTable | undefined> {
  const section = elf.sections.find((one) => one.name.endsWith('.gopclntab') && one.type !== sectionType.noBits);
  const found = section && readTable(elf, section.fileOffset, section.fileOffset + section.fileBytes);
  if (found !== undefined) return found;
  // Without sections, or with all in one: its first bytes are rare enough.
  for (const range of loadedData(elf)) {
    for (const { magic } of FORMATS) {
      const needle = Buffer.alloc(6);
      needle.writeUInt32LE(magic);
      for (const place of yield* placesOf(elf.reader, range, needle, HEADER_PLACES_MAX)) {
        const table = readTable(elf, place, range.fileOffset + range.fileBytes);
        if (table === undefined) continue;
        // In a program that only carries Go's magic numbers, nothing points at such a place.
        if (table.textAddress !== undefined || (yield* pointersTo(elf, place)).length > 0) return table;
      }
    }
  }
  return undefined;
}

function loadedData(elf: ElfFile) {
  return elf.segments.filter((one) => one.type === segmentType.load && (one.flags & segmentFlag.execute) === 0);
}

function readTable(elf: ElfFile, headerAt: number, endAt: number): FunctionTable | undefined {
  const header = elf.reader.read(headerAt, HEADER_BYTES);
  if (header.length < HEADER_BYTES) return undefined;
  const format = FORMATS.find((one) => one.magic === header.readUInt32LE(0));
  if (format === undefined || header.readUInt16LE(4) !== 0) return undefined;
  if (![1, 2, 4].includes(header[6]!) || header[7] !== 8) return undefined;
  const functionCount = Number(header.readBigUInt64LE(8));
  // The text's address is a field of its own between the counts and the offsets.
  const offsetsAt = format.relative ? 32 : 24;
  const namesOffset = Number(header.readBigUInt64LE(offsetsAt));
  const unitsOffset = Number(header.readBigUInt64LE(offsetsAt + 8));
  const functionsOffset = Number(header.readBigUInt64LE(offsetsAt + 32));
  const ordered = namesOffset >= offsetsAt && unitsOffset >= namesOffset && functionsOffset >= unitsOffset;
  const fits = headerAt + functionsOffset < endAt;
  if (!ordered || !fits || functionCount === 0 || functionCount > FUNCTIONS_MAX) return undefined;
  return {
    format,
    headerAt,
    namesAt: headerAt + namesOffset,
    namesBytes: unitsOffset - namesOffset,
    functionsAt: headerAt + functionsOffset,
    functionCount,
    endAt,
    textAddress: format.relative ? Number(header.readBigUInt64LE(24)) || undefined : undefined,
  };
}

function unsigned(bytes: Buffer, size: number): number | undefined {
  if (bytes.length < size) return undefined;
  return size === 4 ? bytes.readUInt32LE(0) : Number(bytes.readBigUInt64LE(0));
}
