// SPDX-License-Identifier: Apache-2.0

import { exportedSymbol } from '../elf/symbols.ts';
import type { LibraryFamily } from './library-family.ts';

/** Java's TLS is written in Java and compiled while it runs: named by what starts the machine, nothing to probe. */
export const java: LibraryFamily = {
  name: 'java',
  bySymbol(elf) {
    const starts = ['JNI_CreateJavaVM', 'JLI_Launch'].some((name) => exportedSymbol(elf, name) !== undefined);
    const isLauncher = elf.needed.some((library) => library === 'libjli.so');
    return starts || isLauncher ? { library: 'java', probes: [] } : undefined;
  },
};
