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
 */
export const probeKind = { 'openssl-kdf': 1, 'go-key-log': 2 } as const;
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
}
