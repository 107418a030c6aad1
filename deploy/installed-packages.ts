// SPDX-License-Identifier: Apache-2.0

/**
 * Names the folders of the npm packages that a running Sworn needs, one a line, for deploy/install: what the lock file
 * does not mark as for development, and what is there on this platform.
 *
 *   bin/node deploy/installed-packages.ts [--without-store]      without embedded ClickHouse, for hosts that only record
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface LockedPackage {
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type Lock = Readonly<Record<string, LockedPackage>>;

/** Wanted by package.json because the native addon is built with them, where it is built. */
const BUILD_ONLY = ['node-gyp', 'node-addon-api'];
const STORE = ['chdb'];

/** Folders below the project, of packages that `leaveOut` does not name and that something else of ours needs. */
export function packageFolders(lock: Lock, leaveOut: readonly string[]): string[] {
  const wanted = new Set<string>();
  const visit = (from: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = lock[from] as LockedPackage;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (from === '' && leaveOut.includes(name)) continue;
      const folder = resolve(lock, from, name);
      if (folder === undefined || wanted.has(folder)) continue;
      wanted.add(folder);
      visit(folder);
    }
  };
  visit('');
  return [...wanted].sort();
}

/** As Node looks for a package: in the folder itself, then in those around it. */
function resolve(lock: Lock, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (Object.hasOwn(lock, candidate)) return candidate;
    if (folder === '') return undefined;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { 'without-store': { type: 'boolean' } } });
  const root = join(import.meta.dirname, '..');
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Lock };
  const leaveOut = [...BUILD_ONLY, ...(values['without-store'] ? STORE : [])];
  for (const folder of packageFolders(packages, leaveOut)) if (existsSync(join(root, folder))) console.log(folder);
}
