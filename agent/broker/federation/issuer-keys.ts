// SPDX-License-Identifier: Apache-2.0

/**
 * The keys of the broker's own issuer. Made at first use and kept in one file of the agent's state, or brought by the operator
 * in PEM. Several are published at a time, so that one can follow another: Entra must be able to fetch a key before the first
 * file is signed with it, and for as long as the last one is valid.
 */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { chown, link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { readCredentialFile } from '../entra/credential-file.ts';
import { BrokerError } from '../errors.ts';
import { CLOCK_SKEW_S } from '../token/verify.ts';

/** Entra recommends five to ten minutes; clients keep what they read for up to five. */
export const ASSERTION_SECONDS = 600;
/** After its successor began to sign: the last file is over, for clocks that differ too. */
const PUBLISHED_AFTER_MS = (ASSERTION_SECONDS + CLOCK_SKEW_S) * 1000;
const MODULUS_BITS = 3072;
const MODULUS_BITS_MIN = 2048;
const VERSION = 1;

export interface IssuerKey {
  /** SHA-256 of the public key (SPKI), base64url. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly signsFromMs: number;
  /** The operator's: published for as long as it stands in the file. */
  readonly isGiven: boolean;
}

export type KeyPlace =
  /** Ours: made when it is not there. */
  | { readonly kind: 'own'; readonly path: string }
  /** Of the operator, PEM: the first key signs, all are published. A path, or `credential:NAME` of systemd. */
  | { readonly kind: 'given'; readonly file: string };

/** By the time that each begins to sign; never empty. */
export type IssuerKeys = readonly [IssuerKey, ...IssuerKey[]];

/** The newest that signs by now. */
export function signingKey(keys: IssuerKeys, nowMs: number): IssuerKey {
  return keys.findLast(({ signsFromMs }) => signsFromMs <= nowMs) ?? keys[0];
}

/** All but those whose successor has signed for so long that no file of theirs is valid. */
export function publishedKeys(keys: IssuerKeys, nowMs: number): readonly IssuerKey[] {
  return keys.filter(({ isGiven }, index) => {
    const next = keys[index + 1];
    return isGiven || next === undefined || next.signsFromMs + PUBLISHED_AFTER_MS > nowMs;
  });
}

/** Errors: BrokerError ISSUER_KEY, which never quotes what is in a file. */
export async function readIssuerKeys(place: KeyPlace): Promise<IssuerKeys> {
  if (place.kind === 'given') return readGiven(place.file);
  return (await readOwn(place.path)) ?? (await makeFirst(place.path));
}

/**
 * A key that signs from `signsFromMs` on, and is published at once.
 *
 * Errors   BrokerError ISSUER_KEY
 */
export async function rollIssuerKey(path: string, nowMs: number, signsFromMs: number): Promise<IssuerKey> {
  const keys = await readIssuerKeys({ kind: 'own', path });
  // One that was to follow and has not signed yet is forgotten: it would come back in the middle.
  const kept = publishedKeys(keys, nowMs).filter((key) => key === signingKey(keys, nowMs) || key.signsFromMs <= nowMs);
  const next = await makeKey(signsFromMs);
  await writeAside(path, [...kept, next], (aside) => rename(aside, path));
  return next;
}

const broken = (why: string): BrokerError => new BrokerError('ISSUER_KEY', why);

async function readGiven(file: string): Promise<IssuerKeys> {
  let text: string;
  try {
    const found = await readCredentialFile(file);
    if ((found.mode & 0o007) !== 0) throw new Error('others may read it');
    text = found.text;
  } catch (cause) {
    throw new BrokerError('ISSUER_KEY', `${file}: ${(cause as Error).message}.`, cause);
  }
  const pems = text.match(/-----BEGIN (?:RSA )?PRIVATE KEY-----[^-]*-----END (?:RSA )?PRIVATE KEY-----/g) ?? [];
  // The first signs: it is the newest.
  const [first, ...more] = pems.map((pem, index) => keyOf(pem, -index, file, true)).reverse();
  if (first === undefined) throw broken(`${file} holds no private key in PEM.`);
  return [first, ...more];
}

interface StoredKeys {
  readonly version: number;
  readonly keys: readonly { readonly signs_from_ms: number; readonly private_key: string }[];
}

async function readOwn(path: string): Promise<IssuerKeys | undefined> {
  let text: string;
  try {
    if (((await stat(path)).mode & 0o077) !== 0) throw new Error('others may read it');
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BrokerError('ISSUER_KEY', `${path}: ${(cause as Error).message}.`, cause);
  }
  const [first, ...more] = storedKeys(text, path);
  if (first === undefined) throw broken(`${path} holds no key.`);
  return [first, ...more];
}

function storedKeys(text: string, path: string): IssuerKey[] {
  let stored: StoredKeys;
  try {
    stored = JSON.parse(text) as StoredKeys;
    if (stored.version !== VERSION) throw new Error('another version');
    return stored.keys
      .map(({ private_key: pem, signs_from_ms: signsFromMs }) => keyOf(String(pem), Number(signsFromMs), path))
      .sort((one, other) => one.signsFromMs - other.signsFromMs);
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    // No cause: a parser quotes what it read.
    throw broken(`${path} is not as it was written.`);
  }
}

function keyOf(pem: string, signsFromMs: number, file: string, isGiven = false): IssuerKey {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    throw broken(`${file}: a key in it cannot be read.`);
  }
  const { modulusLength = 0 } = privateKey.asymmetricKeyDetails ?? {};
  if (privateKey.asymmetricKeyType !== 'rsa' || modulusLength < MODULUS_BITS_MIN)
    throw broken(`${file}: Entra wants RSA keys of at least ${MODULUS_BITS_MIN} bits.`);
  return withId(privateKey, signsFromMs, isGiven);
}

function withId(privateKey: KeyObject, signsFromMs: number, isGiven: boolean): IssuerKey {
  const publicKey = createPublicKey(privateKey);
  const kid = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  return { kid, privateKey, publicKey, signsFromMs, isGiven };
}

async function makeKey(signsFromMs: number): Promise<IssuerKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: MODULUS_BITS });
  return withId(privateKey, signsFromMs, false);
}

/** The agent and an operator's command may both be the first: one of them makes the key, and both have it. */
async function makeFirst(path: string): Promise<IssuerKeys> {
  await writeAside(path, [await makeKey(0)], async (aside) => {
    await link(aside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(aside);
  });
  const keys = await readOwn(path);
  if (keys === undefined) throw broken(`${path} was taken away as soon as it was made.`);
  return keys;
}

/** For the owner of the folder, who is the agent, also where root gives the command. */
async function writeAside(
  path: string,
  keys: readonly IssuerKey[],
  place: (aside: string) => Promise<void>,
): Promise<void> {
  const stored: StoredKeys = {
    version: VERSION,
    keys: keys.map(({ privateKey, signsFromMs }) => ({
      signs_from_ms: signsFromMs,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    })),
  };
  const aside = `${path}.${randomUUID()}`;
  try {
    await writeFile(aside, JSON.stringify(stored), { mode: 0o600, flag: 'wx' });
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(dirname(path));
      await chown(aside, uid, gid);
    }
    await place(aside);
  } catch (cause) {
    await rm(aside, { force: true });
    throw new BrokerError('ISSUER_KEY', `${path}: ${(cause as Error).message}.`, cause);
  }
}
