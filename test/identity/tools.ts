// SPDX-License-Identifier: Apache-2.0

/**
 * How the clients of the matrix are had: packages of npm, PyPI, Go, Maven and crates of pinned versions, by the ordinary
 * programs of each. What is built is kept in `.setup/identity` until its recipe or its source changes.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtAt, contentOf, fromDebian, perform, root, versionOf } from '../runtimes/toolbox.ts';
import { pythonHasVenv } from '../runtimes/tools.ts';

const cache = join(root, '.setup/identity');
export const clients = join(import.meta.dirname, 'clients');

const built = (name: string, recipe: readonly string[], build: (place: string) => void): string =>
  builtAt(join(cache, name), recipe, build);

export interface NpmPackage {
  /** A folder from which the package is found. */
  readonly folder: string;
  readonly version: string;
}

/** The one of our own node_modules when that is the version. Errors: ToolMissing. */
export function npmPackage(name: string, version: string): NpmPackage {
  if (npmVersion(root, name) === version) return { folder: root, version };
  const folder = built(`npm-${name.replaceAll(/[@/]+/g, '-')}-${version}`, [], (place) => {
    writeFileSync(join(place, 'package.json'), '{"private":true}');
    const quietly = ['--no-audit', '--no-fund', '--ignore-scripts'];
    perform(['npm', 'install', ...quietly, `${name}@${version}`], place);
  });
  return { folder, version: npmVersion(folder, name) ?? '' };
}

function npmVersion(folder: string, name: string): string | undefined {
  const file = join(folder, 'node_modules', name, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : undefined;
}

/** Debian's Python in a virtual environment of its own, with these packages. Errors: ToolMissing. */
export function pythonWith(name: string, requirements: readonly string[]): string {
  fromDebian('/usr/bin/python3', 'python3');
  if (!pythonHasVenv()) fromDebian('/usr/share/python-wheels', 'python3-venv');
  const folder = built(`python-${name}`, requirements, (place) => {
    perform(['/usr/bin/python3', '-m', 'venv', place], root);
    perform([join(place, 'bin/pip'), 'install', '--quiet', '--only-binary', ':all:', ...requirements], root);
  });
  return join(folder, 'bin/python');
}

/** A static program without symbols, of one of the folders below clients/go. Errors: ToolMissing. */
export function goProgram(name: string): string {
  const go = fromDebian('go', 'golang-go');
  const source = join(clients, 'go');
  const folder = built(`go-${name}`, [versionOf([go, 'version']), contentOf(source)], (place) => {
    const build = [go, 'build', '-trimpath', '-ldflags', '-s -w', '-o', `${place}/`, `./${name}`];
    perform(build, source, { CGO_ENABLED: '0' });
  });
  return join(folder, name);
}

/** Errors: ToolMissing. */
export function rustProgram(): string {
  const cargo = fromDebian('cargo', 'cargo-web');
  const source = join(clients, 'rust');
  const folder = built('rust', [versionOf([cargo, '--version']), contentOf(source)], (place) => {
    cpSync(source, place, { recursive: true });
    perform([cargo, 'build', '--release'], place, { CARGO_TARGET_DIR: join(place, 'target') });
  });
  return join(folder, 'target/release/identity');
}

/** The class path of the client with its libraries. Errors: ToolMissing. */
export function javaClassPath(): string {
  fromDebian('javac', 'openjdk-17-jdk-headless');
  const maven = fromDebian('mvn', 'maven');
  const source = join(clients, 'java');
  const folder = built('java', [versionOf(['javac', '-version']), contentOf(source)], (place) => {
    const jars = join(place, 'jars');
    cpSync(join(source, 'pom.xml'), join(place, 'pom.xml'));
    perform([maven, '-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], place);
    const files = readdirSync(join(source, 'src')).map((name) => join(source, 'src', name));
    perform(['javac', '-cp', `${jars}/*`, '-d', join(place, 'classes'), ...files], root);
  });
  return `${join(folder, 'classes')}:${join(folder, 'jars')}/*`;
}
