// SPDX-License-Identifier: Apache-2.0

/** Rows of the kernel side's tables, as `Capture.rows` gives them: key, padded to 8 bytes, then value. */
import type { ProcessKey, Scope } from '../../model/kernel-event.ts';
import { addressText } from '../../protocol/bytes/address-text.ts';
import { processAt, scopeAt, u64 } from './fields.ts';
import { limits, processState, udpFlow, udpKey, unixState } from './layout.generated.ts';

const PADDED_U32_BYTES = 8;
const U64_BYTES = 8;

export interface WatchedProcess {
  readonly process: ProcessKey;
  readonly scope: Scope;
}

export function* watchedProcesses(rows: Buffer): Generator<WatchedProcess> {
  const rowBytes = PADDED_U32_BYTES + processState.structBytes;
  for (let at = 0; at + rowBytes <= rows.length; at += rowBytes) {
    const value = at + PADDED_U32_BYTES;
    yield {
      process: { pid: rows.readUInt32LE(at), startNs: rows.readBigUInt64LE(value + processState.startNs) },
      scope: scopeAt(rows, value + processState.scope),
    };
  }
}

export interface UdpFlow {
  /** The row's key, to take it with. */
  readonly key: Buffer;
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly firstNs: number;
  readonly lastNs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sentPackets: number;
  readonly receivedPackets: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

export function* udpFlows(rows: Buffer): Generator<UdpFlow> {
  const rowBytes = udpKey.structBytes + udpFlow.structBytes;
  for (let at = 0; at + rowBytes <= rows.length; at += rowBytes) {
    const value = at + udpKey.structBytes;
    const family = rows[at + udpKey.family] as number;
    yield {
      key: rows.subarray(at, at + udpKey.structBytes),
      scope: scopeAt(rows, value + udpFlow.scope),
      process: processAt(rows, value + udpFlow.process),
      firstNs: u64(rows, value + udpFlow.firstNs),
      lastNs: u64(rows, value + udpFlow.lastNs),
      sentBytes: u64(rows, value + udpFlow.sentBytes),
      receivedBytes: u64(rows, value + udpFlow.receivedBytes),
      sentPackets: u64(rows, value + udpFlow.sentPackets),
      receivedPackets: u64(rows, value + udpFlow.receivedPackets),
      localAddress: addressText(rows, value + udpFlow.local, family),
      localPort: rows.readUInt16LE(value + udpFlow.localPort),
      remoteAddress: addressText(rows, at + udpKey.remote, family),
      remotePort: rows.readUInt16LE(at + udpKey.remotePort),
    };
  }
}

export interface UnixSocket {
  /** The row's key, to take it with. */
  readonly key: Buffer;
  readonly inode: number;
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly startedNs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly droppedSentBytes: number;
  readonly droppedReceivedBytes: number;
  /** Its open event is out. */
  readonly announced: boolean;
  readonly joinedLate: boolean;
}

export function* unixSockets(rows: Buffer): Generator<UnixSocket> {
  const rowBytes = U64_BYTES + unixState.structBytes;
  for (let at = 0; at + rowBytes <= rows.length; at += rowBytes) {
    const value = at + U64_BYTES;
    const flags = rows.readUInt32LE(value + unixState.flags);
    yield {
      key: rows.subarray(at, at + U64_BYTES),
      inode: u64(rows, at),
      scope: scopeAt(rows, value + unixState.scope),
      process: processAt(rows, value + unixState.process),
      startedNs: u64(rows, value + unixState.startedNs),
      sentBytes: u64(rows, value + unixState.sentBytes),
      receivedBytes: u64(rows, value + unixState.receivedBytes),
      droppedSentBytes: u64(rows, value + unixState.droppedSentBytes),
      droppedReceivedBytes: u64(rows, value + unixState.droppedReceivedBytes),
      announced: (flags & limits.unixAnnounced) !== 0,
      joinedLate: (flags & limits.unixJoined) !== 0,
    };
  }
}
