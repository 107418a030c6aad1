// SPDX-License-Identifier: Apache-2.0

/** The file behind a mapping of a process, opened: exactly that one where it can be told, whatever its path is by now. */

import { readlinkSync } from 'node:fs';
import type { FileKey } from '../model/code-image.ts';
import { OpenFile } from './file-reader.ts';
import { kernelDevice, keyText, mappedFiles } from './mapped-files.ts';

export interface MappedImage {
  readonly file: OpenFile;
  /** Device and inode are those of the mapping. Where a file system has device numbers of its own they cannot be. */
  readonly isExact: boolean;
}

/**
 * Ways to the file, the cheapest first: the program's own link, its path in the process's root (which may itself be a folder
 * of its namespace, and then the path leads through it), its mapping. On overlayfs
 * and btrfs stat(2) tells another device than the kernel has: then one of the same inode is taken, else what the path says.
 *
 * Errors  undefined when there is none any more; throws what opening it said otherwise
 */
export function openMapped(pid: number, key: FileKey, path: string, isProgram: boolean): MappedImage | undefined {
  const attempts: OpenFile[] = [];
  let refusal: unknown;
  for (const way of waysTo(pid, key, path, isProgram)) {
    try {
      const file = new OpenFile(way);
      attempts.push(file);
      if (isFile(file, key)) return { file: keepOnly(file, attempts), isExact: true };
    } catch (error) {
      if (!isGone(error)) refusal ??= error;
    }
  }
  const file = attempts.find((one) => one.identity.inode === key.inode) ?? attempts.find((one) => !hasDevice(one, key));
  if (file !== undefined) return { file: keepOnly(file, attempts), isExact: false };
  for (const one of attempts) one.close();
  const own = openExactly(path, key);
  if (own !== undefined) return { file: own, isExact: true };
  if (refusal !== undefined) throw refusal;
  return undefined;
}

/** A process that ended at once has left its file, and the next one is to find it known: here, where its path leads to it. */
function openExactly(path: string, key: FileKey): OpenFile | undefined {
  if (!path.startsWith('/')) return undefined;
  try {
    const file = new OpenFile(path);
    if (isFile(file, key)) return file;
    file.close();
  } catch {
    // In a container, or gone as well.
  }
  return undefined;
}

function* waysTo(pid: number, key: FileKey, path: string, isProgram: boolean): Generator<string> {
  if (isProgram) yield `/proc/${pid}/exe`;
  if (path.startsWith('/')) yield `/proc/${pid}/root${path}`;
  const root = rootOf(pid);
  if (root !== '/' && path.startsWith(`${root}/`)) yield `/proc/${pid}/root${path.slice(root.length)}`;
  const mapping = mappedFiles(pid).find((one) => keyText(one.key) === keyText(key));
  if (mapping !== undefined) yield `/proc/${pid}/map_files/${mapping.range}`;
}

/** Where the root of a process is, as far as that can be said; '/' when it cannot. */
function rootOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return '/';
  }
}

function isFile(file: OpenFile, key: FileKey): boolean {
  return file.identity.inode === key.inode && hasDevice(file, key);
}

function hasDevice(file: OpenFile, key: FileKey): boolean {
  return kernelDevice(file.identity.device) === key.device;
}

function keepOnly(kept: OpenFile, files: readonly OpenFile[]): OpenFile {
  for (const one of files) if (one !== kept) one.close();
  return kept;
}

function isGone(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR';
}
