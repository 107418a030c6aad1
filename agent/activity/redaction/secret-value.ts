// SPDX-License-Identifier: Apache-2.0

/** Whether what stands where a secret would be is one. Each test is linear, and most are done after a character or two. */

/** What people and programs write instead of a value. */
const PLACEHOLDER =
  /^(?:null|nil|none|undefined|true|false|yes|no|on|off|empty|required|optional|string|text|varchar|unknown|changed|\*+|x{3,}|X{3,}|\.{2,}|-+|_+|\?+|\$\d{1,4}|:\w{1,64}|@\w{1,64}|%s|%\(\w{1,64}\)s|\$\{[^}]{0,256}\}?|\$[A-Z_][A-Z0-9_]{0,63}|\{\{[^}]{0,256}(?:\}\})?|<[\w /-]{1,64}>|\[(?:redacted|token|filtered|hidden|masked|removed|object)\b.{0,256})$/i;

/** A file that holds the secret, not the secret: where such files are. */
const PATH =
  /^(?:~|\/(?:app|bin|dev|etc|home|keys|media|mnt|opt|private|proc|root|run|secrets|srv|sys|tmp|usr|var|vault))\/[\w./@+-]*$/;
const WEB_ADDRESS = /^https?:\/\//i;

/** What stands where a secret stood before. */
export function isMark(text: string, at: number): boolean {
  return text.startsWith('[redacted:', at) || text.startsWith('[token:', at);
}

/** Of a name and its secret the colon between them, but none of a mark; -1 when there is none. */
export function colonBeforeSecret(text: string, from: number, sign = ':'): number {
  const at = text.indexOf(sign, from);
  const opens = text.lastIndexOf('[', at);
  return at < 0 || (opens >= from && isMark(text, opens)) ? -1 : at;
}

export function isPlaceholder(value: string): boolean {
  if (value.length === 0) return true;
  // No placeholder is longer, and what is longer is not worth a look.
  return value.length <= 300 && PLACEHOLDER.test(value);
}

/** For a name that means a secret. */
export function isSecret(value: string, name: string): boolean {
  if (isPlaceholder(value)) return false;
  const first = value.charCodeAt(0);
  // '/' or '~': a path; `PWD=/home/user` is in every environment.
  if (first === 0x2f || first === 0x7e) return !(PATH.test(value) || /^(?:old)?pwd$/i.test(name));
  return !(WEB_ADDRESS.test(value) && value.length <= 2048);
}

/**
 * For a name that may mean anything: long enough, letters and digits, in one piece. A word, a number, a date, a UUID, a
 * dotted name or a path are none.
 */
export function looksLikeCredential(value: string): boolean {
  if (value.length < 16 || value.length > 8192) return false;
  if (!/^[\w~.+/=%|:-]+$/.test(value) || !/\d/.test(value) || !/[a-z]/i.test(value)) return false;
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return false;
  // Words with numbers between them: a slug, a file name, a path. A credential has a long run without a break.
  return /[A-Za-z0-9+_]{16}/.test(value) || /^[0-9a-f-]{24,}$/i.test(value);
}

/** `pass` is also a result: a number, a verdict, a word of one's own language. */
export function looksLikePassword(value: string): boolean {
  if (isPlaceholder(value) || value.length < 4) return false;
  return !/^[\d.]+%?$/.test(value) && !/^(?:pass(?:ed)?|fail(?:ed)?|skip(?:ped)?|error|ok|warn(?:ing)?)$/i.test(value);
}
