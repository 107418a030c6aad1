// SPDX-License-Identifier: Apache-2.0

/**
 * Rust code that may panic is given the place in its source: the path, its length, line and column. These stay in stripped
 * programs, and lead to the functions of a source file.
 *
 * Shape    pointer to the path · length u64 · line u32 · column u32, in data that the loader fills in
 */

import { piecesOf, placesOf } from './byte-search.ts';
import { constantsOf } from './constants.ts';
import type { ElfFile } from './elf-file.ts';

const DT_RELA = 7n;
const DT_RELASZ = 8n;
const RELOCATION_BYTES = 24;
const PATH_BYTES_MAX = 512;
const PATHS_MAX = 16;
const RELOCATION_BYTES_MAX = 64 * 1024 * 1024;

/** Addresses of the places in this file of a crate, whatever its version: 'ring', 'src/hkdf.rs'. */
export function* locationsIn(elf: ElfFile, crate: string, file: string): Generator<undefined, Set<number>> {
  const locations = new Set<number>();
  const ends = yield* endsOf(elf, `/${file}`);
  const fileOffset = elf.fileOffsetOf(Number(elf.dynamic.get(DT_RELA) ?? -1n));
  const fileBytes = Number(elf.dynamic.get(DT_RELASZ) ?? 0n);
  if (ends.length === 0 || fileOffset === undefined || fileBytes > RELOCATION_BYTES_MAX) return locations;
  const lowest = Math.min(...ends) - PATH_BYTES_MAX;
  const highest = Math.max(...ends);
  // Pieces hold whole relocations.
  for (const piece of piecesOf({ fileOffset, fileBytes }, (1024 * 1024) % RELOCATION_BYTES)) {
    const bytes = elf.reader.read(piece.fileOffset, piece.fileBytes);
    for (let at = 0; at + RELOCATION_BYTES <= bytes.length; at += RELOCATION_BYTES) {
      if (bytes.readUInt32LE(at + 20) !== 0) continue;
      const path = bytes.readUInt32LE(at + 16);
      if (path < lowest || path >= highest) continue;
      const address = Number(bytes.readBigUInt64LE(at));
      const placed = elf.fileOffsetOf(address);
      const length = placed === undefined ? undefined : elf.reader.read(placed + 8, 8);
      if (length?.length !== 8) continue;
      const pathBytes = Number(length.readBigUInt64LE(0));
      const pathAt = elf.fileOffsetOf(path);
      if (pathAt === undefined || !ends.includes(path + pathBytes)) continue;
      const folders = elf.reader.read(pathAt, pathBytes).toString('latin1').slice(0, -file.length).split('/');
      // The crate's own folder is its name and version.
      if (/^\d/.test(folders.at(-2)?.replace(`${crate}-`, '') ?? '')) locations.add(address);
    }
    yield undefined;
  }
  return locations;
}

/** Addresses behind the last letter of each such path. */
function* endsOf(elf: ElfFile, pathEnd: string): Generator<undefined, number[]> {
  const ends: number[] = [];
  for (const range of constantsOf(elf)) {
    for (const place of yield* placesOf(elf.reader, range, Buffer.from(pathEnd, 'latin1'), PATHS_MAX)) {
      const address = elf.addressOf(place);
      if (address !== undefined) ends.push(address + pathEnd.length);
    }
  }
  return ends;
}
