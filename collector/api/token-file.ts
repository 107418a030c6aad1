// SPDX-License-Identifier: Apache-2.0

/** The token by which people and their tools reach the API: made at the first start, in a file that only its owner reads. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { CollectorError } from '../model/error.ts';

const TOKEN_BYTES = 32;
/** A hand-made token shorter than this could be guessed. */
const TOKEN_CHARACTERS_MIN = 32;

export function readOrMakeToken(path: string): string {
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (token.length < TOKEN_CHARACTERS_MIN) {
      throw new CollectorError('config_invalid', `${path}: a token has at least ${TOKEN_CHARACTERS_MIN} characters`);
    }
    return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const token = `sworn_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return token;
}

/** Compares digests, so that time tells neither the length nor how much was right. */
export function sameToken(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
