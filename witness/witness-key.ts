// SPDX-License-Identifier: Apache-2.0

/** The key of a witness: made at its first start, in a file that only its owner reads, never written over. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createVerifier, formatVerifier } from '../proto/log/note.ts';
import { WitnessError } from './witness-error.ts';

const KEY_FILE = 'witness.key';
/** Below the state folder: what was cosigned. */
export const LOGS_FOLDER = 'logs';

/**
 * The key of this state folder; one is made where there is neither key nor state.
 *
 * Errors   WitnessError `key_unusable` for a file that holds no Ed25519 key; `state_lost` for a key whose record of what it
 *          has signed is gone: it could sign what contradicts it
 */
export function readOrMakeKey(stateDir: string): KeyObject {
  const path = join(stateDir, KEY_FILE);
  const logs = join(stateDir, LOGS_FOLDER);
  if (existsSync(path)) {
    if (existsSync(logs)) return readKey(path);
    throw new WitnessError('state_lost', `${path} is there and ${logs} is not: what it has signed is no longer known`);
  }
  // The folder is made before the key: one without the other is then never what a crash left.
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  if (readdirSync(logs).length > 0) throw new WitnessError('state_lost', `${logs} is there and its key ${path} is not`);
  const { privateKey } = generateKeyPairSync('ed25519');
  writeWhole(path, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  return privateKey;
}

function writeWhole(path: string, text: string): void {
  const aside = `${path}.new`;
  const file = openSync(aside, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
}

function readKey(path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (error) {
    // The text of the error may hold some of the file.
    const why = (error as NodeJS.ErrnoException).code ?? 'it holds no private key';
    throw new WitnessError('key_unusable', `${path} cannot be used: ${why}`);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new WitnessError('key_unusable', `${path} holds no Ed25519 key`);
  return key;
}

/** The line by which others know this witness. */
export function witnessKeyLine(name: string, privateKey: KeyObject): string {
  return formatVerifier(createVerifier(name, createPublicKey(privateKey), 'cosignature'));
}
