// SPDX-License-Identifier: Apache-2.0

/**
 * The collector's key: with it it cosigns the checkpoints of agents, and signs those of its own log. Made at the first start,
 * in a file that only its owner reads; the private half leaves this module only as signatures.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createVerifier, type NoteSignature, type NoteVerifier, signText } from '../../proto/log/note.ts';
import { CollectorError, describeError } from '../model/error.ts';

/** The origin of a log, and the name of the key that signs it. */
export function logNameOf(id: string): string {
  return `sworn/${id}`;
}

export class CollectorKey {
  /** Of its signatures under agents' checkpoints (C2SP tlog-cosignature). */
  readonly cosigner: NoteVerifier;
  /** Of its signatures under its own checkpoints. */
  readonly signer: NoteVerifier;
  readonly #privateKey: KeyObject;

  constructor(collectorId: string, privateKey: KeyObject) {
    this.#privateKey = privateKey;
    const [name, publicKey] = [logNameOf(collectorId), createPublicKey(privateKey)];
    this.cosigner = createVerifier(name, publicKey, 'cosignature');
    this.signer = createVerifier(name, publicKey);
  }

  cosign(text: string, timeS: number): NoteSignature {
    return signText(text, this.cosigner.name, this.#privateKey, timeS);
  }

  sign(text: string): NoteSignature {
    return signText(text, this.signer.name, this.#privateKey);
  }
}

/**
 * Shape    PKCS#8 PEM with an Ed25519 key
 * Errors   CollectorError `certificate_invalid`, with nothing of what is in the file
 */
export function readOrMakeCollectorKey(path: string, collectorId: string): CollectorKey {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw keyError(path, describeError(error), error);
    return new CollectorKey(collectorId, makeKey(path));
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw keyError(path, 'it is no private key in PEM');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw keyError(path, 'it is no Ed25519 key');
  return new CollectorKey(collectorId, key);
}

function makeKey(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  try {
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    throw keyError(path, describeError(error), error);
  }
  return privateKey;
}

function keyError(path: string, why: string, cause?: unknown): CollectorError {
  return new CollectorError('certificate_invalid', `the collector's key ${path}: ${why}`, { cause });
}
