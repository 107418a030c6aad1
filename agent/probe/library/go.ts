// SPDX-License-Identifier: Apache-2.0

/**
 * Go's own TLS. Its function writeKeyLog is called with each secret whether a key log was asked for or not. Register
 * arguments, which the probe reads, came with Go 1.17.
 */

import { goVersion } from '../go/build-info.ts';
import { goFunction } from '../go/function-table.ts';
import { type LibraryFamily, named } from './library-family.ts';

const KEY_LOG = 'crypto/tls.(*Config).writeKeyLog';

export const go: LibraryFamily = {
  name: 'go',

  *bySymbol(elf) {
    const version = yield* goVersion(elf);
    if (version === undefined) return undefined;
    const fileOffset = yield* goFunction(elf, KEY_LOG);
    // The linker leaves out what is never called: without this function the program has no TLS.
    if (fileOffset === undefined) return undefined;
    const number = /(\d+)\.(\d+)/.exec(version);
    const old = number !== null && Number(number[1]) === 1 && Number(number[2]) < 17;
    // Development versions begin with 'devel go1.…'.
    const library = named('go', /go(\d\S*)/.exec(version)?.[1]);
    return { library, probes: old ? [] : [{ kind: 'go-key-log', fileOffset }] };
  },
};
