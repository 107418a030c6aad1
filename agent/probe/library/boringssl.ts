// SPDX-License-Identifier: Apache-2.0

/** BoringSSL, and AWS-LC that came from it: named, not probed. Neither has EVP_KDF. */

import { exportedSymbol } from '../elf/symbols.ts';
import { type LibraryFamily, named, versionIn } from './library-family.ts';

const AWS_MARK = 'compatible; AWS-LC ';
const AWS_CRATE_MARK = '/aws-lc-';
const BORING_MARKS = ['compatible; BoringSSL', '/boringssl/', 'boringssl-'];

export const awsLc: LibraryFamily = {
  name: 'aws-lc',

  bySymbol(elf) {
    if (exportedSymbol(elf, 'awslc_version_string') === undefined) return undefined;
    return { library: 'aws-lc', probes: [] };
  },

  marks: [AWS_MARK, AWS_CRATE_MARK],
  byText(_elf, texts) {
    if (!texts.has(AWS_MARK) && !texts.has(AWS_CRATE_MARK)) return undefined;
    const version =
      versionIn(texts.get(AWS_MARK), /AWS-LC (?:FIPS )?(\d+\.\d+\.\d+)/) ??
      versionIn(texts.get(AWS_CRATE_MARK), /\/aws-lc-(?:fips-)?sys-(\d+\.\d+\.\d+)/);
    return { library: named('aws-lc', version), probes: [] };
  },
};

export const boringssl: LibraryFamily = {
  name: 'boringssl',

  bySymbol(elf) {
    const has = (name: string): boolean => exportedSymbol(elf, name) !== undefined;
    return has('BORINGSSL_self_test') && !has('awslc_version_string')
      ? { library: 'boringssl', probes: [] }
      : undefined;
  },

  marks: BORING_MARKS,
  byText(_elf, texts) {
    return BORING_MARKS.some((mark) => texts.has(mark)) ? { library: 'boringssl', probes: [] } : undefined;
  },
};
