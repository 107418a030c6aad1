// SPDX-License-Identifier: Apache-2.0

/** Files that are mapped as code: programs and libraries, and the places in them where TLS secrets pass. */

/** A file, whatever names it has. Device as the kernel has it inside (20 bits of minor), not as stat(2) encodes it. */
export interface FileKey {
  readonly device: number;
  readonly inode: bigint;
}

/**
 * What a probe reads at its place; numbers as in native/abi/event.h (enum sworn_probe_kind).
 *
 * openssl-kdf        entry of EVP_KDF_derive, OpenSSL 3
 * go-key-log         entry of crypto/tls.(*Config).writeKeyLog, Go 1.17 and later (register arguments)
 * gnutls-hkdf        entry of gnutls_hkdf_expand, or of the function with the same arguments behind it
 * gnutls-prf         entry of _gnutls_prf_raw
 * boringssl-hkdf     entry of HKDF_expand, BoringSSL and AWS-LC
 * boringssl-prf      entry of CRYPTO_tls1_prf, BoringSSL and AWS-LC
 * openssl-1.1-input  entry of EVP_PKEY_CTX_ctrl, OpenSSL 1.1
 * ring-hmac-key      entry of ring::hmac::Key::try_new; gives no secret by itself, the next one needs it
 * ring-hkdf          entry of ring::hkdf::fill_okm
 * rustls-key-block   entry of rustls::tls12::ConnectionSecrets::make_key_block
 * openssh-cipher     entry of cipher_init of OpenSSH
 * evp-cipher-init    call of EVP_CipherInit, OpenSSL 1.1 and 3, by a library that speaks SSH
 * evp-cipher-init-ex call of EVP_CipherInit_ex, likewise
 * evp-one-way-init-ex  entry or call of EVP_EncryptInit_ex or EVP_DecryptInit_ex, likewise
 * node-cipher        entry of node::crypto::CipherBase::CommonInit
 * go-ssh-cipher      entry of a function of golang.org/x/crypto/ssh that makes a cipher of key and IV
 */
export const probeKind = {
  'openssl-kdf': 1,
  'go-key-log': 2,
  'gnutls-hkdf': 3,
  'gnutls-prf': 4,
  'boringssl-hkdf': 5,
  'boringssl-prf': 6,
  'openssl-1.1-input': 7,
  'ring-hmac-key': 8,
  'ring-hkdf': 9,
  'rustls-key-block': 10,
  'openssh-cipher': 11,
  'evp-cipher-init': 12,
  'evp-cipher-init-ex': 13,
  'evp-one-way-init-ex': 14,
  'node-cipher': 15,
  'go-ssh-cipher': 16,
} as const;
export type ProbeKind = keyof typeof probeKind;

export interface ProbePoint {
  readonly kind: ProbeKind;
  /** Where the instruction is in the file, bytes. */
  readonly fileOffset: number;
}

/** What is known of a program or library after a look at it. */
export interface CodeImage {
  readonly path: string;
  /** Hex of the GNU build id, or of Go's; '' when there is none. */
  readonly buildId: string;
  /** Which TLS it has, and its version if it says so: 'openssl 3.0.19', 'go 1.22.1', 'gnutls 3.7.9', …; '' when none was found. */
  readonly library: string;
  /** Empty when it has no TLS, or none that can be read. */
  readonly probes: readonly ProbePoint[];
  /** When the look at it had ended, and its probes were placed; nanoseconds of the source's clock. Left out: not looked at. */
  readonly lookedAtNs?: number;
  /** It has probes, and all of them could be placed. */
  readonly isProbed?: boolean;
}
