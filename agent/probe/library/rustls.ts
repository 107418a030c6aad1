// SPDX-License-Identifier: Apache-2.0

/**
 * rustls. Over AWS-LC its secrets pass AWS-LC's functions (see boringssl.ts). Over ring they pass functions of ring and
 * rustls that keep their symbols unless the program was stripped. In a stripped one ring's functions are found by their places
 * in its source, which panics tell, and the maker of the key block by its text.
 */

import type { ProbeKind, ProbePoint } from '../../model/code-image.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { locationsIn } from '../elf/rust-locations.ts';
import { functionsNamed } from '../elf/symbol-search.ts';
import { calledBy, functionsAround, placesOfText, referencesTo } from '../elf/x86-code.ts';
import { type LibraryFamily, named, type Search, versionIn } from './library-family.ts';

/** Where a panic happened is told with the path of its source, which names the crate and its version. */
const CRATE_MARK = '/rustls-0.';
/** Builds that cut those paths still name the module in their log lines. */
const MODULE_MARK = 'rustls::';
const RING_MARK = '/ring-0.';

/** rustls, whichever cryptography it was built with. */
export const rustls: LibraryFamily = {
  name: 'rustls',
  marks: [CRATE_MARK, MODULE_MARK, RING_MARK],

  *byText(elf, texts) {
    const version = versionIn(texts.get(CRATE_MARK), /\/rustls-(\d+\.\d+\.\d+)/);
    if (version !== undefined || texts.has(MODULE_MARK))
      return { library: named('rustls', version), probes: yield* overRing(elf) };
    const ring = versionIn(texts.get(RING_MARK), /\/ring-(\d+\.\d+\.\d+)/);
    return ring === undefined ? undefined : { library: named('ring', ring), probes: [] };
  },
};

/**
 * Names as both manglings of Rust write them, a length before each part. The key of an HMAC is set by `try_new`; versions
 * of ring without it do that in `new`.
 */
const KEY = [/4ring4hmac.*3Key7try_new/, /4ring4hmac.*3Key3new/] as const;
const FILL = /4ring4hkdf.*8fill_okm/;
const KEY_BLOCK = /6rustls.*17ConnectionSecrets14make_key_block/;

function* overRing(elf: ElfFile): Search<ProbePoint[]> {
  const key = yield* points(elf, 'ring-hmac-key', '7try_new', KEY[0]);
  if (key.length === 0) key.push(...(yield* points(elf, 'ring-hmac-key', '3Key3new', KEY[1])));
  const fill = yield* points(elf, 'ring-hkdf', '8fill_okm', FILL);
  if (key.length === 0 || fill.length === 0) return yield* inStripped(elf);
  // A program without TLS 1.2 has no key block.
  return [...key, ...fill, ...(yield* points(elf, 'rustls-key-block', '14make_key_block', KEY_BLOCK))];
}

/**
 * `fill_okm` is the only function in ring's hkdf.rs that may panic. Those in its hmac.rs that begin an HMAC call `try_new`,
 * more than anything else that `fill_okm` does not call as well.
 */
function* inStripped(elf: ElfFile): Search<ProbePoint[]> {
  const fills = yield* functionsWith(elf, yield* locationsIn(elf, 'ring', 'src/hkdf.rs'));
  const [fill] = fills;
  if (fill === undefined || fills.size > 1) return [];
  const blocks = yield* functionsWith(elf, yield* placesOfText(elf, 'key expansion'));
  const [block] = blocks;
  if (block === undefined || blocks.size > 1) return [];
  const callers = yield* functionsWith(elf, yield* locationsIn(elf, 'ring', 'src/hmac.rs'));
  const others = calledBy(elf, fill);
  const times = new Map<number, number>();
  for (const caller of callers) {
    if (caller === fill) continue;
    for (const callee of calledBy(elf, caller))
      times.set(callee, (times.get(callee) ?? 0) + (others.has(callee) ? 0 : 1));
  }
  const [key, second] = [...times].sort((one, other) => other[1] - one[1]);
  if (key === undefined || key[1] < 2 || key[1] === second?.[1]) return [];
  return [
    { kind: 'ring-hmac-key', fileOffset: key[0] },
    { kind: 'ring-hkdf', fileOffset: fill },
    { kind: 'rustls-key-block', fileOffset: block },
  ];
}

function* functionsWith(elf: ElfFile, addresses: ReadonlySet<number>): Search<Set<number>> {
  const references = yield* referencesTo(elf, addresses);
  const around = yield* functionsAround(
    elf,
    references.map(({ fileOffset }) => fileOffset),
  );
  return new Set(around.values());
}

/** A program may hold several versions of a crate, each with functions of its own. */
function* points(elf: ElfFile, kind: ProbeKind, part: string, pattern: RegExp): Search<ProbePoint[]> {
  const symbols = yield* functionsNamed(elf, part, pattern);
  const offsets = new Set(symbols.map(({ address }) => elf.codeOffsetOf(address)));
  return [...offsets].filter((offset) => offset !== undefined).map((fileOffset) => ({ kind, fileOffset }));
}
