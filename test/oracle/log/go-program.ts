// SPDX-License-Identifier: Apache-2.0

/** Programs of the folders beside this file, that share no code with ours: built by Go when a test wants them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const PATH = [process.env['PATH'], '/usr/local/go/bin', '/usr/lib/go/bin'].join(delimiter);
const environment = { ...process.env, PATH, GOFLAGS: '-mod=readonly' };

/** Why there is no Go here; false when there is. */
export function whyNoGo(): string | false {
  return spawnSync('go', ['version'], { env: environment }).status === 0 ? false : 'Go is not installed here';
}

export interface GoProgram {
  readonly path: string;
  remove(): void;
}

/** The program in the folder `name` of `among`. Modules are fetched at the first build. Errors: what Go says. */
export function buildGoProgram(name: string, among = import.meta.dirname): GoProgram {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-oracle-'));
  const path = join(folder, name);
  execFileSync('go', ['build', '-o', path, '.'], {
    cwd: join(among, name),
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}
