// SPDX-License-Identifier: Apache-2.0

/**
 * What the journal asks of a file system: little, so that tests can put one in its place that is full, slow, or forgets
 * what was not synced. Errors are those of the system calls; the journal gives them their meaning.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from './file-lock.ts';

export interface DiskFile {
  /** Writes all of `parts`, one after the other, from `offset` on. After an error any prefix may have been written. */
  write(parts: readonly Uint8Array[], offset: number): Promise<void>;
  /** Fills `target` from `offset` on; the result is shorter than asked only at the end of the file. */
  read(target: Uint8Array, offset: number): Promise<number>;
  size(): Promise<number>;
  truncate(byteCount: number): Promise<void>;
  /** Content and length are on stable storage when it resolves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** One holder at a time; the result lets go. Throws journal_locked when another process holds it. */
  lock(path: string): () => void;
  ensureFolder(path: string): Promise<void>;
  /** Names of the files in a folder. */
  list(folder: string): Promise<string[]>;
  /** `create` fails when the file exists; `change` makes it when it does not. */
  open(path: string, how: 'create' | 'change' | 'read'): Promise<DiskFile>;
  remove(path: string): Promise<void>;
  /** New and removed names in the folder are on stable storage when it resolves. */
  syncFolder(folder: string): Promise<void>;
  /** Bytes that this process may still use on the file system of `folder`. */
  freeBytes(folder: string): Promise<number>;
}

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
const FLAGS = { create: O_RDWR | O_CREAT | O_EXCL, change: O_RDWR | O_CREAT, read: O_RDONLY } as const;

/** The real one. Every call runs on libuv's threads, so that a slow disk does not hold up the agent. */
export const realDisk: Disk = {
  lock: lockFile,
  async ensureFolder(path) {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
    const handle = await open(path, O_RDONLY);
    try {
      if (((await handle.stat()).mode & 0o077) !== 0) await handle.chmod(FOLDER_MODE);
    } finally {
      await handle.close();
    }
  },
  async list(folder) {
    const names = await readdir(folder);
    const kinds = await Promise.all(names.map((name) => stat(join(folder, name))));
    return names.filter((_, index) => kinds[index]!.isFile());
  },
  async open(path, how) {
    return fileOf(await open(path, FLAGS[how], FILE_MODE));
  },
  async remove(path) {
    await unlink(path);
  },
  async syncFolder(folder) {
    const handle = await open(folder, O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
};

function fileOf(handle: FileHandle): DiskFile {
  return {
    async write(parts, offset) {
      for (let rest = [...parts]; rest.length > 0; ) {
        let { bytesWritten } = await handle.writev(rest, offset);
        offset += bytesWritten;
        while (rest.length > 0 && bytesWritten >= rest[0]!.length) {
          bytesWritten -= rest[0]!.length;
          rest = rest.slice(1);
        }
        if (bytesWritten > 0) rest[0] = rest[0]!.subarray(bytesWritten);
      }
    },
    async read(target, offset) {
      let filled = 0;
      while (filled < target.length) {
        const { bytesRead } = await handle.read(target, filled, target.length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    size: async () => (await handle.stat()).size,
    truncate: (byteCount) => handle.truncate(byteCount),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
