// SPDX-License-Identifier: Apache-2.0

/**
 * SSH of Go programs, golang.org/x/crypto/ssh: each cipher is made by a function that is told key and IV. They stand in a
 * table of that package, so none is inlined; the linker leaves all of them out of a program that speaks no SSH.
 */

import type { ProbePoint } from '../../model/code-image.ts';
import { goVersion } from '../go/build-info.ts';
import { goFunction } from '../go/function-table.ts';
import type { LibraryFamily } from './library-family.ts';

const PACKAGE = 'golang.org/x/crypto/ssh';
const FIRST = 'newAESCTR';
const OTHERS = ['newGCMCipher', 'newChaCha20Cipher', 'newAESCBCCipher'];

export const goSsh: LibraryFamily = {
  name: 'go-ssh',

  *bySymbol(elf) {
    const version = yield* goVersion(elf);
    if (version === undefined) return undefined;
    const first = yield* goFunction(elf, `${PACKAGE}.${FIRST}`);
    if (first === undefined) return undefined;
    const number = /(\d+)\.(\d+)/.exec(version);
    // Without arguments in registers.
    if (number !== null && Number(number[1]) === 1 && Number(number[2]) < 17) return { library: 'go-ssh', probes: [] };
    const probes: ProbePoint[] = [{ kind: 'go-ssh-cipher', fileOffset: first }];
    for (const name of OTHERS) {
      const fileOffset = yield* goFunction(elf, `${PACKAGE}.${name}`);
      if (fileOffset !== undefined) probes.push({ kind: 'go-ssh-cipher', fileOffset });
    }
    return { library: 'go-ssh', probes };
  },
};
