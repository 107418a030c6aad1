// SPDX-License-Identifier: Apache-2.0

/** Notes: small named values that linkers leave in a program. */

import { type ElfFile, sectionType, segmentType } from './elf-file.ts';

/** Real ones have 32 to some hundred bytes; annobin's are megabytes, and in no segment. */
const NOTES_BYTES_MAX = 64 * 1024;
const BUILD_ID_BYTES_MAX = 128;

const GNU_BUILD_ID = 3;
const GO_BUILD_ID = 4;

export interface BuildIds {
  /** As hex; '' when there is none. */
  readonly gnu: string;
  /** As hex of its text; '' when there is none. */
  readonly go: string;
}

export function readBuildIds(elf: ElfFile): BuildIds {
  let gnu = '';
  let go = '';
  for (const { name, type, value } of notesOf(elf)) {
    if (name === 'GNU' && type === GNU_BUILD_ID) gnu ||= value.subarray(0, BUILD_ID_BYTES_MAX).toString('hex');
    if (name === 'Go' && type === GO_BUILD_ID) go ||= value.subarray(0, BUILD_ID_BYTES_MAX).toString('hex');
  }
  return { gnu, go };
}

function* notesOf(elf: ElfFile): Generator<{ name: string; type: number; value: Buffer }> {
  const segments = elf.segments.filter((one) => one.type === segmentType.note);
  const sections = elf.sections.filter((one) => one.type === sectionType.note && one.name.includes('build'));
  for (const { fileOffset, fileBytes } of [...segments, ...sections]) {
    const bytes = elf.reader.read(fileOffset, Math.min(fileBytes, NOTES_BYTES_MAX));
    let at = 0;
    while (at + 12 <= bytes.length) {
      const nameBytes = bytes.readUInt32LE(at);
      const valueBytes = bytes.readUInt32LE(at + 4);
      const valueAt = at + 12 + padded(nameBytes);
      if (valueAt + valueBytes > bytes.length) break;
      yield {
        name: bytes.toString('latin1', at + 12, at + 12 + Math.max(0, nameBytes - 1)).replace(/\0+$/, ''),
        type: bytes.readUInt32LE(at + 8),
        value: bytes.subarray(valueAt, valueAt + valueBytes),
      };
      at = valueAt + padded(valueBytes);
    }
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
