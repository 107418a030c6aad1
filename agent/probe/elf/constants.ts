// SPDX-License-Identifier: Apache-2.0

/** Where a program has its constants: texts are among them, and searching the code for those would take three times as long. */

import type { ByteRange } from './byte-search.ts';
import { type ElfFile, sectionFlag, sectionType, segmentFlag, segmentType } from './elf-file.ts';

/** Sections that are loaded, not written and hold no code; of a file without sections, all that is not written. */
export function constantsOf(elf: ElfFile): readonly ByteRange[] {
  const sections = elf.sections.filter(
    (one) =>
      one.type === sectionType.programBits &&
      (one.flags & sectionFlag.alloc) !== 0 &&
      (one.flags & (sectionFlag.write | sectionFlag.execute)) === 0,
  );
  if (sections.length > 0) return sections;
  return elf.segments.filter((one) => one.type === segmentType.load && (one.flags & segmentFlag.write) === 0);
}
