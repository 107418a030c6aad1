// SPDX-License-Identifier: Apache-2.0

import type { Disk, DiskFile } from './disk.ts';
/**
 * A disk in memory for tests: it can be full, fail, and lose power. What was written and not synced is then kept or lost
 * sector by sector, by a seeded chance, as a real disk does; a file whose folder was not synced may be gone altogether.
 */
import { JournalError } from './journal-error.ts';

const SECTOR_BYTES = 512;

interface Content {
  /** What is on stable storage. */
  stable: Buffer;
  /** What a reader sees. */
  seen: Buffer;
  nameIsStable: boolean;
}

export interface Fault {
  readonly code: 'ENOSPC' | 'EIO';
  /** Fails calls of this kind: a write leaves half of its bytes, a sync leaves everything unsynced. */
  readonly on: 'write' | 'sync' | 'open' | 'read';
}

export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Content>();
  /** Removed, and the folder not synced since: a power loss may bring them back. */
  readonly #removed = new Map<string, Buffer>();
  readonly #locks = new Set<string>();
  fault: Fault | undefined;
  free = Number.POSITIVE_INFINITY;
  /** Awaited by every write and sync: a slow disk. */
  pause: () => Promise<void> = () => Promise.resolve();
  syncs = 0;
  /** Files that were open when the power went stay out of order. */
  #boot = 0;

  lock(path: string): () => void {
    if (this.#locks.has(path)) throw new JournalError('journal_locked', path);
    this.#locks.add(path);
    return () => this.#locks.delete(path);
  }

  async ensureFolder(): Promise<void> {}

  async list(folder: string): Promise<string[]> {
    return this.names(folder);
  }

  names(folder: string): string[] {
    return [...this.#files.keys()]
      .filter((path) => path.startsWith(folder))
      .map((path) => path.slice(folder.length + 1));
  }

  async open(path: string, how: 'create' | 'change' | 'read'): Promise<DiskFile> {
    this.#failOn('open');
    let content = this.#files.get(path);
    if (content === undefined) {
      if (how === 'read') throw systemError('ENOENT');
      content = { stable: Buffer.alloc(0), seen: Buffer.alloc(0), nameIsStable: false };
      this.#files.set(path, content);
    } else if (how === 'create') throw systemError('EEXIST');
    return this.#fileOf(content);
  }

  async remove(path: string): Promise<void> {
    const content = this.#files.get(path);
    if (content === undefined) throw systemError('ENOENT');
    this.#files.delete(path);
    if (content.nameIsStable) this.#removed.set(path, content.stable);
  }

  async syncFolder(folder: string): Promise<void> {
    this.#failOn('sync');
    for (const [path, content] of this.#files) if (path.startsWith(folder)) content.nameIsStable = true;
    for (const path of this.#removed.keys()) if (path.startsWith(folder)) this.#removed.delete(path);
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  /** The content of a file, to be looked at or changed behind the journal's back. */
  contentOf(path: string): Buffer {
    return this.#files.get(path)!.seen;
  }

  replace(path: string, bytes: Buffer): void {
    this.#files.set(path, { stable: Buffer.from(bytes), seen: Buffer.from(bytes), nameIsStable: true });
  }

  /** The machine goes down. `chance` gives numbers from 0 to 1. */
  losePower(chance: () => number): void {
    this.#locks.clear();
    this.#boot += 1;
    for (const [path, content] of this.#files) {
      if (!content.nameIsStable && chance() < 0.5) {
        this.#files.delete(path);
        continue;
      }
      const size = chance() < 0.5 ? content.seen.length : content.stable.length;
      const after = Buffer.alloc(Math.max(size, content.stable.length));
      content.stable.copy(after);
      for (let at = 0; at < after.length; at += SECTOR_BYTES) {
        if (chance() < 0.5) content.seen.copy(after, at, at, Math.min(at + SECTOR_BYTES, content.seen.length));
      }
      this.replace(path, after);
    }
    for (const [path, bytes] of this.#removed) if (!this.#files.has(path) && chance() < 0.5) this.replace(path, bytes);
    this.#removed.clear();
  }

  /** The process ends, the machine does not: what it wrote stays to be seen, synced or not. */
  kill(): void {
    this.#locks.clear();
    this.#boot += 1;
  }

  #failOn(kind: Fault['on']): void {
    if (this.fault?.on === kind) throw systemError(this.fault.code);
  }

  #fileOf(content: Content): DiskFile {
    const boot = this.#boot;
    const failAfterPowerLoss = () => {
      if (boot !== this.#boot) throw systemError('EIO');
    };
    return {
      write: async (parts, offset) => {
        await this.pause();
        failAfterPowerLoss();
        const bytes = Buffer.concat(parts);
        const fails = this.fault?.on === 'write';
        writeAt(content, fails ? bytes.subarray(0, bytes.length >> 1) : bytes, offset);
        this.#failOn('write');
      },
      read: async (target, offset) => {
        this.#failOn('read');
        return offset < content.seen.length ? content.seen.copy(target, 0, offset) : 0;
      },
      size: async () => content.seen.length,
      truncate: async (byteCount) => {
        const shorter = Buffer.alloc(byteCount);
        content.seen.copy(shorter);
        content.seen = shorter;
      },
      sync: async () => {
        await this.pause();
        failAfterPowerLoss();
        this.#failOn('sync');
        this.syncs += 1;
        content.stable = Buffer.from(content.seen);
      },
      close: async () => {},
    };
  }
}

function writeAt(content: Content, bytes: Buffer, offset: number): void {
  if (content.seen.length < offset + bytes.length) {
    const longer = Buffer.alloc(offset + bytes.length);
    content.seen.copy(longer);
    content.seen = longer;
  }
  bytes.copy(content.seen, offset);
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
