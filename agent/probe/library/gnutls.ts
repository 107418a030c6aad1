// SPDX-License-Identifier: Apache-2.0

/**
 * GnuTLS. Its key block passes _gnutls_prf_raw, which it exports and calls through its own linkage table. Its TLS 1.3 keys
 * pass gnutls_hkdf_expand up to 3.7.2; from 3.7.3 on that only wraps a function that is not exported, and does little else
 * than calling it. Where that call is not found, both are left alone: a half of the secrets is not sold as all.
 */

import { type ElfFile, machine } from '../elf/elf-file.ts';
import { exportedSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, versionIn } from './library-family.ts';
import { textsAround } from './read-only-text.ts';

const MARK = 'Enabled GnuTLS ';
const VERSION = /Enabled GnuTLS (\d+\.\d+\.\d+)/;

export const gnutls: LibraryFamily = {
  name: 'gnutls',

  *bySymbol(elf) {
    if (exportedSymbol(elf, 'gnutls_global_init') === undefined) return undefined;
    const texts = yield* textsAround(elf, [MARK]);
    const library = named('gnutls', versionIn(texts.get(MARK), VERSION));
    const expand = codeOffset(elf, 'gnutls_hkdf_expand');
    const prf = codeOffset(elf, '_gnutls_prf_raw');
    if (expand === undefined || prf === undefined) return { library, probes: [] };
    return {
      library,
      probes: [
        { kind: 'gnutls-hkdf', fileOffset: wrapped(elf, expand) ?? expand },
        { kind: 'gnutls-prf', fileOffset: prf },
      ],
    };
  },

  marks: [MARK],
  byText(_elf, texts) {
    const version = versionIn(texts.get(MARK), VERSION);
    return version === undefined ? undefined : { library: named('gnutls', version), probes: [] };
  },
};

function codeOffset(elf: ElfFile, name: string): number | undefined {
  const symbol = exportedSymbol(elf, name);
  return symbol && elf.codeOffsetOf(symbol.address);
}

/** As hex. Instructions that a function may begin with and that leave its arguments where they are, then a call. */
const PROLOGUE = /^(?:f30f1efa)?(?:5[0-7]|415[0-7]|4889e5|4883ec..)*e8/;

/** What a function calls before it does anything else. */
function wrapped(elf: ElfFile, fileOffset: number): number | undefined {
  const code = elf.reader.read(fileOffset, 32);
  if (code.length < 32) return undefined;
  if (elf.machine === machine.arm64) {
    for (let at = 0; at < 24; at += 4) {
      const word = code.readUInt32LE(at);
      // bl; what may stand before it: bti c, paciasp, stp x29, x30, [sp, #n]!, mov x29, sp, str x19, [sp, #n].
      if (word >>> 26 === 0x25) return fileOffset + at + ((word << 6) >> 4);
      const isPrologue = word === 0xd503245f || word === 0xd503233f || word === 0x910003fd;
      if (!isPrologue && word >>> 22 !== 0x2a6 && word >>> 22 !== 0x3e4) return undefined;
    }
    return undefined;
  }
  const prologue = elf.machine === machine.x86 ? PROLOGUE.exec(code.toString('hex'))?.[0].length : undefined;
  if (prologue === undefined) return undefined;
  const callAt = prologue / 2;
  return callAt + 4 > code.length ? undefined : fileOffset + callAt + 4 + code.readInt32LE(callAt);
}
