// SPDX-License-Identifier: Apache-2.0

/** A mark that is kept apart from the journal: what a crash leaves always fits it, what somebody cut or rewrote never does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Journal, type JournalOptions, type JournalPoint } from './journal.ts';
import { MemoryDisk } from './memory-disk.ts';
import { readBack } from './reading-back.ts';
import { sampleCommand } from './sample-activities.ts';

function open(disk: MemoryDisk, options: Partial<JournalOptions> = {}): Promise<Journal> {
  const small = { flushDelayMs: 1, retryDelayMs: 2, groupBytesMax: 4096, segmentBytesMax: 20_000, diskFreeBytesMin: 0 };
  return Journal.open({ folder: '/journal', agentId: 'agent-1', host: 'host-1', disk, ...small, ...options });
}

async function append(journal: Journal, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index += 1) journal.append(sampleCommand(index));
  await journal.flush();
}

/** Numbers from 0 to 1 that a seed brings back. */
function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Another journal of as many entries, put in the place of this one. */
async function rewritten(count: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const journal = await open(disk);
  await append(journal, 500, count);
  await journal.close();
  return disk;
}

describe('the mark of a journal', () => {
  test('fits after a clean end, in the newest segment and in one before it', async () => {
    const disk = new MemoryDisk();
    const marks: JournalPoint[] = [];
    const journal = await open(disk);
    for (let round = 0; round < 12; round += 1) {
      await append(journal, round * 10, 10);
      marks.push(journal.durablePoint);
    }
    await journal.close();
    assert.ok((await disk.list('/journal')).length > 4);
    for (const mark of marks) {
      const again = await open(disk, { mark });
      assert.equal(again.report.mark, 'fits', `at ${mark.seq}`);
      await again.close();
    }
    assert.equal((await open(disk)).report.mark, 'none');
  });

  test('of an entry that was delivered and forgotten says nothing', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk);
    await append(journal, 0, 10);
    const mark = journal.durablePoint;
    await append(journal, 10, 100);
    journal.forget(100);
    await journal.close();
    assert.equal((await open(disk, { mark })).report.mark, 'forgotten');
  });

  test('finds a journal that was rewritten, entry by entry valid', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk);
    await append(journal, 0, 60);
    const mark = journal.durablePoint;
    await journal.close();
    const other = await rewritten(60);
    for (const name of await other.list('/journal'))
      disk.replace(`/journal/${name}`, other.contentOf(`/journal/${name}`));
    const again = await open(disk, { mark });
    assert.deepEqual([again.report.mark, again.report.altered, again.report.damagedEntries], ['rewritten', [], 0]);
  });

  test('finds a journal whose end was cut, and uses no number of what is gone again', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk);
    await append(journal, 0, 20);
    const shorter = new Map((await disk.list('/journal')).map((name) => [name, disk.contentOf(`/journal/${name}`)]));
    await append(journal, 20, 20);
    const mark = journal.durablePoint;
    await journal.close();
    for (const name of await disk.list('/journal')) {
      const before = shorter.get(name);
      if (before === undefined) await disk.remove(`/journal/${name}`);
      else disk.replace(`/journal/${name}`, before);
    }
    const again = await open(disk, { mark });
    assert.deepEqual([again.report.mark, again.report.lastSeq], ['cut', 20]);
    assert.equal(again.append(sampleCommand(40)), 41);
    await again.flush();
    const losses = (await readBack(again, 21)).slice(0, 20).map(({ loss }) => loss?.reason);
    assert.deepEqual(losses, Array(20).fill('missing'));
  });

  test('a folder that was emptied is cut, and its numbers are not used again', async () => {
    const mark = { seq: 33, chain: Buffer.alloc(32, 1) };
    const journal = await open(new MemoryDisk(), { mark, usedSeq: 30 });
    assert.equal(journal.report.mark, 'cut');
    assert.equal(journal.append(sampleCommand(0)), 34);
  });

  test('fits although entries before it have rotted', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk);
    await append(journal, 0, 12);
    const mark = journal.durablePoint;
    await journal.close();
    const bytes = disk.contentOf('/journal/0000000000000001.segment');
    bytes[2000]! ^= 1;
    disk.replace('/journal/0000000000000001.segment', Buffer.from(bytes));
    const again = await open(disk, { mark });
    assert.equal(again.report.damagedEntries > 0, true);
    assert.equal(again.report.mark, 'fits');
  });

  test('300 losses of power and kills: a mark that was written after a sync always fits', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const chance = chanceOf(seed);
    const disk = new MemoryDisk();
    let mark: JournalPoint | undefined;
    for (let round = 0; round < 300; round += 1) {
      const journal = await open(disk, { mark });
      const verdict = journal.report.mark;
      assert.ok(verdict === 'fits' || verdict === 'forgotten' || verdict === 'none', `seed ${seed}: ${verdict}`);
      for (let burst = Math.floor(chance() * 5); burst >= 0; burst -= 1) {
        for (let count = Math.floor(chance() * 30); count > 0; count -= 1) journal.append(sampleCommand(round));
        if (chance() < 0.5) await journal.flush();
        else await new Promise((resolve) => setImmediate(resolve));
        // As a mark on disk would be: of what is durable at this moment.
        if (chance() < 0.7 && journal.durablePoint.seq > 0) mark = journal.durablePoint;
        if (chance() < 0.2) journal.forget(Math.floor(chance() * journal.durableSeq));
      }
      if (chance() < 0.5) disk.kill();
      else disk.losePower(chance);
      await journal.close().catch(() => {});
    }
  });
});
