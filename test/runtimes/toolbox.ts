// SPDX-License-Identifier: Apache-2.0

/**
 * What the matrices of clients (here and in test/identity) install with: Debian's packages, and folders that are built
 * once and made anew when their recipe changes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** A client that this host does not have and could not get; the message says what would bring it. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
}

/** The path of a program or file of a Debian package, which is installed when it is not there. Errors: ToolMissing. */
export function fromDebian(file: string, packageName: string): string {
  const there = found(file);
  if (there !== undefined) return there;
  if (process.getuid?.() !== 0) throw new ToolMissing(`${file} is missing: apt-get install ${packageName}`);
  const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', packageName];
  try {
    perform(install, root);
  } catch {
    // Lists of packages that are older than the package.
    perform(['apt-get', 'update', '-q'], root);
    perform(install, root);
  }
  const installed = found(file);
  if (installed === undefined) throw new ToolMissing(`${packageName} does not bring ${file}`);
  return installed;
}

/** The folder with the files of a Debian package that is not to be installed, as it would start a server. Errors: ToolMissing. */
export function takenOut(packageName: string): string {
  return builtAt(join(root, '.setup/taken-out', packageName), [], (place) => {
    const script = `server=$1 place=$2; work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; chmod 755 "$work"; cd "$work"
      apt-get download -q "$server" || { apt-get update -q && apt-get download -q "$server"; }
      dpkg -x "$server"_*.deb "$place"`;
    perform(['sh', '-ec', script, '-', packageName, place], root);
  });
}

/** Debian's own first: a version manager's stand-in for a program is a script. */
function found(file: string): string | undefined {
  if (file.startsWith('/')) return existsSync(file) ? file : undefined;
  const folders = ['/usr/bin', '/bin', ...(process.env['PATH'] ?? '').split(':')];
  return folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
}

/** The first thing like a version in what it prints. */
export function versionOf(command: readonly string[]): string {
  const [file, ...args] = command as [string, ...string[]];
  const printed = execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return /\d+(?:\.\d+)+[-+\w.]*/.exec(printed)?.[0] ?? '';
}

/** The folder `place` that `build` fills. What was broken off has no stamp, and is made anew. Errors: ToolMissing. */
export function builtAt(place: string, recipe: readonly string[], build: (place: string) => void): string {
  const stampFile = `${place}.stamp`;
  const stamp = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return place;
  rmSync(stampFile, { force: true });
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  build(place);
  writeFileSync(stampFile, stamp);
  return place;
}

/** Of all files below. */
export function contentOf(folder: string): string {
  const hash = createHash('sha256');
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

const SAID_MAX = 600;

/** Runs an installer in `folder` to its end. Errors: ToolMissing with the end of what it printed. */
export function perform(command: readonly string[], folder: string, environment: Record<string, string> = {}): void {
  const [file, ...args] = command as [string, ...string[]];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...environment };
  try {
    execFileSync(file, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stderr, stdout, message } = error as Error & { stderr?: Buffer; stdout?: Buffer };
    const said = `${stdout?.toString() ?? ''}${stderr?.toString() ?? ''}`.trim().slice(-SAID_MAX) || message;
    throw new ToolMissing(`${command.slice(0, 4).join(' ')} failed: ${said}`);
  }
}
