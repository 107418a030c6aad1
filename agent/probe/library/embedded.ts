// SPDX-License-Identifier: Apache-2.0

/** Libraries of small devices, and s2n: named, not probed. */

import { exportedSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, versionIn } from './library-family.ts';

export const wolfssl: LibraryFamily = {
  name: 'wolfssl',
  bySymbol(elf) {
    return exportedSymbol(elf, 'wolfSSL_Init') === undefined ? undefined : { library: 'wolfssl', probes: [] };
  },
  marks: ['wolfSSL '],
  byText(_elf, texts) {
    return texts.has('wolfSSL ') ? { library: 'wolfssl', probes: [] } : undefined;
  },
};

const MBED_MARK = 'Mbed TLS ';
/** In its messages for debugging, which a build has unless it was told otherwise. */
const MBED_MESSAGE_MARK = 'mbedtls_ssl_fetch_input';

export const mbedtls: LibraryFamily = {
  name: 'mbedtls',
  bySymbol(elf) {
    return exportedSymbol(elf, 'mbedtls_ssl_handshake') === undefined ? undefined : { library: 'mbedtls', probes: [] };
  },
  marks: [MBED_MARK, MBED_MESSAGE_MARK],
  byText(_elf, texts) {
    const version = versionIn(texts.get(MBED_MARK), /Mbed TLS (\d+\.\d+\.\d+)/);
    if (version === undefined && !texts.has(MBED_MESSAGE_MARK)) return undefined;
    return { library: named('mbedtls', version), probes: [] };
  },
};

export const s2n: LibraryFamily = {
  name: 's2n',
  bySymbol(elf) {
    return exportedSymbol(elf, 's2n_negotiate') === undefined ? undefined : { library: 's2n', probes: [] };
  },
};
