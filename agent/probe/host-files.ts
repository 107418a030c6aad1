// SPDX-License-Identifier: Apache-2.0

/** Where the programs and libraries of a host are, so that they can be looked at before a workload maps them. */

import { type Dirent, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PROGRAM_FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/bin', '/sbin', '/usr/libexec'];
const LIBRARY_FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/lib', '/lib64'];
/** Folders of libraries hold folders of plugins and of languages, some levels deep. */
const LIBRARY_DEPTH_MAX = 2;
/** A host with a desktop has some 10,000; this many take about ten seconds. */
export const HOST_FILES_MAX = 50_000;
/** Names of what may be code; in folders of libraries most is not. */
const LIBRARY_NAME = /\.so(?:\.[\w.]+)?$|\.node$/;

export interface HostFolders {
  readonly programs: readonly string[];
  readonly libraries: readonly string[];
}

/** The folders of this host: the usual ones, the loader's, and those where packages of others put programs. */
export function hostFolders(): HostFolders {
  const opt = foldersIn('/opt').flatMap((folder) => [folder, join(folder, 'bin')]);
  return {
    programs: distinct([...PROGRAM_FOLDERS, ...opt, dirname(process.execPath)]),
    libraries: distinct([...LIBRARY_FOLDERS, ...loaderFolders('/etc/ld.so.conf', 0)]),
  };
}

/** Paths of files, one folder's at a time; what cannot be read is left out. */
export function* hostFiles(folders: HostFolders): Generator<readonly string[]> {
  for (const folder of folders.programs) yield filesIn(folder).filter((path) => !/\.(?:py|sh|pl|txt|md)$/.test(path));
  for (const folder of folders.libraries) yield* libraryFiles(folder, 0);
}

function* libraryFiles(folder: string, depth: number): Generator<readonly string[]> {
  yield filesIn(folder).filter((path) => LIBRARY_NAME.test(path));
  if (depth < LIBRARY_DEPTH_MAX) for (const inner of foldersIn(folder)) yield* libraryFiles(inner, depth + 1);
}

function filesIn(folder: string): string[] {
  // Links lead to files that are listed themselves, or elsewhere: then what is mapped is looked at when it is mapped.
  return entriesOf(folder)
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name));
}

function foldersIn(folder: string): string[] {
  return entriesOf(folder)
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** What /etc/ld.so.conf names: a folder a line, or other files to include. */
function loaderFolders(path: string, depth: number): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const folders: string[] = [];
  for (const line of text.split('\n').map((one) => one.replace(/#.*/, '').trim())) {
    if (line.startsWith('/')) folders.push(line);
    // Distributions include one folder of files, by a pattern of its names.
    const included = /^include\s+(\S*)\/\*\.conf$/.exec(line)?.[1];
    if (included === undefined || depth > 0) continue;
    const folder = included.startsWith('/') ? included : join(dirname(path), included);
    for (const file of filesIn(folder)) if (file.endsWith('.conf')) folders.push(...loaderFolders(file, depth + 1));
  }
  return folders;
}

/** Each folder once, by what it is: /lib is a link to /usr/lib, and /usr/lib/x86_64-linux-gnu lies in it. */
function distinct(folders: readonly string[]): string[] {
  const real = new Set<string>();
  for (const folder of folders) {
    try {
      real.add(realpathSync(folder));
    } catch {
      // Not on this host.
    }
  }
  return [...real];
}
