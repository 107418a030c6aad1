// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachableBytes } from '../../test/heap.ts';
import type { ConnectionClosed, ConnectionOpened } from '../model/kernel-event.ts';
import { DEFAULT_BOUNDS } from '../protocol/decoder.ts';
import type { ConnectionFlow, Direction } from './connection-flow.ts';
import { FlowTable, type FlowTableBounds, type FlowTableSink } from './flow-table.ts';
import { closed, missing, moved, opened } from './testing/arrivals.ts';
import { DIRECTIONS, Witness, withUnruly } from './testing/watched-flow.ts';

class TableWitness extends Witness implements FlowTableSink {
  readonly told: string[] = [];
  /** Bytes that are in no account. */
  strayBytes = 0;
  readonly accounts: { readonly key: number; readonly moved: Readonly<Record<Direction, number>> }[] = [];
  readonly laterBytes: Record<Direction, number> = { sent: 0, received: 0 };

  opened(flow: ConnectionFlow): void {
    this.told.push(`opened ${flow.opened.connectionKey}`);
  }

  closed(flow: ConnectionFlow, event: ConnectionClosed | undefined): void {
    this.told.push(`${event === undefined ? 'given up' : 'closed'} ${flow.opened.connectionKey}`);
    const [sent, received] = DIRECTIONS.map((direction) => flow.account(direction).moved) as [number, number];
    this.accounts.push({ key: flow.opened.connectionKey, moved: { sent, received } });
  }

  closedUnopened(event: ConnectionClosed): void {
    this.told.push(`unopened ${event.connectionKey}`);
  }

  lostLater(_opened: ConnectionOpened, direction: Direction, bytes: number): void {
    assert.ok(bytes > 0);
    this.laterBytes[direction] += bytes;
  }

  stray(bytes: number): void {
    this.strayBytes += bytes;
  }
}

function tableOf(bounds: Partial<FlowTableBounds> = {}): { table: FlowTable; said: TableWitness } {
  const said = new TableWitness();
  const all = { connectionsMax: 100, heldBytesMax: 1024 * 1024, ...bounds };
  return { table: new FlowTable(said, { bounds: DEFAULT_BOUNDS, protocols: withUnruly }, all), said };
}

test('a connection that is told twice is one', () => {
  const { table, said } = tableOf();
  table.open(opened());
  table.open(opened({ atNs: 1001 }));
  table.close(closed(0, 0));
  table.close(closed(0, 0));
  table.open(opened());
  assert.deepEqual(said.told, ['opened 42', 'closed 42']);
  assert.equal(table.size, 0);
});

test('a key that is used again ends the connection whose end was missed', () => {
  const { table, said } = tableOf();
  table.open(opened());
  table.open(opened({ startedNs: 5000, atNs: 5001 }));
  table.close(closed(0, 0, { startedNs: 5000 }));
  assert.deepEqual(said.told, ['opened 42', 'given up 42', 'opened 42', 'closed 42']);
});

test('an end without a beginning is told, once', () => {
  const { table, said } = tableOf();
  table.close(closed(5, 5));
  table.close(closed(5, 5));
  assert.deepEqual(said.told, ['unopened 42']);
});

test('bytes of a connection that nobody knows are told', () => {
  const { table, said } = tableOf();
  table.move(moved('sent', 0, 'abc'));
  table.miss(missing('sent', 3, 4));
  assert.equal(said.strayBytes, 7);
});

test('bytes that come after the end were counted at the end, up to its counters', () => {
  const { table, said } = tableOf();
  table.open(opened());
  table.close(closed(5, 0));
  assert.equal(said.lossBytes['sent ring_full'], 5);
  table.move(moved('sent', 0, 'abcde'));
  assert.equal(said.strayBytes, 0);
  table.move(moved('sent', 5, 'fg'));
  assert.equal(said.strayBytes, 2);
});

