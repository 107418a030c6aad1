// SPDX-License-Identifier: Apache-2.0

/**
 * Credentials out of texts and payloads, once, before anything is sealed or reaches a disk.
 *
 * A credential is replaced by `[redacted:xxxxxxxxxxxx]`, 12 hex digits of HMAC-SHA-256 under the host's own key: equal
 * credentials stay equal, so that search and joins work, and nobody without the key can try guesses. A token (JWT)
 * becomes `[token:SHA-256]`, the fingerprint that the `tokens` table has.
 *
 * Decoders have taken the credentials of their protocol out already; this finds those that stand in free text. It looks
 * for shapes, so it can miss a secret that looks like any other word.
 */
import { createHmac, hash } from 'node:crypto';

/** Anything below has one of these; most texts have none, and are done after this one look. */
const HINT =
  /eyJ|AKIA|ASIA|gh[pousr]_|github_pat_|xox[abprs]-|PRIVATE KEY|passw|pwd|secret|token|api[-_]?key|accountkey|sig=|identified\s+by|bearer|:\/\/[^\s/@:]{1,256}:/i;

const JWT = /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g;

/** Shapes of issued keys, and places where a secret stands after a name. Group 1 is kept, the secret is group 2. */
const SECRETS: readonly RegExp[] = [
  /()\b((?:AKIA|ASIA)[0-9A-Z]{16})\b/g,
  /()\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b/g,
  /()\b(xox[abprs]-[A-Za-z0-9-]{10,255})/g,
  // scheme://user:secret@host
  /(:\/\/[^\s/@:]{1,256}:)([^\s/@]{1,1024})(?=@)/g,
  // SQL: PASSWORD 'secret', IDENTIFIED BY 'secret', and their doubled quotes
  /(\b(?:password|identified\s+by(?:\s+password)?)\s+)('(?:[^']|''){1,4096}')/gi,
  // name=secret, "name": "secret", name: secret; not a call (md5(…)), which is no literal
  /(\b[\w-]{0,64}(?:passw(?:or)?d|pwd|secret|api[-_]?key|account[-_]?key|access[-_]?token|refresh[-_]?token|id[-_]?token|auth[-_]?token|client[-_]?assertion)["']?\s*[=:]\s*)("(?:[^"\\]|\\.){1,4096}"|'(?:[^'\\]|\\.){1,4096}'|[^\s"',;&<>{}()[\]]{1,4096}(?![\w(]))/gi,
  // --password secret
  /(\s--?[\w-]{0,64}(?:passw(?:or)?d|secret|token|api[-_]?key|access[-_]?key)\s+)([^\s"'-][^\s"']{0,4096})/gi,
  /([?&](?:sig|signature|token|code|key)=)([^\s&"'<>]{1,4096})/gi,
  /(\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic|digest|negotiate|token)\s+)([^\s"'&]{1,8192})/gi,
  /(\bbearer\s+)([A-Za-z0-9._~+/-]{16,8192}=*)/gi,
];

/** Values that stand where a secret would, and are none. */
const NOT_SECRET = /^(?:\$\d+|\?|null|none|true|false|'?\*+'?|\[.*|['"]{2})$/i;

export class Redactor {
  readonly #key: Uint8Array;
  /** Credentials taken out so far. */
  count = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** `text` without credentials; the same string when there were none. */
  text(text: string): string {
    if (text.length < 4 || !HINT.test(text)) return text;
    let clean = text.replace(PRIVATE_KEY, (whole, kind: string) => `-----BEGIN ${kind}-----${this.#token(whole)}`);
    clean = clean.replace(JWT, (jwt) => {
      this.count++;
      return `[token:${hash('sha256', jwt)}]`;
    });
    for (const shape of SECRETS) {
      clean = clean.replace(shape, (whole, kept: string, secret: string) =>
        NOT_SECRET.test(secret) ? whole : kept + this.#replaced(secret),
      );
    }
    return clean;
  }

  /** As `text`, for a payload; bytes that are no text are looked at as Latin-1 and so stay what they are. */
  bytes(bytes: Uint8Array): Uint8Array {
    if (bytes.length < 4) return bytes;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const text = buffer.toString('latin1');
    const clean = this.text(text);
    return clean === text ? bytes : Buffer.from(clean, 'latin1');
  }

  /** Command lines: an option and its secret may be two words. */
  argv(argv: readonly string[]): readonly string[] {
    let secretNext = false;
    return argv.map((word) => {
      const after = secretNext;
      secretNext = SECRET_OPTION.test(word);
      return after && !word.startsWith('-') ? this.#token(word) : this.text(word);
    });
  }

  record(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    let clean: Record<string, string> | undefined;
    for (const name in values) {
      const before = values[name] as string;
      const after = this.text(before);
      if (after === before) continue;
      clean ??= { ...values };
      clean[name] = after;
    }
    return clean ?? values;
  }

  /** Keeps the quotes round a secret, so that the text around it still reads as what it was. */
  #replaced(secret: string): string {
    const quote = secret[0];
    if ((quote === '"' || quote === "'") && secret.at(-1) === quote && secret.length > 1) {
      return quote + this.#token(secret.slice(1, -1)) + quote;
    }
    return this.#token(secret);
  }

  #token(secret: string): string {
    this.count++;
    return `[redacted:${createHmac('sha256', this.#key).update(secret).digest('hex').slice(0, 12)}]`;
  }
}

const SECRET_OPTION = /^--?[\w-]*(?:passw(?:or)?d|secret|token|api[-_]?key|access[-_]?key)$/i;
