// SPDX-License-Identifier: Apache-2.0

/**
 * The key that signs for this agent: Ed25519, PKCS #8 in PEM. Made at the first start for the owner only, or given by the
 * operator, also as a credential of systemd, which can be sealed to a TPM.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A key has some 120 bytes. */
const FILE_BYTES_MAX = 16 * 1024;

/** Texts never hold what is in the file. */
export class SealKeyError extends Error {
  override readonly name = 'SealKeyError';
}

/** `credential:NAME` is what systemd loaded for the unit; anything else is a path. Errors: SealKeyError. */
export function sealKeyPath(file: string, environment: NodeJS.ProcessEnv = process.env): string {
  const name = /^(?:credential:|\$\{CREDENTIALS_DIRECTORY\}\/)(.*)$/.exec(file)?.[1];
  if (name === undefined) return file;
  // systemd's own rule for names; a name with a slash would lead elsewhere.
  if (!/^[A-Za-z0-9._-]{1,255}$/.test(name) || name === '.' || name === '..') {
    throw new SealKeyError(`${file}: that is not the name of a credential`);
  }
  const directory = environment['CREDENTIALS_DIRECTORY'];
  if (!directory)
    throw new SealKeyError(`${file}: no credentials were loaded; add LoadCredential=${name}:… to the unit`);
  return `${directory}/${name}`;
}

/** The operator's key. Errors: SealKeyError when there is none, others may read it, or it is of another kind. */
export async function readSealKey(file: string): Promise<KeyObject> {
  const key = await readKey(sealKeyPath(file), file, 0o007);
  if (key === undefined) throw new SealKeyError(`${file} is not there`);
  return key;
}

/** The agent's own key at `path`, made there when there is none. Errors: SealKeyError. */
export async function ownSealKey(path: string): Promise<KeyObject> {
  const known = await readKey(path, path, 0o077);
  if (known !== undefined) return known;
  const aside = `${path}.${randomUUID()}`;
  try {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await withFile(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, async (handle) => {
      await handle.writeFile(pem);
      await handle.sync();
    });
    // Not over one that somebody made meanwhile.
    await link(aside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // A key that a power loss takes away would look like somebody else's afterwards.
    await withFile(dirname(path), constants.O_RDONLY, (handle) => handle.sync());
  } catch (cause) {
    throw new SealKeyError(`${path} cannot be made (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`);
  } finally {
    await rm(aside, { force: true });
  }
  const made = await readKey(path, path, 0o077);
  if (made === undefined) throw new SealKeyError(`${path} was taken away as soon as it was made`);
  return made;
}

async function readKey(path: string, name: string, forbiddenMode: number): Promise<KeyObject | undefined> {
  let pem: string;
  try {
    pem = await withFile(path, constants.O_RDONLY, async (handle) => {
      const found = await handle.stat();
      if (!found.isFile() || found.size > FILE_BYTES_MAX) throw new SealKeyError(`${name} is no key file`);
      if ((found.mode & forbiddenMode) !== 0) throw new SealKeyError(`${name}: others may read it`);
      return handle.readFile('utf8');
    });
  } catch (cause) {
    if (cause instanceof SealKeyError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new SealKeyError(`${name} cannot be read (${code ?? 'unknown'})`);
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // No cause: a parser may quote what it read.
  }
  throw new SealKeyError(`${name} holds no Ed25519 key in PEM (openssl genpkey -algorithm ed25519)`);
}

async function withFile<T>(path: string, flags: number, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, flags, 0o600);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}
