// SPDX-License-Identifier: Apache-2.0

/** Looks for secrets in bytes, in every way in which they are commonly written. */
import { readFileSync } from 'node:fs';

export interface Sighting {
  readonly secret: string;
  /** How it was written there. */
  readonly written: string;
  readonly place: string;
}

/** Not shorter: four characters stand anywhere by chance. */
const SOUGHT_LENGTH_MIN = 10;

/**
 * As it is, percent-encoded, escaped, hexadecimal, as UTF-16, and in base64 wherever it begins in a group of three bytes. Secrets
 * are ASCII.
 */
export function waysToWrite(secret: string): ReadonlyMap<string, string> {
  const bytes = Buffer.from(secret);
  const ways = new Map([
    ['as it is', secret],
    ['percent-encoded', encodeURIComponent(secret)],
    ['percent-encoded, lower case', encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['with escaped slashes', secret.replaceAll('/', '\\/')],
    ['hexadecimal', bytes.toString('hex')],
    ['UTF-16LE', bytes.toString('latin1').replaceAll(/./gs, '$&\0')],
  ]);
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    for (const encoding of ['base64', 'base64url'] as const) {
      // Characters at either end depend on the neighbours of the secret.
      const whole = shifted.toString(encoding).replaceAll('=', '');
      const inner = whole.slice(shift === 0 ? 0 : shift + 1, shifted.length % 3 === 0 ? undefined : -1);
      ways.set(`${encoding}, ${shift} behind a group`, inner);
    }
  }
  return ways;
}

export function sightings(place: string, content: Buffer, secrets: ReadonlyMap<string, string>): Sighting[] {
  const seen: Sighting[] = [];
  for (const [secret, value] of secrets) {
    for (const [written, sought] of waysToWrite(value)) {
      if (sought.length >= SOUGHT_LENGTH_MIN && content.includes(sought)) seen.push({ secret, written, place });
    }
  }
  return seen;
}

/** What a file has; nothing when it is gone by now: the store merges its parts and drops the old ones while it is looked at. */
export function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
