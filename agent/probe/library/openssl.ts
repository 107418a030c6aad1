// SPDX-License-Identifier: Apache-2.0

/**
 * OpenSSL from 3.0 on derives every TLS secret through EVP_KDF_derive, which libcrypto exports; a program that holds
 * OpenSSL in itself has it among its symbols unless it was stripped. What came before (1.1, 1.0, LibreSSL) is only named.
 */

import { type ElfFile, machine } from '../elf/elf-file.ts';
import { type ElfSymbol, exportedSymbol, staticSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, type Search, type Sighting, versionIn } from './library-family.ts';

const DERIVE = 'EVP_KDF_derive';
const VERSION_PARTS = ['OPENSSL_version_major', 'OPENSSL_version_minor', 'OPENSSL_version_patch'];
const MARKS = ['OpenSSL 4.', 'OpenSSL 3.', 'OpenSSL 1.', 'LibreSSL '];
const VERSION = /OpenSSL (\d\.\d+\.\d+[a-z]*(?:-[\w.]+)?)\b(?! \(compatible)/;

export const openssl: LibraryFamily = {
  name: 'openssl',

  bySymbol(elf) {
    const derive = exportedSymbol(elf, DERIVE);
    return derive && sighted(elf, derive, exportedVersion(elf));
  },

  isLikely(elf) {
    return ['OpenSSL_version_num', 'SSLeay_version'].some((name) => exportedSymbol(elf, name) !== undefined);
  },

  marks: MARKS,
  byText(elf, texts) {
    // libssl speaks TLS, and has its secrets derived by the libcrypto that it needs.
    if (elf.needed.some((library) => library.startsWith('libcrypto'))) return undefined;
    return inside(elf, texts);
  },
};

/** A version told by its text, and the function by the linker's own symbols. */
function* inside(elf: ElfFile, texts: ReadonlyMap<string, readonly string[]>): Search<Sighting | undefined> {
  const sighting = namedOnly(texts);
  if (sighting === undefined || !/^openssl [34]/.test(sighting.library)) return sighting;
  const derive = yield* staticSymbol(elf, DERIVE);
  return derive === undefined ? sighting : sighted(elf, derive, sighting.library.slice('openssl '.length));
}

function sighted(elf: ElfFile, derive: ElfSymbol, version: string | undefined): Sighting {
  const fileOffset = elf.codeOffsetOf(derive.address);
  return {
    library: named('openssl', version),
    probes: fileOffset === undefined ? [] : [{ kind: 'openssl-kdf', fileOffset }],
  };
}

function namedOnly(texts: ReadonlyMap<string, readonly string[]>): Sighting | undefined {
  const libre = versionIn(texts.get('LibreSSL '), /LibreSSL (\d+\.\d+\.\d+)/);
  if (libre !== undefined) return { library: named('libressl', libre), probes: [] };
  const version = versionIn([...texts.values()].flat(), VERSION);
  return version === undefined ? undefined : { library: named('openssl', version), probes: [] };
}

/** '3.0.19', by functions that each return one number; undefined when a compiler wrote them in another way. */
function exportedVersion(elf: ElfFile): string | undefined {
  const parts = VERSION_PARTS.map((name) => {
    const symbol = exportedSymbol(elf, name);
    const at = symbol && elf.codeOffsetOf(symbol.address);
    return at === undefined ? undefined : returnedNumber(elf.reader.read(at, 16), elf.machine);
  });
  return parts.includes(undefined) ? undefined : parts.join('.');
}

/** The number that a function returns which does nothing else. */
function returnedNumber(code: Buffer, arch: number): number | undefined {
  if (code.length < 16) return undefined;
  if (arch === machine.arm64) {
    // An optional landing pad (bti c), then movz w0, #number.
    const at = code.readUInt32LE(0) === 0xd503245f ? 4 : 0;
    const move = code.readUInt32LE(at);
    const isMove = (move & 0xffe0001f) >>> 0 === 0x52800000;
    return isMove && code.readUInt32LE(at + 4) === 0xd65f03c0 ? (move >>> 5) & 0xffff : undefined;
  }
  if (arch !== machine.x86) return undefined;
  // An optional landing pad (endbr64) and frame (push rbp; mov rbp, rsp), then mov eax, number or xor eax, eax.
  let at = code.readUInt32BE(0) === 0xf30f1efa ? 4 : 0;
  if (code.readUInt32BE(at) === 0x554889e5) at += 4;
  if (code[at] === 0xb8 && isReturn(code, at + 5)) return code.readUInt32LE(at + 1);
  return code[at] === 0x31 && code[at + 1] === 0xc0 && isReturn(code, at + 2) ? 0 : undefined;
}

/** ret, or pop rbp; ret. */
function isReturn(code: Buffer, at: number): boolean {
  return code[at] === 0xc3 || (code[at] === 0x5d && code[at + 1] === 0xc3);
}
