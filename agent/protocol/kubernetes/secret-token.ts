// SPDX-License-Identifier: Apache-2.0

/** Which of the values that are taken out is a token: of the others, passwords and keys, nothing is kept. */
import { findTokens } from '../http/secret-tokens.ts';
import { REDACTED } from '../http/secrets.ts';

/** What API servers take as a token is within the head of a request. */
const TOKEN_LENGTH_MAX = 64 * 1024;

/**
 * The token that a JSON string is: what a TokenReview asks about, whatever it looks like, and a service account's one in a
 * Secret, where it stands in base64.
 *
 * Shape    `json` is the string with its quotes; `names` lead to it, outermost first
 * Errors   undefined for everything else, also of what was cut or has been taken out before
 */
export function tokenOf(json: string, names: readonly string[]): string | undefined {
  if (json.length > TOKEN_LENGTH_MAX) return undefined;
  const text = stringIn(json);
  if (text === undefined || text === '' || text.includes(REDACTED)) return undefined;
  if (names.includes('data')) {
    const value = Buffer.from(text, 'base64');
    return isToken(value) ? value.toString('latin1') : undefined;
  }
  return names.at(-1) === 'token' && !names.includes('stringData') ? text : undefined;
}

function stringIn(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function isToken(bytes: Buffer): boolean {
  const [only] = findTokens(bytes);
  return only !== undefined && only.start === 0 && only.end === bytes.length;
}
