// SPDX-License-Identifier: Apache-2.0

/**
 * Symbols by name. Tables are never made into objects: a library has 6,000 symbols, an unstripped Node 160,000, and a
 * handful of them is wanted.
 */

import { type FileReader, READ_BYTES_MAX } from '../file-reader.ts';
import { piecesOf, placesOf } from './byte-search.ts';
import { type ElfFile, type Section, sectionType } from './elf-file.ts';

const SYMBOL_BYTES = 24;
/** A name may also be the tail of longer ones, with a place for each. */
const NAME_PLACES_MAX = 16;
const CHAIN_MAX = 4096;

const DT_GNU_HASH = 0x6ffffef5n;
const DT_STRTAB = 5n;
const DT_SYMTAB = 6n;

export interface ElfSymbol {
  readonly address: number;
  readonly bytes: number;
}

/** A symbol that the file exports, by the hash table that the loader uses: some five small reads. */
export function exportedSymbol(elf: ElfFile, name: string): ElfSymbol | undefined {
  const hashAt = dynamicOffset(elf, DT_GNU_HASH);
  const namesAt = dynamicOffset(elf, DT_STRTAB);
  const symbolsAt = dynamicOffset(elf, DT_SYMTAB);
  if (hashAt === undefined || namesAt === undefined || symbolsAt === undefined) return exportedByTable(elf, name);
  const head = elf.reader.read(hashAt, 16);
  if (head.length < 16) return undefined;
  const bucketCount = head.readUInt32LE(0);
  const firstSymbol = head.readUInt32LE(4);
  const bloomWords = head.readUInt32LE(8);
  const bloomShift = head.readUInt32LE(12) & 31;
  if (bucketCount === 0 || bloomWords === 0) return undefined;

  const hash = gnuHash(name);
  const bloom = elf.reader.read(hashAt + 16 + 8 * (Math.floor(hash / 64) % bloomWords), 8);
  if (bloom.length < 8) return undefined;
  const bits = (1n << BigInt(hash % 64)) | (1n << BigInt((hash >>> bloomShift) % 64));
  if ((bloom.readBigUInt64LE(0) & bits) !== bits) return undefined;

  const bucketsAt = hashAt + 16 + 8 * bloomWords;
  let index = word(elf.reader, bucketsAt + 4 * (hash % bucketCount));
  if (index === undefined || index < firstSymbol) return undefined;
  for (let step = 0; step < CHAIN_MAX; step++, index++) {
    const chained = word(elf.reader, bucketsAt + 4 * bucketCount + 4 * (index - firstSymbol));
    if (chained === undefined) return undefined;
    if ((chained | 1) === (hash | 1)) {
      const symbol = elf.reader.read(symbolsAt + index * SYMBOL_BYTES, SYMBOL_BYTES);
      if (symbol.length < SYMBOL_BYTES) return undefined;
      if (isNamed(elf.reader, namesAt + symbol.readUInt32LE(0), name)) return definedSymbol(symbol);
    }
    if ((chained & 1) === 1) return undefined;
  }
  return undefined;
}

/** A symbol of the linker's own table, which stripped files do not have. */
export function* staticSymbol(elf: ElfFile, name: string): Generator<undefined, ElfSymbol | undefined> {
  const table = elf.sections.find((one) => one.type === sectionType.symbolTable);
  return table && (yield* findInTable(elf, table, name, true));
}

/** Whether functions of libraries are imported by any of these names; also true when the file does not say. */
export function* importsAny(elf: ElfFile, names: readonly string[]): Generator<undefined, boolean> {
  const table = elf.sections.find((one) => one.type === sectionType.dynamicSymbols);
  if (table === undefined) return true;
  for (const name of names) if ((yield* findInTable(elf, table, name, false)) !== undefined) return true;
  return false;
}

function exportedByTable(elf: ElfFile, name: string): ElfSymbol | undefined {
  const table = elf.sections.find((one) => one.type === sectionType.dynamicSymbols);
  return table && drain(findInTable(elf, table, name, true));
}

function* findInTable(
  elf: ElfFile,
  table: Section,
  name: string,
  defined: boolean,
): Generator<undefined, ElfSymbol | undefined> {
  const names = elf.sections[table.link];
  if (names === undefined) return undefined;
  const places = yield* placesOf(elf.reader, names, Buffer.from(`${name}\0`, 'latin1'), NAME_PLACES_MAX);
  if (places.length === 0) return undefined;
  const wanted = new Set(places.map((place) => place - names.fileOffset));
  // Pieces hold whole symbols: READ_BYTES_MAX is no multiple of 24.
  const overlap = READ_BYTES_MAX % SYMBOL_BYTES;
  for (const piece of piecesOf(table, overlap)) {
    const bytes = elf.reader.read(piece.fileOffset, piece.fileBytes);
    for (let at = 0; at + SYMBOL_BYTES <= bytes.length; at += SYMBOL_BYTES) {
      if (!wanted.has(bytes.readUInt32LE(at))) continue;
      const symbol = definedSymbol(bytes.subarray(at, at + SYMBOL_BYTES));
      if (defined && symbol !== undefined) return symbol;
      if (!defined && symbol === undefined) return { address: 0, bytes: 0 };
    }
    yield undefined;
  }
  return undefined;
}

function definedSymbol(symbol: Buffer): ElfSymbol | undefined {
  const section = symbol.readUInt16LE(6);
  const address = Number(symbol.readBigUInt64LE(8));
  if (section === 0 || address === 0) return undefined;
  return { address, bytes: Number(symbol.readBigUInt64LE(16)) };
}

function dynamicOffset(elf: ElfFile, tag: bigint): number | undefined {
  const address = elf.dynamic.get(tag);
  return address === undefined ? undefined : elf.fileOffsetOf(Number(address));
}

function isNamed(reader: FileReader, offset: number, name: string): boolean {
  const wanted = Buffer.from(`${name}\0`, 'latin1');
  return reader.read(offset, wanted.length).equals(wanted);
}

function word(reader: FileReader, offset: number): number | undefined {
  const bytes = reader.read(offset, 4);
  return bytes.length < 4 ? undefined : bytes.readUInt32LE(0);
}

function gnuHash(name: string): number {
  let hash = 5381;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 33) + name.charCodeAt(at)) >>> 0;
  return hash;
}

/** Runs a search to its end at once; for tables that are small. */
function drain<Found>(search: Generator<undefined, Found>): Found {
  let step = search.next();
  while (!step.done) step = search.next();
  return step.value;
}
