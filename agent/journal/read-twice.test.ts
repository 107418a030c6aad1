// SPDX-License-Identifier: Apache-2.0

/** What stands in the place of an entry has the same leaf each time: it may have been delivered before a crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal } from './journal.ts';
import { MemoryDisk } from './memory-disk.ts';
import { readBack } from './reading-back.ts';
import { sampleCommand } from './sample-activities.ts';

test('losses for damaged, missing and too large entries are the same when they are read again after a restart', async () => {
  const disk = new MemoryDisk();
  let nowNs = 1_790_000_000_000_000_000n;
  const open = () => {
    nowNs += 1_000_000_000n;
    const bounds = { flushDelayMs: 1, groupBytesMax: 4096, segmentBytesMax: 20_000, diskFreeBytesMin: 0 };
    return Journal.open({
      folder: '/journal',
      agentId: 'agent-1',
      host: 'host-1',
      disk,
      nowNs: () => nowNs,
      ...bounds,
    });
  };
  const journal = await open();
  for (let index = 0; index < 150; index += 1) {
    journal.append(sampleCommand(index, index === 140 ? { request: Buffer.alloc(3000) } : {}));
  }
  await journal.flush();
  await journal.close();
  const names = (await disk.list('/journal')).filter((name) => name.endsWith('.segment')).sort();
  disk.contentOf(`/journal/${names[0]}`).fill(0, 3000, 3100);
  disk.contentOf(`/journal/${names[2]}`).fill(0, 0, 1024);

  const leaves: string[][] = [];
  for (let read = 0; read < 2; read += 1) {
    const again = await open();
    const entries = (await readBack(again, 1, { entryBytesMax: 2000 })).slice(0, 150);
    leaves.push(entries.map(({ seq, leaf, loss }) => `${seq} ${Buffer.from(leaf).toString('hex')} ${loss?.reason}`));
    await again.close();
  }
  const [first, second] = leaves;
  assert.deepEqual(second, first);
  for (const reason of ['damaged', 'missing'])
    assert.ok(
      first!.some((line) => line.endsWith(reason)),
      reason,
    );
});
