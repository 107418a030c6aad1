// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps what Node compiled, so that the next start is quick. Never in /tmp, where Node would put it: whoever makes that
 * folder first could put code there that another user's `sworn` runs.
 */
import { mkdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** systemd's CACHE_DIRECTORY, else the user's own cache; nothing when the home is somebody else's, or takes no folder. */
export function keepCompiled(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = cacheFolder(environment);
  if (folder !== undefined) enableCompileCache(folder);
  return folder;
}

function cacheFolder(environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment['CACHE_DIRECTORY'] ?? '';
  try {
    if (given !== '') return madeUnder(given, 'compiled');
    const home = homedir();
    if (statSync(home).uid !== process.getuid?.()) return undefined;
    return madeUnder(home, '.cache', 'sworn', 'compiled');
  } catch {
    return undefined;
  }
}

/** Step by step: where the system takes no folder, as in /proc, Node's own way to make all at once never ends. */
function madeUnder(folder: string, ...names: readonly string[]): string {
  for (const name of ['', ...names]) {
    folder = join(folder, name);
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return folder;
}
