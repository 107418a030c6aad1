// SPDX-License-Identifier: Apache-2.0

/**
 * OpenSSH (ssh, sshd, sshd-session): every key of a connection goes through its function cipher_init, which is told cipher,
 * key, IV and direction. Programs are stripped; it is the only function that both makes a cipher of libcrypto
 * (EVP_CipherInit) and sets the length of its key (EVP_CIPHER_CTX_set_key_length).
 */

import { placesOf } from '../elf/byte-search.ts';
import { constantsOf } from '../elf/constants.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { callsOfImport } from '../elf/import-calls.ts';
import { functionsAround } from '../elf/x86-code.ts';
import { type LibraryFamily, named, type Search, versionIn } from './library-family.ts';
import { textsAround } from './read-only-text.ts';

/** What both sides say first. Programs that only handle keys of users do not have it. */
const GREETING = Buffer.from('SSH-%d.%d-', 'latin1');
const VERSION_MARK = 'OpenSSH_';

export const openssh: LibraryFamily = {
  name: 'openssh',

  *bySymbol(elf) {
    if (!elf.needed.some((library) => library.startsWith('libcrypto.so'))) return undefined;
    if (!(yield* greets(elf))) return undefined;
    const texts = yield* textsAround(elf, [VERSION_MARK]);
    const version = versionIn(texts.get(VERSION_MARK), /OpenSSH_(\d+\.\d+p\d+)/);
    const entry = yield* cipherInit(elf);
    const probes = entry === undefined ? [] : [{ kind: 'openssh-cipher', fileOffset: entry } as const];
    return { library: named('openssh', version), probes };
  },
};

function* greets(elf: ElfFile): Search<boolean> {
  for (const range of constantsOf(elf)) if ((yield* placesOf(elf.reader, range, GREETING, 1)).length > 0) return true;
  return false;
}

/** Undefined unless exactly one function does both: an optimiser may have made it part of others. */
function* cipherInit(elf: ElfFile): Search<number | undefined> {
  const inits = yield* callsOfImport(elf, 'EVP_CipherInit');
  const lengths = yield* callsOfImport(elf, 'EVP_CIPHER_CTX_set_key_length');
  const around = yield* functionsAround(elf, [...inits, ...lengths]);
  const setting = new Set(lengths.map((call) => around.get(call)));
  const both = new Set(inits.map((call) => around.get(call)).filter((start) => setting.has(start)));
  const [only] = both;
  return both.size === 1 ? only : undefined;
}
