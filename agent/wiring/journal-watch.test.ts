// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal, type JournalOptions } from '../journal/journal.ts';
import { MemoryDisk } from '../journal/memory-disk.ts';
import { sampleCommand } from '../journal/sample-activities.ts';
import { flushWithin, journalStatus, RoomNews } from './journal-watch.ts';

function open(disk: MemoryDisk, options: Partial<JournalOptions> = {}): Promise<Journal> {
  const small = { flushDelayMs: 1, retryDelayMs: 2, groupBytesMax: 4096, segmentBytesMax: 16_384, diskFreeBytesMin: 0 };
  return Journal.open({ folder: '/journal', agentId: 'a', host: 'h', disk, ...small, ...options });
}

async function fill(journal: Journal, wanted: string): Promise<number> {
  let refused = 0;
  for (let i = 0; journalStatus(journal).room !== wanted; i++) {
    assert.ok(i < 10_000, 'it did not come to that');
    if (journal.append(sampleCommand(i)) === 0) refused++;
    if (i % 8 === 0) await journal.flush();
  }
  return refused;
}

test('the wait for the disk ends when all is there, and when the disk is full', async () => {
  const disk = new MemoryDisk();
  const journal = await open(disk);
  journal.append(sampleCommand(0));
  assert.equal(await flushWithin(journal, 60_000), true);
  disk.fault = { code: 'ENOSPC', on: 'write' };
  journal.append(sampleCommand(1));
  assert.equal(await flushWithin(journal, 20), false);
  assert.equal(journalStatus(journal).trouble, 'journal_no_space');
  disk.fault = undefined;
  assert.equal(await flushWithin(journal, 60_000), true);
  assert.equal(journalStatus(journal).trouble, null);
  await journal.close();
});

test('status has what was not taken, by cause, and whether workloads should be stopped', async () => {
  for (const whenFull of ['shed', 'block'] as const) {
    const journal = await open(new MemoryDisk(), { folderBytesMax: 50_000, whenFull });
    assert.deepEqual(journalStatus(journal).losses, {});
    assert.equal(journalStatus(journal).must_freeze, false);
    await fill(journal, 'tight');
    assert.equal(journalStatus(journal).must_freeze, whenFull === 'block');
    await fill(journal, 'none');
    assert.equal(journal.append(sampleCommand(1)), 0);
    assert.equal(journal.append(sampleCommand(2)), 0);
    const { losses, must_freeze: mustFreeze } = journalStatus(journal);
    assert.ok((losses['no_room']?.events ?? 0) >= 2);
    assert.equal('payload_shed' in losses, whenFull === 'shed');
    assert.equal(mustFreeze, whenFull === 'block');
    await journal.close();
  }
});

test('the log is told when the room changes, once each time', async () => {
  const disk = new MemoryDisk();
  const journal = await open(disk, { folderBytesMax: 50_000, whenFull: 'block' });
  const told: string[] = [];
  const log = {
    info: (_: unknown, message: string) => told.push(`info ${message}`),
    warn: (fields: { mustFreeze: boolean }, message: string) => told.push(`warn ${fields.mustFreeze} ${message}`),
  };
  const news = new RoomNews(journal, log as unknown as ConstructorParameters<typeof RoomNews>[1]);
  news.look();
  assert.equal(told.length, 0);
  await fill(journal, 'tight');
  news.look();
  news.look();
  assert.deepEqual(told, ['warn true the journal has little room']);
  journal.forget(journal.durableSeq);
  news.look();
  assert.deepEqual(told.slice(1), ['info the journal has room again']);
  await journal.close();
});
