// SPDX-License-Identifier: Apache-2.0

/** Real programs and libraries, where this host has them; copies of them that a test may write to. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string | undefined;

/** Removed when this process ends. */
export function scratch(): string {
  if (folder === undefined) {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'sworn-probe-')));
    const made = folder;
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return folder;
}

/** The libcrypto of the host's own programs; undefined when it is not of OpenSSL 3. */
export function hostLibcrypto(): string | undefined {
  return libraryOf('/usr/bin/openssl', /=> (\S*libcrypto\.so\.3)/);
}

export function libraryOf(program: string, pattern: RegExp): string | undefined {
  try {
    const linked = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const path = pattern.exec(linked)?.[1];
    return path === undefined ? undefined : realpathSync(path);
  } catch {
    return undefined;
  }
}

let copies = 0;

export function copyOf(path: string, name = `copy-${++copies}`): string {
  const copy = join(scratch(), name);
  copyFileSync(path, copy);
  return copy;
}
