// SPDX-License-Identifier: Apache-2.0

import { exportedSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, versionIn } from './library-family.ts';
import { textsAround } from './read-only-text.ts';

const MARK = 'Enabled GnuTLS ';
const VERSION = /Enabled GnuTLS (\d+\.\d+\.\d+)/;

/** GnuTLS: named, not probed. */
export const gnutls: LibraryFamily = {
  name: 'gnutls',

  *bySymbol(elf) {
    if (exportedSymbol(elf, 'gnutls_global_init') === undefined) return undefined;
    const texts = yield* textsAround(elf, [MARK]);
    return { library: named('gnutls', versionIn(texts.get(MARK), VERSION)), probes: [] };
  },

  marks: [MARK],
  byText(_elf, texts) {
    const version = versionIn(texts.get(MARK), VERSION);
    return version === undefined ? undefined : { library: named('gnutls', version), probes: [] };
  },
};
