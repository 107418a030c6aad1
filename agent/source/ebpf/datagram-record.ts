// SPDX-License-Identifier: Apache-2.0

/** A datagram's event, which says all of the flow that it is of. */
import { addressText } from '../../protocol/bytes/address-text.ts';
import { processAt, scopeAt, u64 } from './fields.ts';
import { datagramEvent, direction, event, udpKey } from './layout.generated.ts';
import type { UdpFlow } from './tables.ts';

/** The beginning of a flow's row in the table, as one of its datagrams tells it. */
export type DatagramFlow = Omit<UdpFlow, 'lastNs' | 'sentBytes' | 'receivedBytes' | 'sentPackets' | 'receivedPackets'>;

export interface DatagramNotice {
  readonly type: 'datagram-notice';
  readonly atNs: number;
  readonly flow: DatagramFlow;
  readonly direction: 'sent' | 'received';
  /** Bytes that went this way in the flow before. */
  readonly offset: number;
  readonly totalBytes: number;
  /** A view into the batch; empty when it could not be copied. */
  readonly bytes: Buffer;
  /** Not 0: it is several datagrams of this size, the last may be shorter. */
  readonly segmentBytes: number;
}

export function readDatagram(batch: Buffer, at: number): DatagramNotice {
  const key = at + datagramEvent.flow;
  const family = batch[key + udpKey.family] as number;
  const data = at + datagramEvent.data;
  return {
    type: 'datagram-notice',
    atNs: u64(batch, at + event.timeNs),
    flow: {
      key: batch.subarray(key, key + udpKey.structBytes),
      scope: scopeAt(batch, at + datagramEvent.scope),
      process: processAt(batch, at + datagramEvent.process),
      firstNs: u64(batch, at + datagramEvent.flowFirstNs),
      localAddress: addressText(batch, at + datagramEvent.local, family),
      localPort: batch.readUInt16LE(at + datagramEvent.localPort),
      remoteAddress: addressText(batch, key + udpKey.remote, family),
      remotePort: batch.readUInt16LE(key + udpKey.remotePort),
    },
    direction: batch.readUInt32LE(at + datagramEvent.direction) === direction.sent ? 'sent' : 'received',
    offset: u64(batch, at + datagramEvent.offset),
    totalBytes: batch.readUInt32LE(at + datagramEvent.bytes),
    bytes: batch.subarray(data, data + batch.readUInt32LE(at + datagramEvent.keptBytes)),
    segmentBytes: batch.readUInt16LE(at + datagramEvent.segmentBytes),
  };
}
