// SPDX-License-Identifier: Apache-2.0

/**
 * The key of one direction of an SSH connection, as a program hands it to its cipher. Keys live in memory only, are never
 * written, and whoever owns one fills it with zeros when it is of no more use.
 */

/** What a probe can tell of the cipher: where it saw the key pass. */
export type SshCipherHint = 'aes-ctr' | 'aes-gcm' | 'chacha20' | 'aes-cbc' | 'unknown';

export interface SshCipherKey {
  readonly cipher: SshCipherHint;
  /**
   * 16, 24 or 32 bytes; of chacha20-poly1305@openssh.com 64: the key of contents, then the key of lengths. A library that is
   * given the two apart shows two keys of 32 bytes, one right after the other.
   */
  readonly key: Buffer;
  /** As it is before the first packet under the key: 16 bytes, of GCM 12. Empty where it was not seen; GCM needs none. */
  readonly iv: Buffer;
  /** Whether the process encrypts with it; undefined when the probe cannot tell. */
  readonly encrypts: boolean | undefined;
}
