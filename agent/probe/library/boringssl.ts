// SPDX-License-Identifier: Apache-2.0

/**
 * BoringSSL, and AWS-LC that came from it and is in programs with rustls. Both derive through HKDF_expand and
 * CRYPTO_tls1_prf, which programs hold inside: by their symbols, or in a stripped one by what they do. HKDF_expand is the
 * only function that says "output too large" with the name of its source file; CRYPTO_tls1_prf says that file's only error
 * in AWS-LC, and is given the text "key expansion" as its sixth argument in BoringSSL.
 */

import type { ProbePoint } from '../../model/code-image.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { functionsNamed } from '../elf/symbol-search.ts';
import { exportedSymbol } from '../elf/symbols.ts';
import { calledBehind, functionsAround, type Reference, referencesTo, textsWith } from '../elf/x86-code.ts';
import { type LibraryFamily, named, type Search, versionIn } from './library-family.ts';

const AWS_MARK = 'compatible; AWS-LC ';
const AWS_CRATE_MARK = '/aws-lc-';
const BORING_MARKS = ['compatible; BoringSSL', '/boringssl/', 'boringssl-'];

export const awsLc: LibraryFamily = {
  name: 'aws-lc',

  bySymbol(elf) {
    return exportedSymbol(elf, 'awslc_version_string') && { library: 'aws-lc', probes: exported(elf) };
  },

  marks: [AWS_MARK, AWS_CRATE_MARK],
  *byText(elf, texts) {
    if (!texts.has(AWS_MARK) && !texts.has(AWS_CRATE_MARK)) return undefined;
    const version =
      versionIn(texts.get(AWS_MARK), /AWS-LC (?:FIPS )?(\d+\.\d+\.\d+)/) ??
      versionIn(texts.get(AWS_CRATE_MARK), /\/aws-lc-(?:fips-)?sys-(\d+\.\d+\.\d+)/);
    return { library: named('aws-lc', version), probes: yield* inside(elf) };
  },
};

export const boringssl: LibraryFamily = {
  name: 'boringssl',

  bySymbol(elf) {
    const has = (name: string): boolean => exportedSymbol(elf, name) !== undefined;
    return has('BORINGSSL_self_test') && !has('awslc_version_string')
      ? { library: 'boringssl', probes: exported(elf) }
      : undefined;
  },

  marks: [...BORING_MARKS, AWS_MARK, AWS_CRATE_MARK],
  *byText(elf, texts) {
    // AWS-LC still speaks of BoringSSL here and there.
    const isAwsLc = texts.has(AWS_MARK) || texts.has(AWS_CRATE_MARK);
    if (!BORING_MARKS.some((mark) => texts.has(mark))) return undefined;
    return { library: 'boringssl', probes: isAwsLc ? [] : yield* inside(elf) };
  },
};

function exported(elf: ElfFile): ProbePoint[] {
  return points(elf, exportedSymbol(elf, 'HKDF_expand'), exportedSymbol(elf, 'CRYPTO_tls1_prf'));
}

function points(
  elf: ElfFile,
  hkdf: { address: number } | undefined,
  prf: { address: number } | undefined,
): ProbePoint[] {
  const hkdfAt = hkdf && elf.codeOffsetOf(hkdf.address);
  const prfAt = prf && elf.codeOffsetOf(prf.address);
  // One without the other would read some connections, and be silent about the rest.
  if (hkdfAt === undefined || prfAt === undefined) return [];
  return [
    { kind: 'boringssl-hkdf', fileOffset: hkdfAt },
    { kind: 'boringssl-prf', fileOffset: prfAt },
  ];
}

function* inside(elf: ElfFile): Search<ProbePoint[]> {
  // AWS-LC's crate puts its version before each name.
  const [hkdf] = yield* functionsNamed(elf, 'HKDF_expand', /^(?:aws_lc_(?:fips_)?[\d_]+)?HKDF_expand$/);
  const [prf] = yield* functionsNamed(elf, 'CRYPTO_tls1_prf', /^(?:aws_lc_(?:fips_)?[\d_]+)?CRYPTO_tls1_prf$/);
  const named = points(elf, hkdf, prf);
  return named.length > 0 ? named : yield* inStripped(elf);
}

const FILE_ARGUMENT = [1, 6];
const LABEL_ARGUMENT = 9;
const NEAR_BYTES = 40;
/** From the label to the call: five arguments on the stack. */
const CALL_WITHIN_BYTES = 96;

function* inStripped(elf: ElfFile): Search<ProbePoint[]> {
  const hkdfFile = yield* textsWith(elf, '/hkdf/hkdf.c');
  const prfFile = yield* textsWith(elf, '/fipsmodule/tls/kdf.c');
  const label = yield* textsWith(elf, 'key expansion\0');
  // One walk through the code for all three: it is a hundred megabytes in some programs.
  const references = yield* referencesTo(elf, new Set([...hkdfFile, ...prfFile, ...label]));
  const to = (texts: ReadonlySet<number>): Reference[] => references.filter(({ target }) => texts.has(target));
  const tooLarge = to(hkdfFile).filter(
    ({ fileOffset, register }) => FILE_ARGUMENT.includes(register) && saysTooLarge(elf, fileOffset),
  );
  const around = yield* functionsAround(
    elf,
    [...tooLarge, ...to(prfFile)].map(({ fileOffset }) => fileOffset),
  );
  const functionsOf = (places: readonly Reference[]): number[] => [
    ...new Set(places.map(({ fileOffset }) => around.get(fileOffset)).filter((start) => start !== undefined)),
  ];
  const hkdf = functionsOf(tooLarge);
  const prf = functionsOf(to(prfFile));
  if (prf.length === 0) {
    const given = to(label).filter(({ register }) => register === LABEL_ARGUMENT);
    const called = given.map(({ fileOffset }) => calledBehind(elf, fileOffset, CALL_WITHIN_BYTES));
    prf.push(...new Set(called.filter((offset) => offset !== undefined)));
  }
  // Several would be a copy of each, or a mistake.
  const [hkdfAt, prfAt] = [hkdf[0], prf[0]];
  if (hkdfAt === undefined || prfAt === undefined || hkdf.length > 1 || prf.length > 1) return [];
  return [
    { kind: 'boringssl-hkdf', fileOffset: hkdfAt },
    { kind: 'boringssl-prf', fileOffset: prfAt },
  ];
}

/** HKDF_R_OUTPUT_TOO_LARGE, 100, as the third argument: mov edx, 100 or push 100, pop rdx. */
function saysTooLarge(elf: ElfFile, fileOffset: number): boolean {
  const code = elf.reader.read(fileOffset - NEAR_BYTES, 2 * NEAR_BYTES);
  return code.includes(Buffer.from([0xba, 100, 0, 0, 0])) || code.includes(Buffer.from([0x6a, 100, 0x5a]));
}
