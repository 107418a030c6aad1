// SPDX-License-Identifier: Apache-2.0

/** UDP: what went to and came from each address, counted as the programs at both ends counted it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ConnectionClosed } from '../../agent/model/kernel-event.ts';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';
import { actsOf, slotOf } from './slot-report.ts';
import { trigger } from './trigger.ts';

describe('UDP', unless('bpf', 'gcc'), () => {
  let observer: Observer;

  before(async () => {
    observer = await Observer.open({ timing: { sweepMs: 50, udpIdleMs: 200 } });
  });
  after(async () => {
    await observer?.close();
  });

  async function flowsOf(run: Run, count: number): Promise<ConnectionClosed[]> {
    await observer.until(`${count} flows`, () => run.of('connection-closed').length === count);
    assert.equal(run.of('connection-opened').length, count);
    return run.of('connection-closed');
  }

  for (const [kind, address] of [
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const) {
    test(`${kind}: both ends of a flow`, async () => {
      const ports = ['socket 0 '.concat(kind), `bind 0 ${address} 0`, `socket 1 ${kind}`, `connect 1 ${address} =0`];
      const moves = [1, 700, 9000].flatMap((bytes) => [`send 1 ${bytes} send`, `receive 0 ${bytes} recvfrom`]);
      const run = await observer.run(trigger('act'), [...ports, ...moves]);
      const [client, server] = [slotOf(run, 1), slotOf(run, 0)];
      assert.deepEqual([client.sent, server.received], [9701, 9701]);
      const flows = await flowsOf(run, 2);
      const from = flows.find(({ localPort }) => localPort === client.localPort);
      const to = flows.find(({ remotePort }) => remotePort === client.localPort);
      assert.deepEqual([from?.sentBytes, from?.receivedBytes, from?.remotePort], [9701, 0, client.remotePort]);
      assert.deepEqual([to?.sentBytes, to?.receivedBytes, to?.localPort], [0, 9701, client.remotePort]);
      for (const flow of flows) assert.deepEqual([flow.localAddress, flow.remoteAddress], [address, address]);
    });
  }

  test('one socket that sends to several addresses is a flow for each', async () => {
    const run = await observer.run(trigger('act'), [
      'socket 0 udp4',
      'bind 0 127.0.0.1 0',
      'socket 1 udp4',
      'bind 1 127.0.0.1 0',
      'socket 2 udp4',
      // Nobody is there.
      'datagram 2 10 127.0.0.1 9',
      'datagram 2 20 127.0.0.2 9',
      'datagram 2 30 127.0.0.3 9',
    ]);
    assert.deepEqual(
      actsOf(run)
        .slice(-3)
        .map(({ result }) => result),
      [10, 20, 30],
    );
    const flows = await flowsOf(run, 3);
    assert.deepEqual(
      flows.map(({ remoteAddress, remotePort, sentBytes }) => [remoteAddress, remotePort, sentBytes]).sort(),
      [
        ['127.0.0.1', 9, 10],
        ['127.0.0.2', 9, 20],
        ['127.0.0.3', 9, 30],
      ],
    );
  });

  test('datagrams to the ports of DNS are had whole, whatever their size, and no others', async () => {
    const sizes = [1, 128, 129, 512, 2048, 2049, 8192, 9000, 60_000];
    const sends = sizes.map((bytes) => `datagram 0 ${bytes} 127.0.0.1 53`);
    const run = await observer.run(trigger('act'), [
      'socket 0 udp4',
      'bind 0 127.0.0.1 0',
      ...sends,
      'datagram 0 10 127.0.0.1 5353',
      'datagram 0 11 127.0.0.1 5355',
      'datagram 0 12 127.0.0.1 54',
    ]);
    const flows = await flowsOf(run, 4);
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    const had = run.connections.map(({ opened, sent, strayBytes }) => [
      opened?.remotePort,
      sent.bytes,
      sent.gapBytes + strayBytes,
    ]);
    assert.deepEqual(had.sort(), [
      [53, total, 0],
      [5353, 10, 0],
      [5355, 11, 0],
      [54, 0, 0],
    ]);
    assert.equal(flows.find(({ remotePort }) => remotePort === 53)?.sentBytes, total);
  });

  test('nothing was missed', () => {
    assert.deepEqual(
      observer.events.filter(({ type }) => type === 'missed'),
      [],
    );
  });
});
