// SPDX-License-Identifier: Apache-2.0

/**
 * What each family of TLS libraries answers about a file. A family is a file here and a line in `families.ts`.
 *
 * Searches are generators that yield after each piece of work of at most some milliseconds: whoever drives one decides when
 * other work has its turn.
 */

import type { ProbePoint } from '../../model/code-image.ts';
import type { ElfFile } from '../elf/elf-file.ts';

export interface Sighting {
  /**
   * Name and version as `CodeImage.library` has them: 'openssl 3.0.19'; the name alone when the version is not known;
   * '' of places in a library that another family names.
   */
  readonly library: string;
  readonly probes: readonly ProbePoint[];
}

export type Search<Found> = Generator<undefined, Found>;

/** At once, or found by a search. */
export type Answer = Sighting | undefined | Search<Sighting | undefined>;

export interface LibraryFamily {
  readonly name: string;
  /** By exported symbols, needed libraries, named sections: asked of every file, so it must be cheap. */
  bySymbol?(elf: ElfFile): Answer;
  /** Sure enough to have texts searched in a file that holds none of TLS's labels. */
  isLikely?(elf: ElfFile): boolean;
  /**
   * Texts that only code of this family has. They are searched in files that hold TLS's own labels, when no family has
   * found anything by symbol.
   */
  readonly marks?: readonly string[];
  /** `texts`: for each mark that was found, what stands around its first places, printable or not. */
  byText?(elf: ElfFile, texts: ReadonlyMap<string, readonly string[]>): Answer;
}

/** First match of `pattern`'s first group in any of the texts. */
export function versionIn(texts: readonly string[] | undefined, pattern: RegExp): string | undefined {
  for (const text of texts ?? []) {
    const version = pattern.exec(text)?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}

export function named(library: string, version: string | undefined): string {
  return version === undefined || version === '' ? library : `${library} ${version}`;
}
