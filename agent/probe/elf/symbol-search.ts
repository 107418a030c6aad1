// SPDX-License-Identifier: Apache-2.0

/** Symbols whose names are known in part only: compilers add a version, a hash or the name of a module to them. */

import { READ_BYTES_MAX } from '../file-reader.ts';
import { piecesOf, placesOf } from './byte-search.ts';
import { type ElfFile, sectionType } from './elf-file.ts';
import type { ElfSymbol } from './symbols.ts';

/** Tables beyond this are not searched. */
const TABLE_BYTES_MAX = 128 * 1024 * 1024;
const SYMBOL_BYTES = 24;
const NAME_PLACES_MAX = 64;
const NAME_BYTES_MAX = 512;
const FUNCTION_TYPE = 2;

/** Functions of the linker's own table whose names hold `part` and match `pattern`; none in stripped files. */
export function* functionsNamed(elf: ElfFile, part: string, pattern: RegExp): Generator<undefined, ElfSymbol[]> {
  const table = elf.sections.find((one) => one.type === sectionType.symbolTable);
  const names = table && elf.sections[table.link];
  if (table === undefined || names === undefined || names.fileBytes + table.fileBytes > TABLE_BYTES_MAX) return [];
  const wanted = new Set<number>();
  for (const place of yield* placesOf(elf.reader, names, Buffer.from(part, 'latin1'), NAME_PLACES_MAX)) {
    const from = Math.max(names.fileOffset, place - NAME_BYTES_MAX);
    const before = elf.reader.read(from, place - from);
    const start = place - before.length + before.lastIndexOf(0) + 1;
    if (pattern.test(elf.textAt(start))) wanted.add(start - names.fileOffset);
  }
  const found: ElfSymbol[] = [];
  for (const piece of wanted.size === 0 ? [] : piecesOf(table, READ_BYTES_MAX % SYMBOL_BYTES)) {
    const bytes = elf.reader.read(piece.fileOffset, piece.fileBytes);
    for (let at = 0; at + SYMBOL_BYTES <= bytes.length; at += SYMBOL_BYTES) {
      if (!wanted.has(bytes.readUInt32LE(at)) || ((bytes[at + 4] as number) & 15) !== FUNCTION_TYPE) continue;
      const address = Number(bytes.readBigUInt64LE(at + 8));
      if (address !== 0) found.push({ address, bytes: Number(bytes.readBigUInt64LE(at + 16)) });
    }
    yield undefined;
  }
  return found;
}
