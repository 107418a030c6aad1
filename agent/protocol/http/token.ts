// SPDX-License-Identifier: Apache-2.0

/** The characters of names: methods, field names (RFC 9110, section 5.6.2). */
const TOKEN_BYTES = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN_BYTES[character.charCodeAt(0)] = 1;
}

export function isTokenByte(byte: number): boolean {
  return TOKEN_BYTES[byte] === 1;
}

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255 || TOKEN_BYTES[code] !== 1) return false;
  }
  return text.length > 0;
}
