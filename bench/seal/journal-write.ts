// SPDX-License-Identifier: Apache-2.0

/**
 * How fast the journal writes, and how fast the disk takes the same writes and syncs from a program that does nothing else.
 *
 *   node bench/seal/journal-write.ts ACTIVITIES    prints one object of figures
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Disk, type DiskFile, realDisk } from '../../agent/journal/disk.ts';
import { AgentStage, ownCpuUs } from './agent-stage.ts';

/** One write and its sync, as the journal did them. */
interface Written {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The real disk, and what was asked of it. */
class WatchedDisk implements Disk {
  readonly lock = realDisk.lock;
  readonly ensureFolder = realDisk.ensureFolder;
  readonly list = realDisk.list;
  readonly remove = realDisk.remove;
  readonly freeBytes = realDisk.freeBytes;
  readonly writes: Written[] = [];
  busyMs = 0;

  async open(path: string, how: 'create' | 'change' | 'read'): Promise<DiskFile> {
    const file = await realDisk.open(path, how);
    if (!path.endsWith('.segment')) return file;
    return {
      write: (parts, offset) => {
        this.writes.push({ path, offset, bytes: parts.reduce((sum, { length }) => sum + length, 0) });
        return this.#timed(file.write(parts, offset));
      },
      read: (target, offset) => file.read(target, offset),
      size: () => file.size(),
      truncate: (byteCount) => file.truncate(byteCount),
      sync: () => this.#timed(file.sync()),
      close: () => file.close(),
    };
  }

  syncFolder(folder: string): Promise<void> {
    return this.#timed(realDisk.syncFolder(folder));
  }

  /** One at a time: the journal never has two on their way. */
  async #timed(work: Promise<void>): Promise<void> {
    const beforeMs = performance.now();
    await work;
    this.busyMs += performance.now() - beforeMs;
  }
}

/** Seconds. The same writes at the same places of other files, one after the other; random bytes. */
async function replay(writes: readonly Written[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
  const largest = Math.max(...writes.map(({ bytes }) => bytes));
  const bytes = randomBytes(largest);
  try {
    const beforeMs = performance.now();
    let open: { path: string; file: DiskFile } | undefined;
    for (const { path, offset, bytes: count } of writes) {
      const target = join(folder, path.slice(dirname(path).length + 1));
      if (open?.path !== target) {
        await open?.file.close();
        open = { path: target, file: await realDisk.open(target, 'change') };
      }
      await open.file.write([bytes.subarray(0, count)], offset);
      await open.file.sync();
      if (offset === 0) await realDisk.syncFolder(folder);
    }
    await open?.file.close();
    return (performance.now() - beforeMs) / 1000;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const WARM = 30_000;
const activities = Number(process.argv[2]);
const disk = new WatchedDisk();
const stage = await AgentStage.open('all', disk);
await stage.append(Math.min(WARM, activities));
disk.writes.length = 0;
disk.busyMs = 0;
const [beforeMs, beforeUs] = [performance.now(), ownCpuUs()];
await stage.append(activities);
const seconds = (performance.now() - beforeMs) / 1000;
const cpuSeconds = (ownCpuUs() - beforeUs) / 1e6;
const { writes, busyMs } = disk;
const result = {
  activities,
  bytes: writes.reduce((sum, one) => sum + one.bytes, 0),
  writes: writes.length,
  seconds,
  cpu_seconds: cpuSeconds,
  disk_busy_seconds: busyMs / 1000,
  replay_seconds: await replay(writes),
};
await stage.close();
console.log(JSON.stringify(result));
