// SPDX-License-Identifier: Apache-2.0

/** Single fields of the kernel side's structures, in events and in rows of its tables alike. */
import type { ConnectionKey, ProcessKey, Scope } from '../../model/kernel-event.ts';
import { processKey, scope } from './layout.generated.ts';

const TWO_32 = 4294967296;

/** Exact up to 2^53. */
export function u64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * TWO_32 + bytes.readUInt32LE(at);
}

export function processAt(bytes: Buffer, at: number): ProcessKey {
  return { pid: bytes.readUInt32LE(at + processKey.tgid), startNs: bytes.readBigUInt64LE(at + processKey.startNs) };
}

export function scopeAt(bytes: Buffer, at: number): Scope {
  return {
    selectionId: bytes.readUInt32LE(at + scope.selectionId),
    sessionKey: bytes.readBigUInt64LE(at + scope.sessionKey),
  };
}

/** The top bit marks unix sockets; their inodes become negative keys. */
export function connectionKeyAt(bytes: Buffer, at: number): ConnectionKey {
  const high = bytes.readUInt32LE(at + 4);
  const low = bytes.readUInt32LE(at);
  return high >= 0x80000000 ? -((high - 0x80000000) * TWO_32 + low) : high * TWO_32 + low;
}
