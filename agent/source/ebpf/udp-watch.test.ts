// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelEvent } from '../../model/kernel-event.ts';
import type { Capture } from './addon.ts';
import type { DatagramNotice } from './datagram-record.ts';
import { udpFlow, udpKey } from './layout.generated.ts';
import { udpFlows } from './tables.ts';
import { UdpWatch } from './udp-watch.ts';

const IDLE_NS = 1000;

/** One row of the table; its flow began at `firstNs`. */
function row(firstNs: number, lastNs: number, sentBytes: number): Buffer {
  const bytes = Buffer.alloc(udpKey.structBytes + udpFlow.structBytes);
  bytes[udpKey.family] = 4;
  bytes.writeUInt16LE(53, udpKey.remotePort);
  const value = udpKey.structBytes;
  bytes.writeBigUInt64LE(BigInt(firstNs), value + udpFlow.firstNs);
  bytes.writeBigUInt64LE(BigInt(lastNs), value + udpFlow.lastNs);
  bytes.writeBigUInt64LE(BigInt(sentBytes), value + udpFlow.sentBytes);
  return bytes;
}

/** The kernel side's table alone. */
function watchOf(table: { rows: Buffer }): UdpWatch {
  const taken = (): Buffer => {
    const all = table.rows;
    table.rows = Buffer.alloc(0);
    return all;
  };
  return new UdpWatch({ rows: () => table.rows, takeRow: taken } as unknown as Capture, IDLE_NS);
}

function datagram(of: Buffer, text: string): DatagramNotice {
  const [flow] = [...udpFlows(of)];
  assert.ok(flow !== undefined);
  const bytes = Buffer.from(text);
  return {
    ...{ type: 'datagram-notice', atNs: flow.firstNs, flow, direction: 'sent', offset: 0, segmentBytes: 0 },
    ...{ totalBytes: bytes.length, bytes },
  };
}

const typesOf = (events: readonly KernelEvent[]): string[] => events.map(({ type }) => type);
const keysOf = (events: readonly KernelEvent[]): Set<unknown> =>
  new Set(events.map((event) => 'connectionKey' in event && event.connectionKey));

test('a flow that the table has before its datagrams are told of is opened by these, before them', () => {
  const table = { rows: row(10, 20, 5) };
  const watch = watchOf(table);
  const found = watch.sweep(100);
  const events: KernelEvent[] = [];
  watch.moved(datagram(table.rows, 'query'), events);
  events.push(...found());
  assert.deepEqual(typesOf(events), ['connection-opened', 'bytes-moved']);
  assert.equal(keysOf(events).size, 1);
});

test('a flow that has ended while its datagrams wait ends behind them', () => {
  const table = { rows: row(10, 20, 5) };
  const waiting = table.rows;
  const watch = watchOf(table);
  const found = watch.sweep(20 + IDLE_NS);
  const events: KernelEvent[] = [];
  watch.moved(datagram(waiting, 'query'), events);
  events.push(...found());
  assert.deepEqual(typesOf(events), ['connection-opened', 'bytes-moved', 'connection-closed']);
  assert.equal(keysOf(events).size, 1);
  assert.deepEqual(watch.end(), []);
});

test('of two flows between the same ends each has its own beginning and end', () => {
  const table = { rows: row(10, 20, 5) };
  const first = table.rows;
  const watch = watchOf(table);
  const events: KernelEvent[] = [];
  watch.moved(datagram(first, 'query'), events);
  const found = watch.sweep(20 + IDLE_NS);
  table.rows = row(3000, 3001, 3);
  watch.moved(datagram(table.rows, 'new'), events);
  events.push(...found(), ...watch.end());
  assert.deepEqual(typesOf(events), [
    ...['connection-opened', 'bytes-moved', 'connection-opened', 'bytes-moved'],
    ...['connection-closed', 'connection-closed'],
  ]);
  const ends = events.filter(({ type }) => type === 'connection-closed');
  assert.deepEqual(
    ends.map((event) => event.type === 'connection-closed' && [event.startedNs, event.sentBytes]),
    [
      [10, 5],
      [3000, 3],
    ],
  );
  assert.equal(keysOf(ends).size, 2);
});

test('flows whose content nobody tells are opened by the table', () => {
  const watch = watchOf({ rows: row(10, 20, 5) });
  assert.deepEqual(typesOf(watch.sweep(100)()), ['connection-opened']);
  assert.deepEqual(typesOf(watch.sweep(100)()), []);
  assert.deepEqual(typesOf(watch.end()), ['connection-closed']);
});
