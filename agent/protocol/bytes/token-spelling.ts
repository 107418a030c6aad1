// SPDX-License-Identifier: Apache-2.0

/**
 * One spelling for one token. The last character of a signature in base64url has bits that mean nothing, and servers
 * ignore these and padding too: the same token can be sent with other characters, and must have the same fingerprint.
 */

/** With padding, and with the characters of ordinary base64, as lenient decoders take it. */
const SIGNATURE = /^[A-Za-z0-9_+/-]*={0,2}$/;

function isHeader(segment: string): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** As its issuer spells it; whatever is no JWT stays as it is. The other two segments are signed as they are spelled. */
export function tokenAsIssued(token: string): string {
  const [header = '', claims = '', signature, ...more] = token.split('.', 4);
  if (signature === undefined || more.length > 0 || !SIGNATURE.test(signature) || !isHeader(header)) return token;
  return `${header}.${claims}.${Buffer.from(signature, 'base64url').toString('base64url')}`;
}
