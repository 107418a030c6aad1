// SPDX-License-Identifier: Apache-2.0

import { type LibraryFamily, named, versionIn } from './library-family.ts';

/** Where a panic happened is told with the path of its source, which names the crate and its version. */
const CRATE_MARK = '/rustls-0.';
/** Builds that cut those paths still name the module in their log lines. */
const MODULE_MARK = 'rustls::';
const RING_MARK = '/ring-0.';

/** rustls, whichever cryptography it was built with: named, not probed. */
export const rustls: LibraryFamily = {
  name: 'rustls',
  marks: [CRATE_MARK, MODULE_MARK, RING_MARK],

  byText(_elf, texts) {
    const version = versionIn(texts.get(CRATE_MARK), /\/rustls-(\d+\.\d+\.\d+)/);
    if (version !== undefined || texts.has(MODULE_MARK)) return { library: named('rustls', version), probes: [] };
    const ring = versionIn(texts.get(RING_MARK), /\/ring-(\d+\.\d+\.\d+)/);
    return ring === undefined ? undefined : { library: named('ring', ring), probes: [] };
  },
};
