// SPDX-License-Identifier: Apache-2.0

/** What comes while JavaScript is busy: it waits, in order, up to a bound; beyond that each byte is a gap that is told. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { EbpfSource } from '../../agent/source/ebpf/ebpf-source.ts';
import { unless } from './bpf-host.ts';
import { startGated } from './gated-program.ts';
import { Observer, type Run } from './observer.ts';
import { assertExact, connectionOf, otherEnd, slotOf } from './slot-report.ts';
import { trigger } from './trigger.ts';

const MOVED_BYTES = 20_000_000;
const BURST = [
  'socket 0 tcp4',
  'bind 0 127.0.0.1 0',
  'listen 0',
  'socket 1 tcp4',
  'connect 1 127.0.0.1 =0',
  'accept 0 2',
  `move 1 2 ${MOVED_BYTES} write read`,
];

/** Keeps this thread from everything else until a child of it has ended; it waits to be reaped then. */
function blockUntilEnded(pid: number): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) Atomics.wait(nobody, 0, 0, 5);
}

async function burst(observer: Observer): Promise<{ run: Run; bufferedBytes: number }> {
  const run = observer.start(trigger('act'), BURST);
  blockUntilEnded(run.pid);
  const { bufferedBytes } = observer.source.health;
  await run.ended;
  // The end of the process may have found no room; those of connections are kept elsewhere then.
  const isOver = () => run.connections.filter(({ closed }) => closed?.transport === 'tcp').length === 2;
  await observer.until('the ends of the connection', isOver);
  return { run, bufferedBytes };
}

describe('while JavaScript is busy', unless('bpf', 'gcc'), () => {
  test('a burst larger than the ring waits in the buffer, to the last byte', async () => {
    const observer = await Observer.open({ capture: { ringBytes: 16 * 2 ** 20, bufferBytes: 64 * 2 ** 20 } });
    try {
      const { run, bufferedBytes } = await burst(observer);
      assert.ok(bufferedBytes > 16 * 2 ** 20, `${bufferedBytes} bytes waited`);
      assertExact(connectionOf(run, slotOf(run, 1)), slotOf(run, 1));
      assertExact(connectionOf(run, slotOf(run, 2)), slotOf(run, 2));
      assert.equal(observer.source.health.bufferedBytes, 0);
    } finally {
      await observer.close();
    }
  });

  test('what waits when it is stopped is handed over, with the time that its handler asks for', async () => {
    const source = new EbpfSource({ selections: [], capture: { ringBytes: 16 * 2 ** 20, bufferBytes: 64 * 2 ** 20 } });
    let bytes = 0;
    await source.start(async (events) => {
      for (const event of events) if (event.type === 'bytes-moved') bytes += event.bytes.length;
      await setTimeout(1);
    });
    const program = startGated(trigger('act'), BURST, {});
    source.watch({ pid: program.pid, startNs: 0n }, { selectionId: 1, sessionKey: 1n });
    program.open();
    blockUntilEnded(program.pid);
    await source.stop();
    assert.equal(bytes, 2 * MOVED_BYTES);
  });

  test('the buffer has a bound, and what finds no room is told', async () => {
    const bufferBytes = 512 * 1024;
    const observer = await Observer.open({ capture: { ringBytes: 65_536, bufferBytes } });
    try {
      const { run, bufferedBytes } = await burst(observer);
      assert.ok(bufferedBytes > 0 && bufferedBytes <= bufferBytes, `${bufferedBytes} bytes waited`);
      const report = slotOf(run, 1);
      for (const end of [report, otherEnd(report)]) {
        const connection = connectionOf(run, end);
        connection.settle();
        for (const { bytes, gapBytes, gaps } of [connection.sent, connection.received]) {
          assert.ok(bytes + gapBytes === MOVED_BYTES || bytes + gapBytes === 0, `${bytes} and ${gapBytes}`);
          assert.ok(gapBytes > 0 || bytes === 0);
          assert.ok(
            gaps.every(({ reason }) => reason === 'ring_full'),
            JSON.stringify(gaps.slice(0, 3)),
          );
        }
      }
    } finally {
      await observer.close();
    }
  });

  test('a handler that asks to wait is not called before it is ready, and misses nothing', async () => {
    const source = new EbpfSource({ selections: [] });
    let busy = 0;
    let calls = 0;
    let hasEnded = false;
    await source.start(async (events) => {
      // What a look finds comes between; that is little.
      const isBatch = events.some(({ type }) => type === 'bytes-moved');
      if (isBatch) busy++;
      assert.ok(busy <= 1);
      await setTimeout(2);
      if (isBatch) busy--;
      calls++;
      if (events.some(({ type }) => type === 'process-exited')) hasEnded = true;
    });
    try {
      const program = startGated(trigger('act'), BURST, {});
      source.watch({ pid: program.pid, startNs: 0n }, { selectionId: 1, sessionKey: 1n });
      program.open();
      await program.ended;
      while (!hasEnded) await setTimeout(10);
      assert.ok(calls > 10, `${calls} calls`);
    } finally {
      await source.stop();
    }
  });

  test('a handler that is still busy when all is over may ask how much waits', async () => {
    const source = new EbpfSource({ selections: [] });
    await source.start(() => {});
    await source.stop();
    assert.equal(source.waitingShare, 0);
  });
});
