// SPDX-License-Identifier: Apache-2.0

/** The tenant's token signing keys: RSA, with rollover, and a key that signs but is not published. */

import { createHash, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface SigningKeys {
  readonly current: SigningKey;
  /** A key that is in no key set. */
  readonly unpublished: SigningKey;
  /** The JSON Web Key Set; per-key `issuer` as Entra writes it. */
  published(issuer: string): { keys: Record<string, unknown>[] };
  /** Make a new key and sign with it. The old one stays published unless `forgetOld`. */
  roll(options?: { forgetOld?: boolean }): Promise<SigningKey>;
}

async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 });
  // Entra's key ids are certificate thumbprints, base64url; a stand-in's need only look alike.
  return { kid: createHash('sha1').update(randomBytes(20)).digest('base64url'), privateKey, publicKey };
}

export async function createSigningKeys(): Promise<SigningKeys> {
  let published = [await createSigningKey()];
  const unpublished = await createSigningKey();
  const newest = (): SigningKey => published[published.length - 1] as SigningKey;
  return {
    get current() {
      return newest();
    },
    unpublished,
    published: (issuer) => ({
      keys: published.map((key) => ({
        ...key.publicKey.export({ format: 'jwk' }),
        use: 'sig',
        kid: key.kid,
        x5t: key.kid,
        issuer,
      })),
    }),
    async roll(options = {}) {
      const next = await createSigningKey();
      published = options.forgetOld ? [next] : [...published, next];
      return next;
    },
  };
}