test('when the table is full the idlest are given up, and what they do later is told once', () => {
  const { table, said } = tableOf({ connectionsMax: 3 });
  for (const key of [1, 2, 3]) table.open(opened({ connectionKey: key, atNs: key }));
  table.move(moved('sent', 0, '<a', { connectionKey: 1, atNs: 100 }));
  table.open(opened({ connectionKey: 4, atNs: 200 }));
  assert.deepEqual(said.told.slice(3), ['given up 2', 'opened 4']);
  assert.equal(table.size, 3);

  table.move(moved('sent', 0, 'abc', { connectionKey: 2 }));
  table.move(moved('sent', 1, 'bc', { connectionKey: 2 }));
  table.miss(missing('received', 0, 4, { connectionKey: 2 }));
  table.close(closed(10, 6, { connectionKey: 2 }));
  assert.deepEqual(said.laterBytes, { sent: 10, received: 6 });
  table.close(closed(10, 6, { connectionKey: 2 }));
  assert.deepEqual(said.laterBytes, { sent: 10, received: 6 });
  assert.ok(!said.told.includes('unopened 2') && !said.told.includes('closed 2'));
  assert.equal(said.strayBytes, 0);
});

test('of many equally idle connections only as many go as are needed', () => {
  const { table } = tableOf({ connectionsMax: 128 });
  for (let key = 1; key <= 129; key++) table.open(opened({ connectionKey: key, atNs: 5 }));
  assert.equal(table.size, 127);
});

test('what all connections hold together is bounded between sweeps too, and the largest give back', () => {
  const { table, said } = tableOf({ heldBytesMax: 1024 * 1024 });
  const small = 'K'.padEnd(1000, 'a');
  const large = `<K${'a'.repeat(8190)}`;
  for (let key = 1; key <= 5; key++) {
    table.open(opened({ connectionKey: key }));
    table.move(moved('sent', 0, `<${small}`, { connectionKey: key }));
  }
  table.open(opened({ connectionKey: 9 }));
  for (let i = 0; i < 2000; i++) {
    table.move(moved('sent', i * large.length, i === 0 ? large : large.replace('<K', 'aa'), { connectionKey: 9 }));
    assert.ok(table.heldBytes < 10 * 1024 * 1024, `${table.heldBytes} bytes are held`);
  }
  assert.deepEqual(said.troubles, ['received memory_bound']);
  table.sweep(1e9);
  assert.ok(table.heldBytes <= 1024 * 1024);
  table.abandonAll(2e9);
  assert.equal(table.heldBytes, 0);
});

test('holes that stay open are given up by time, without anything coming', () => {
  const { table, said } = tableOf();
  table.open(opened());
  table.move(moved('received', 5, 'abc', { atNs: 1 }));
  table.sweep(6e9);
  assert.equal(said.lossBytes['received ring_full'], 5);
});

test('at the end all that is open is given up, with its account', () => {
  const { table, said } = tableOf();
  table.open(opened({ connectionKey: 1 }));
  table.open(opened({ connectionKey: 2 }));
  table.move(moved('sent', 0, '<.', { connectionKey: 2 }));
  table.abandonAll(9);
  assert.deepEqual(said.accounts, [
    { key: 1, moved: { sent: 0, received: 0 } },
    { key: 2, moved: { sent: 2, received: 0 } },
  ]);
  assert.equal(table.size, 0);
});

test('connections that come and go leave nothing behind', () => {
  const { table, said } = tableOf();
  said.opened = said.closed = () => {};
  const before = reachableBytes();
  for (let key = 1; key <= 100_000; key++) {
    table.open(opened({ connectionKey: key }));
    table.close(closed(0, 0, { connectionKey: key }));
  }
  assert.equal(table.size, 0);
  const grownMiB = (reachableBytes() - before) / 2 ** 20;
  assert.ok(grownMiB < 10, `${grownMiB} MiB more`);
});
