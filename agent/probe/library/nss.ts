// SPDX-License-Identifier: Apache-2.0

import { exportedSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, versionIn } from './library-family.ts';
import { textsAround } from './read-only-text.ts';

const MARK = 'Version: NSS ';

/** NSS: named, not probed. Its TLS is in the library that has SSL_ImportFD; Firefox links all of NSS into one. */
export const nss: LibraryFamily = {
  name: 'nss',

  *bySymbol(elf) {
    if (exportedSymbol(elf, 'SSL_ImportFD') === undefined) return undefined;
    const texts = yield* textsAround(elf, [MARK]);
    return { library: named('nss', versionIn(texts.get(MARK), /NSS (\d+\.\d+(?:\.\d+)*)/)), probes: [] };
  },
};
