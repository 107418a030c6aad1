// SPDX-License-Identifier: Apache-2.0

/** Disks that are full, fail, are slow, or lose power. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Journal, type JournalOptions } from './journal.ts';
import { JournalError } from './journal-error.ts';
import { type Fault, MemoryDisk } from './memory-disk.ts';
import { readBack } from './reading-back.ts';
import { commandIndex, sampleCommand } from './sample-activities.ts';

const MIB = 1024 * 1024;

function open(disk: MemoryDisk, options: Partial<JournalOptions> = {}): Promise<Journal> {
  const small = { flushDelayMs: 1, retryDelayMs: 2, groupBytesMax: 8192, segmentBytesMax: 40_000, diskFreeBytesMin: 0 };
  return Journal.open({ folder: '/journal', agentId: 'agent-1', host: 'host-1', disk, ...small, ...options });
}

const ticks = (ms = 10) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 500, 'it did not come to that');
    await ticks(2);
  }
}

describe('a disk that fails', () => {
  const faults: readonly Fault[] = [
    { code: 'ENOSPC', on: 'write' },
    { code: 'EIO', on: 'write' },
    { code: 'EIO', on: 'sync' },
    { code: 'ENOSPC', on: 'open' },
  ];
  for (const fault of faults) {
    test(`${fault.code} on ${fault.on}: told once, tried again, nothing lost or doubled`, async () => {
      const disk = new MemoryDisk();
      const troubles: (string | undefined)[] = [];
      const journal = await open(disk, { onTrouble: (trouble) => troubles.push(trouble?.code) });
      for (let index = 0; index < 100; index += 1) journal.append(sampleCommand(index));
      await journal.flush();
      disk.fault = fault;
      // Enough to need a new segment, and so another file.
      for (let index = 100; index < 200; index += 1) journal.append(sampleCommand(index));
      await until(() => journal.state.trouble !== null);
      await ticks(20);
      assert.equal(journal.durableSeq < 200, true);
      const { trouble } = journal.state;
      assert.ok(trouble instanceof JournalError);
      assert.equal(trouble.code, fault.code === 'ENOSPC' ? 'journal_no_space' : 'journal_io');
      assert.equal(trouble.retryable, true);
      assert.equal((trouble.cause as NodeJS.ErrnoException).code, fault.code);
      disk.fault = undefined;
      await journal.flushed(200);
      assert.deepEqual(troubles, [trouble.code, undefined]);
      assert.deepEqual((await readBack(journal)).slice(0, 200).map(commandIndex), [...Array(200).keys()]);
      await journal.close();
    });
  }

  test('while it fails payloads are left out, and in the end nothing is taken; both are told when it works again', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk, { pendingBytesMax: 60_000, segmentBytesMax: MIB });
    journal.append(sampleCommand(0));
    await journal.flush();
    disk.fault = { code: 'EIO', on: 'write' };
    let refused = 0;
    for (let index = 1; index < 1000; index += 1) {
      if (journal.append(sampleCommand(index)) === 0) refused += 1;
      if (index % 10 === 0) await ticks(1);
    }
    assert.ok(refused > 0);
    assert.ok(journal.pendingBytes < 70_000, `${journal.pendingBytes}`);
    disk.fault = undefined;
    await until(() => journal.state.room === 'open' && journal.pendingBytes === 0);
    await ticks(1100);
    await journal.flush();
    const read = await readBack(journal);
    const commands = read.filter(({ command }) => command);
    const losses = read.filter(({ loss }) => loss);
    assert.equal(commands.length, 1000 - refused);
    const shed = commands.filter((one) => commandIndex(one) === -1);
    const told = (reason: string) =>
      losses.filter(({ loss }) => loss!.reason === reason).reduce((sum, { loss }) => sum + Number(loss!.events), 0);
    assert.ok(shed.length > 0);
    assert.equal(told('payload_shed'), shed.length);
    assert.equal(told('no_room'), refused);
    await journal.close();
  });

  test('closing does not hang on it, and says what kept the rest from being written', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk);
    disk.fault = { code: 'ENOSPC', on: 'write' };
    const seq = journal.append(sampleCommand(0));
    const flushed = journal.flushed(seq);
    const rejected = assert.rejects(flushed, (error: unknown) => (error as JournalError).code === 'journal_no_space');
    await assert.rejects(journal.close(), (error: unknown) => (error as JournalError).code === 'journal_no_space');
    await rejected;
    disk.fault = undefined;
    await (await open(disk)).close();
  });

  test('reading fails: the reader says so and can begin again', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk);
    for (let index = 0; index < 50; index += 1) journal.append(sampleCommand(index));
    await journal.flush();
    disk.fault = { code: 'EIO', on: 'read' };
    await assert.rejects(readBack(journal), (error: unknown) => (error as JournalError).code === 'journal_io');
    disk.fault = undefined;
    assert.equal((await readBack(journal)).length, 50);
    await journal.close();
  });
});

describe('no room', () => {
  test("in the folder, policy 'shed': metadata goes on, then nothing; delivery makes room again", async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk, { folderBytesMax: 200_000 });
    for (let index = 0; index < 2000; index += 1) {
      journal.append(sampleCommand(index));
      if (index % 20 === 0) await journal.flush();
    }
    await journal.flush();
    const { folderBytes, room, losses, lastSeq } = journal.state;
    assert.equal(room, 'none');
    assert.ok(folderBytes <= 250_000 + 8192, `${folderBytes}`);
    assert.ok(losses.get('payload_shed')!.events > 0);
    assert.ok(losses.get('no_room')!.events > 0);
    journal.forget(lastSeq);
    assert.equal(journal.state.room, 'open');
    assert.ok(journal.append(sampleCommand(0)) > 0);
    await journal.close();
    const total = [...journal.state.losses.values()].reduce((sum, { events }) => sum + events, 0);
    const again = await open(disk);
    const told = (await readBack(again, again.firstSeq)).filter(({ loss }) => loss);
    assert.ok(told.reduce((sum, { loss }) => sum + Number(loss!.events), 0) <= total);
    assert.ok(told.some(({ loss }) => loss!.reason === 'no_room'));
    await again.close();
  });

  test("on the disk, policy 'block': asks to freeze the workloads, and to thaw them although nothing is appended", async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk, { whenFull: 'block', diskFreeBytesMin: 100 * MIB });
    assert.equal(journal.mustFreeze, false);
    disk.free = 80 * MIB;
    await ticks(1100);
    journal.append(sampleCommand(0));
    await journal.flush();
    assert.equal(journal.mustFreeze, true);
    const seq = journal.append(sampleCommand(1));
    await journal.flushed(seq);
    assert.deepEqual((await readBack(journal)).map(commandIndex), [0, 1]);
    disk.free = 200 * MIB;
    await until(() => !journal.mustFreeze);
    assert.equal(journal.state.losses.size, 0);
    await journal.close();
  });
});

describe('losses that have no entry', () => {
  test('are known while there is no room for them, and are in the journal with the next flush when there is', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk, { folderBytesMax: 20_000, segmentBytesMax: 6000, groupBytesMax: 4096 });
    for (let index = 0; journal.append(sampleCommand(index)) > 0; index += 1) await journal.flush();
    assert.equal(journal.hasUntoldLosses, true);
    await journal.flush();
    assert.equal(journal.hasUntoldLosses, true, 'there is no room');
    journal.forget(journal.durableSeq);
    // A flush takes them along, without the second for which they are gathered.
    await journal.flush();
    assert.equal(journal.hasUntoldLosses, false);
    assert.equal((await readBack(journal, journal.firstSeq)).at(-1)!.loss!.reason, 'no_room');
    await journal.close();
  });

  test('of a time in which the clock was set back: the span takes in both', async () => {
    const disk = new MemoryDisk();
    let nowNs = 1000n;
    const journal = await open(disk, {
      folderBytesMax: 20_000,
      segmentBytesMax: 6000,
      groupBytesMax: 4096,
      nowNs: () => nowNs,
    });
    for (let index = 0; journal.append(sampleCommand(index)) > 0; index += 1) await journal.flush();
    nowNs = 10n;
    assert.equal(journal.append(sampleCommand(0)), 0);
    journal.forget(journal.durableSeq);
    await journal.flush();
    const loss = (await readBack(journal, journal.firstSeq)).find(({ loss }) => loss?.reason === 'no_room')!;
    assert.deepEqual([Number(loss.timeNs), Number(loss.endTimeNs)], [10, 1000]);
    await journal.close();
  });

  test('free space is looked for also after the clock was set back', async () => {
    const disk = new MemoryDisk();
    const yearNs = 31_536_000n * 1_000_000_000n;
    let nowNs = 60n * yearNs;
    const journal = await open(disk, { diskFreeBytesMin: 100 * MIB, nowNs: () => nowNs });
    disk.free = 0;
    nowNs += 2_000_000_000n;
    journal.append(sampleCommand(0));
    await journal.flush();
    assert.equal(journal.state.room, 'none');
    disk.free = 200 * MIB;
    nowNs -= yearNs;
    await until(() => journal.state.room === 'open');
    await journal.close();
  });
});

describe('a slow disk', () => {
  test('one write at a time, and the appends of meanwhile go together', async () => {
    const disk = new MemoryDisk();
    const journal = await open(disk, { groupBytesMax: MIB, segmentBytesMax: 64 * MIB });
    let running = 0;
    let most = 0;
    disk.pause = async () => {
      running += 1;
      most = Math.max(most, running);
      await ticks(10);
      running -= 1;
    };
    const before = disk.syncs;
    const waits: Promise<void>[] = [];
    for (let index = 0; index < 100; index += 1) {
      waits.push(journal.flushed(journal.append(sampleCommand(index))));
      if (index % 10 === 0) await ticks(1);
    }
    await Promise.all(waits);
    assert.equal(most, 1);
    assert.ok(disk.syncs - before < 20, `${disk.syncs - before} syncs`);
    await journal.close();
  });
});

describe('loss of power', () => {
  test('or a kill, at any point: what was flushed is there, numbers go on, what was cut is told', async () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const chance = chanceFrom(seed);
      const disk = new MemoryDisk();
      /** What stood at a number when it was acknowledged. */
      const acknowledged = new Map<number, number>();
      let next = 0;
      for (let life = 0; life < 3; life += 1) {
        const journal = await open(disk, { flushDelayMs: 0 });
        const mine = new Map<number, number>();
        const steps = Math.floor(chance() * 120);
        for (let step = 0; step < steps; step += 1) {
          mine.set(journal.append(sampleCommand(next)), next);
          next += 1;
          if (chance() < 0.1) await journal.flushed(Math.max(...mine.keys()) - Math.floor(chance() * 3));
        }
        // The end comes somewhere within a last flush.
        void journal.flush().catch(() => {});
        for (let rest = Math.floor(chance() * 40); rest > 0; rest -= 1) await null;
        for (const [seq, index] of mine) if (seq <= journal.durableSeq) acknowledged.set(seq, index);
        if (chance() < 0.6) disk.losePower(chance);
        else disk.kill();
        // What is left of the process reaches no disk any more.
        disk.fault = { code: 'EIO', on: 'open' };
        await journal.close().catch(() => {});
        disk.fault = undefined;
      }
      const journal = await open(disk, { flushDelayMs: 0 });
      await journal.flush();
      const read = await readBack(journal);
      assert.equal(read.length, journal.durableSeq, `seed ${seed}`);

      for (const [seq, index] of acknowledged)
        assert.equal(commandIndex(read[seq - 1]!), index, `seed ${seed}, ${seq}`);
      const seen = read.map(commandIndex).filter((index) => index !== -1);
      assert.equal(new Set(seen).size, seen.length, `seed ${seed}: something twice`);
      await journal.close();
    }
  });
});

/** A small generator of numbers from 0 to 1: the same for the same seed on every machine. */
function chanceFrom(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
