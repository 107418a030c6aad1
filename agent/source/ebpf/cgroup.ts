// SPDX-License-Identifier: Apache-2.0

/** The cgroup v2 hierarchy as the file system shows it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where it is mounted, also beside v1 hierarchies; undefined when it is not. */
export function cgroupRoot(): string | undefined {
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  return /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
}

/** A cgroup's id is the inode of its folder; undefined when it does not exist. */
export function cgroupId(path: string): bigint | undefined {
  const root = cgroupRoot();
  if (root === undefined) return undefined;
  try {
    return statSync(join(root, path), { bigint: true }).ino;
  } catch {
    return undefined;
  }
}
