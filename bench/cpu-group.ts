// SPDX-License-Identifier: Apache-2.0

/** CPU time of a group of processes and of all that they start, also those that have ended: a cgroup of their own. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class CpuGroup {
  readonly #folder: string;

  constructor(name: string) {
    const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
    if (mount === undefined) throw new Error('there is no cgroup v2 hierarchy');
    this.#folder = join(mount, `sworn-bench-${process.pid}-${name}`);
    mkdirSync(this.#folder);
  }

  /** A process writes its pid here to belong to the group. */
  get procsPath(): string {
    return join(this.#folder, 'cgroup.procs');
  }

  take(pid: number): void {
    writeFileSync(this.procsPath, String(pid));
  }

  usedUs(): number {
    return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(this.#folder, 'cpu.stat'), 'utf8'))?.[1]);
  }

  /** Errors: EBUSY while a process of it lives. */
  remove(): void {
    rmdirSync(this.#folder);
  }
}
