// SPDX-License-Identifier: Apache-2.0

/**
 * Cgroups (v2) as freezing needs them. Paths are those of /proc/PID/cgroup: from the root of the hierarchy, with a leading
 * slash. Every call may fail because what it is about is gone; that is the caller's to judge.
 *
 * Source   Linux, Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze", "cgroup.events", "cgroup.procs"
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Deeper than anything that runs something; the kernel's own default is no bound at all. */
const DEPTH_MAX = 32;

export class Cgroups {
  readonly #root: string;

  /** Where the hierarchy is mounted. */
  constructor(root: string) {
    this.#root = root;
  }

  /** '' for a process that is gone or outside of what can be seen from here. */
  of(pid: number): string {
    try {
      const path = /^0::(\/.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
      return path.includes('/..') || path.endsWith(' (deleted)') ? '' : path;
    } catch {
      return '';
    }
  }

  /** The processes in it and below it. */
  processesBelow(path: string, depth = 0): number[] {
    const pids = this.processesIn(path);
    if (depth === DEPTH_MAX) return pids;
    for (const entry of readdirSync(this.#at(path), { withFileTypes: true })) {
      if (entry.isDirectory()) pids.push(...this.#below(join(path, entry.name), depth + 1));
    }
    return pids;
  }

  processesIn(path: string): number[] {
    return readFileSync(this.#at(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  }

  /** What is asked for, and not yet what is reached. The root cannot be frozen. */
  isToBeFrozen(path: string): boolean {
    return path !== '/' && readFileSync(this.#at(path, 'cgroup.freeze'), 'utf8').trim() === '1';
  }

  setFrozen(path: string, frozen: boolean): void {
    writeFileSync(this.#at(path, 'cgroup.freeze'), frozen ? '1' : '0');
  }

  make(path: string): void {
    mkdirSync(this.#at(path));
  }

  remove(path: string): void {
    rmdirSync(this.#at(path));
  }

  move(pid: number, path: string): void {
    writeFileSync(this.#at(path, 'cgroup.procs'), String(pid));
  }

  #below(path: string, depth: number): number[] {
    try {
      return this.processesBelow(path, depth);
    } catch {
      // Removed meanwhile: then it was empty.
      return [];
    }
  }

  #at(...path: string[]): string {
    return join(this.#root, ...path);
  }
}
