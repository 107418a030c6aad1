// SPDX-License-Identifier: Apache-2.0

/**
 * The version of Go that a program was built with, as `go version FILE` tells it.
 *
 * Shape    "\xff Go buildinf:" · pointer size u8 · flags u8 · … · at 32: length varint and text of the version (from Go 1.18)
 *          before: pointers to the texts
 * Source   Go, src/debug/buildinfo
 */

import { type ByteRange, placesOf } from '../elf/byte-search.ts';
import { type ElfFile, sectionType, segmentFlag, segmentType } from '../elf/elf-file.ts';

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const INLINE_TEXT = 2;
const VERSION_BYTES_MAX = 256;
const PLACES_MAX = 8;
/** As far as Go's own tools look into the data of a program; it is at the beginning of a segment. */
const DATA_BYTES_MAX = 1024 * 1024;

/** 'go1.22.1'; '' when it is Go and does not say which; undefined when there is no such block. */
export function* goVersion(elf: ElfFile): Generator<undefined, string | undefined> {
  for (const { fileOffset, fileBytes } of placesToLook(elf)) {
    const range = { fileOffset, fileBytes: Math.min(fileBytes, DATA_BYTES_MAX) };
    for (const place of yield* placesOf(elf.reader, range, MAGIC, PLACES_MAX)) {
      const block = elf.reader.read(place, 33 + VERSION_BYTES_MAX);
      if (block.length < 33) continue;
      return (block[15]! & INLINE_TEXT) !== 0 ? inlineText(block) : pointedText(elf, block);
    }
  }
  return undefined;
}

/** Its section; of a file without sections, all that is written. With others but not this one it is no Go program. */
function placesToLook(elf: ElfFile): readonly ByteRange[] {
  if (elf.sections.some((one) => one.type === sectionType.programBits))
    return elf.sections.filter((one) => one.name === '.go.buildinfo');
  return elf.segments.filter((one) => one.type === segmentType.load && (one.flags & segmentFlag.write) !== 0);
}

function inlineText(block: Buffer): string {
  // Versions are shorter than 128 bytes: their length is one byte.
  const bytes = block[32]!;
  return bytes < 128 ? printable(block.subarray(33, 33 + bytes)) : '';
}

function pointedText(elf: ElfFile, block: Buffer): string {
  const headerAt = elf.fileOffsetOf(Number(block.readBigUInt64LE(16)));
  const header = headerAt === undefined ? undefined : elf.reader.read(headerAt, 16);
  if (header?.length !== 16) return '';
  const textAt = elf.fileOffsetOf(Number(header.readBigUInt64LE(0)));
  const bytes = Number(header.readBigUInt64LE(8));
  if (textAt === undefined || bytes > VERSION_BYTES_MAX) return '';
  return printable(elf.reader.read(textAt, bytes));
}

function printable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^[ -~]*$/.test(text) ? text : '';
}
