// SPDX-License-Identifier: Apache-2.0

/** Files that hold credentials: where they are, and reading no more of them than there should be. */

import { open } from 'node:fs/promises';

/** A certificate chain has some 8 KiB, a key or a token less. */
const FILE_BYTES_MAX = 64 * 1024;

// biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own spelling.
const PREFIXES = ['credential:', '${CREDENTIALS_DIRECTORY}/'];

export interface FoundFile {
  readonly text: string;
  /** Permission bits. */
  readonly mode: number;
  /** Another one when the file was changed or put in place anew. */
  readonly version: string;
}

/**
 * The path that `file` of the configuration stands for: `credential:NAME` and `${CREDENTIALS_DIRECTORY}/NAME` are what
 * systemd loaded for the unit (LoadCredential=, LoadCredentialEncrypted=).
 *
 * Errors   Error with a sentence for the operator
 */
export function credentialPath(file: string, environment: NodeJS.ProcessEnv = process.env): string {
  const prefix = PREFIXES.find((start) => file.startsWith(start));
  if (prefix === undefined) return file;
  const name = file.slice(prefix.length);
  // systemd's own rule for names; a name with a slash would lead elsewhere.
  if (!/^[A-Za-z0-9._-]{1,255}$/.test(name) || name === '.' || name === '..') {
    throw new Error(`${file}: that is not the name of a credential`);
  }
  const directory = environment['CREDENTIALS_DIRECTORY'];
  if (!directory) throw new Error(`${file}: no credentials were loaded; add LoadCredential=${name}:… to the unit`);
  return `${directory}/${name}`;
}

/** Errors: of the file system, and Error when it is no file or too large. Texts never hold what is in the file. */
export async function readCredentialFile(file: string): Promise<FoundFile> {
  const handle = await open(credentialPath(file), 'r');
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error(`${file} is no file`);
    if (found.size > FILE_BYTES_MAX) throw new Error(`${file} has more than ${FILE_BYTES_MAX} bytes`);
    const bytes = Buffer.alloc(FILE_BYTES_MAX);
    let used = 0;
    // It may grow meanwhile: never more than there is room for.
    for (let last = 1; last > 0 && used < bytes.length; used += last) {
      ({ bytesRead: last } = await handle.read(bytes, used, bytes.length - used, null));
    }
    const version = [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ');
    return { text: bytes.toString('utf8', 0, used), mode: found.mode & 0o777, version };
  } finally {
    await handle.close();
  }
}
