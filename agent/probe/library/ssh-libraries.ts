// SPDX-License-Identifier: Apache-2.0

/**
 * Libraries that speak SSH inside of programs, or have ciphers made for those that do: libssh2, the ciphers of Python's
 * cryptography (paramiko, asyncssh) and of Node (ssh2). Where they call libcrypto, each by its own calls: the functions of
 * libcrypto themselves are also called with each record of TLS.
 */

import type { ProbeKind, ProbePoint } from '../../model/code-image.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { callsOfImport } from '../elf/import-calls.ts';
import { exportedSymbol, staticSymbol } from '../elf/symbols.ts';
import type { LibraryFamily, Search } from './library-family.ts';

/** A library with more calls of one function is not what it was when this was written. */
const CALLS_MAX = 16;

const IMPORTS: readonly (readonly [string, ProbeKind])[] = [
  ['EVP_CipherInit', 'evp-cipher-init'],
  ['EVP_CipherInit_ex', 'evp-cipher-init-ex'],
  ['EVP_EncryptInit_ex', 'evp-one-way-init-ex'],
  ['EVP_DecryptInit_ex', 'evp-one-way-init-ex'],
];

export const libssh2: LibraryFamily = {
  name: 'libssh2',
  *bySymbol(elf) {
    if (exportedSymbol(elf, 'libssh2_session_handshake') === undefined) return undefined;
    return { library: 'libssh2', probes: yield* callsOfCiphers(elf) };
  },
};

/** Up to 41 over a libcrypto that it is linked with; wheels have OpenSSL inside, and its functions by the linker's symbols. */
export const pyca: LibraryFamily = {
  name: 'pyca-cryptography',
  *bySymbol(elf) {
    const isBinding = exportedSymbol(elf, 'PyInit__openssl') !== undefined;
    const isRust = exportedSymbol(elf, 'PyInit__rust') !== undefined;
    if (!isBinding && !isRust) return undefined;
    const probes = [...(yield* callsOfCiphers(elf)), ...(isRust ? yield* ciphersInside(elf) : [])];
    return probes.length === 0 ? undefined : { library: 'pyca-cryptography', probes };
  },
};

/** By arguments that tell their types: EVP_CIPHER until Node 22, ncrypto::Cipher from then on. */
const COMMON_INIT = '_ZN4node6crypto10CipherBase10CommonInit';
const COMMON_INITS = [
  `${COMMON_INIT}EPKcPK13evp_cipher_stPKhiS8_ij`,
  `${COMMON_INIT}EPKcRKN7ncrypto6CipherEPKhiS9_ij`,
  `${COMMON_INIT}EPKcRKN7ncrypto6CipherEPKhiS9_ijS3_S3_`,
];

export const nodeCiphers: LibraryFamily = {
  name: 'node-ciphers',
  bySymbol(elf) {
    const symbol = COMMON_INITS.map((name) => exportedSymbol(elf, name)).find((one) => one !== undefined);
    const fileOffset = symbol && elf.codeOffsetOf(symbol.address);
    // Node is named by its OpenSSL.
    return fileOffset === undefined ? undefined : { library: '', probes: [{ kind: 'node-cipher', fileOffset }] };
  },
};

/** What ssh2 for Node is built with, where a compiler was at hand: OpenSSL by Node's own exports. */
export const ssh2Addon: LibraryFamily = {
  name: 'ssh2',
  *bySymbol(elf) {
    if (exportedSymbol(elf, '_ZTV12AESGCMCipher') === undefined) return undefined;
    const probes = yield* callsOfCiphers(elf);
    return probes.length === 0 ? undefined : { library: 'ssh2', probes };
  },
};

function* callsOfCiphers(elf: ElfFile): Search<ProbePoint[]> {
  const probes: ProbePoint[] = [];
  for (const [name, kind] of IMPORTS) {
    const calls = yield* callsOfImport(elf, name);
    if (calls.length <= CALLS_MAX) probes.push(...calls.map((fileOffset) => ({ kind, fileOffset })));
  }
  return probes;
}

function* ciphersInside(elf: ElfFile): Search<ProbePoint[]> {
  const probes: ProbePoint[] = [];
  for (const name of ['EVP_EncryptInit_ex', 'EVP_DecryptInit_ex']) {
    const symbol = yield* staticSymbol(elf, name);
    const fileOffset = symbol && elf.codeOffsetOf(symbol.address);
    if (fileOffset !== undefined) probes.push({ kind: 'evp-one-way-init-ex', fileOffset });
  }
  return probes;
}
