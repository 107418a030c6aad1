// SPDX-License-Identifier: Apache-2.0

/** Texts in what a program holds as constants. */

import { readInPieces } from '../elf/byte-search.ts';
import { constantsOf } from '../elf/constants.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import type { Search } from './library-family.ts';

/** Before a mark stands the path that it is a part of, behind it the version. */
const BEFORE_BYTES = 64;
const AFTER_BYTES = 128;
const PLACES_OF_MARK_MAX = 4;

/**
 * Every implementation of TLS 1.3 has one of the first two (RFC 8446, section 7.1), of TLS 1.2 the last (RFC 7627, RFC 5246).
 * Nothing without any of them is searched further.
 */
const TLS_LABELS = ['hs traffic', 'master secret'].map((label) => Buffer.from(label));

export function* hasTlsLabels(elf: ElfFile): Search<boolean> {
  for (const range of constantsOf(elf)) {
    for (const { bytes } of readInPieces(elf.reader, range, AFTER_BYTES)) {
      if (TLS_LABELS.some((label) => bytes.includes(label))) return true;
      yield undefined;
    }
  }
  return false;
}

/** For each mark that was found, what stands around its first places. */
export function* textsAround(elf: ElfFile, marks: readonly string[]): Search<ReadonlyMap<string, readonly string[]>> {
  const texts = new Map<string, string[]>();
  const needles = marks.map((mark) => [mark, Buffer.from(mark, 'latin1')] as const);
  for (const range of constantsOf(elf)) {
    for (const { bytes } of readInPieces(elf.reader, range, AFTER_BYTES)) {
      for (const [mark, needle] of needles) {
        const places = texts.get(mark) ?? [];
        if (places.length >= PLACES_OF_MARK_MAX) continue;
        for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
          if (places.length >= PLACES_OF_MARK_MAX) break;
          places.push(bytes.toString('latin1', Math.max(0, at - BEFORE_BYTES), at + AFTER_BYTES));
          texts.set(mark, places);
        }
        yield undefined;
      }
    }
  }
  return texts;
}
