// SPDX-License-Identifier: Apache-2.0

/** The tiny programs of `triggers/`, compiled when a test first asks for one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, 'triggers');
const built = new Map<string, string>();
let folder: string | undefined;

/** A folder of this test run, removed at its end; others may enter it. */
export function scratchFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'sworn-test-'));
    execFileSync('chmod', ['0755', made]);
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

/** The path of a program: `name`.c, or all that is in the folder `name`. */
export function trigger(name: string): string {
  const before = built.get(name);
  if (before !== undefined) return before;
  const output = join(scratchFolder(), name);
  const whole = join(SOURCES, name);
  const sources = isFolder(whole)
    ? readdirSync(whole)
        .filter((file) => file.endsWith('.c'))
        .map((file) => join(whole, file))
    : [`${whole}.c`];
  const warnings = ['-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter'];
  // Static: nothing but the program itself opens files or makes calls.
  execFileSync('gcc', ['-O1', '-static', '-D_GNU_SOURCE', ...warnings, '-pthread', '-o', output, ...sources]);
  built.set(name, output);
  return output;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
