// SPDX-License-Identifier: Apache-2.0

/**
 * What is frozen, on disk before it is: an agent that was killed finds it again. In run_dir, which is in memory: the disk
 * of the journal is full when this is written, and a reboot ends what was frozen.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface FrozenCgroup {
  readonly path: string;
  /** Of a cgroup that was made for this: where its processes were before. */
  readonly home?: string;
}

export class FreezeNote {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Empty when there is none, or none that can be read. */
  read(): FrozenCgroup[] {
    try {
      const read: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      return Array.isArray(read) ? read.filter(isFrozenCgroup) : [];
    } catch {
      return [];
    }
  }

  /** Errors   of the file system */
  write(frozen: readonly FrozenCgroup[]): void {
    if (frozen.length === 0) {
      rmSync(this.#path, { force: true });
      return;
    }
    const next = `${this.#path}.next`;
    writeFileSync(next, JSON.stringify(frozen), { mode: 0o600 });
    renameSync(next, this.#path);
  }
}

function isFrozenCgroup(value: unknown): value is FrozenCgroup {
  if (typeof value !== 'object' || value === null) return false;
  const { path, home } = value as Record<string, unknown>;
  const isPath = (text: unknown) => typeof text === 'string' && text.startsWith('/') && !text.includes('/../');
  return isPath(path) && path !== '/' && (home === undefined || isPath(home));
}
