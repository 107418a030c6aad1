// SPDX-License-Identifier: Apache-2.0

/** OpenSSH takes no longer ones, and others less. */
export const PACKET_BYTES_MAX = 256 * 1024;
/** Padding of four bytes and its length; contents of one byte. */
const BODY_BYTES_MIN = 6;

/** Of a whole packet by its length field; undefined when it cannot be one. `uncountedBytes` are in no block. */
export function packetBytesOf(
  length: number,
  tagBytes: number,
  blockBytes: number,
  uncountedBytes: number,
): number | undefined {
  if (length < BODY_BYTES_MIN || length > PACKET_BYTES_MAX) return undefined;
  return (length + 4 - uncountedBytes) % blockBytes === 0 ? 4 + length + tagBytes : undefined;
}
