// SPDX-License-Identifier: Apache-2.0

/**
 * OpenSSL 1.1: libssl tells libcrypto the inputs of each derivation by calls of EVP_PKEY_CTX_ctrl, an exported function;
 * a program that holds both in itself and has addons, as Node up to 16, exports it, too.
 */

import { exportedSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, versionIn } from './library-family.ts';
import { textsAround } from './read-only-text.ts';

const MARK = 'OpenSSL 1.1.';

export const openssl11: LibraryFamily = {
  name: 'openssl',

  *bySymbol(elf) {
    const told = exportedSymbol(elf, 'EVP_PKEY_CTX_ctrl');
    // Only OpenSSL from 1.1.0 on has the first; only from 3.0 on the second.
    if (told === undefined || exportedSymbol(elf, 'ASYNC_init_thread') === undefined) return undefined;
    if (exportedSymbol(elf, 'OPENSSL_version_major') !== undefined) return undefined;
    const fileOffset = elf.codeOffsetOf(told.address);
    const texts = yield* textsAround(elf, [MARK]);
    const version = versionIn(texts.get(MARK), /OpenSSL (1\.1\.\d+[a-z]*)/);
    const probes = fileOffset === undefined ? [] : [{ kind: 'openssl-1.1-input', fileOffset } as const];
    return { library: named('openssl', version ?? '1.1'), probes };
  },
};
