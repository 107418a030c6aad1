// SPDX-License-Identifier: Apache-2.0

/** Files that processes have mapped as code, by /proc/PID/maps. */

import { readdirSync, readFileSync } from 'node:fs';
import type { FileKey } from '../model/code-image.ts';

export interface MappedFile {
  readonly key: FileKey;
  /** As the process sees it. */
  readonly path: string;
  /** Its name in /proc/PID/map_files: the way to exactly this file. */
  readonly range: string;
}

/** The kernel writes device numbers as major:minor; inside they are one number, 20 bits of it for the minor. */
const MINOR_VALUES = 2 ** 20;

export function runningPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Each file once. Empty when the process is gone or is none of ours to read. */
export function mappedFiles(pid: number): MappedFile[] {
  let maps: string;
  try {
    maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch {
    return [];
  }
  return parseMaps(maps);
}

/** Shape: start-end flags offset major:minor inode path, one mapping a line (proc(5)). */
export function parseMaps(maps: string): MappedFile[] {
  const files = new Map<string, MappedFile>();
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+-[0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+) +(\/.*)$/.exec(line);
    if (match === null || match[4] === '0') continue;
    const device = parseInt(match[2]!, 16) * MINOR_VALUES + parseInt(match[3]!, 16);
    const key = { device, inode: BigInt(match[4]!) };
    // The bytes of a path are kept as they are; the kernel writes a newline in it as \012.
    const path = Buffer.from(match[5]!, 'latin1').toString('utf8').replaceAll('\\012', '\n');
    if (!files.has(keyText(key))) files.set(keyText(key), { key, path, range: match[1]! });
  }
  return [...files.values()];
}

export function keyText(key: FileKey): string {
  return `${key.device}:${key.inode}`;
}

/** stat(2)'s device number (12 bits of major around 8 bits of minor, the rest above) as the kernel's own. */
export function kernelDevice(statDevice: bigint): number {
  const major = ((statDevice >> 8n) & 0xfffn) | ((statDevice >> 32n) & ~0xfffn & 0xffffffffn);
  const minor = (statDevice & 0xffn) | ((statDevice >> 12n) & 0xffffff00n);
  return Number(major) * MINOR_VALUES + Number(minor);
}
