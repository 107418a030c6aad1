// SPDX-License-Identifier: Apache-2.0

/**
 * Credentials in kept bodies: the fields of OAuth requests and replies in forms and JSON, and JSON Web Tokens anywhere.
 * One pass each over the kept bytes, whatever their size and whatever the content type says, since a token that is
 * served as text/plain is a token all the same.
 *
 * Not looked for: XML, multipart parts, and secrets that neither their name nor their form gives away.
 */
import { isTokenEnvelope, TOKEN_RESPONSE, tokensGiven } from './given-tokens.ts';
import { isSecretParameter, parameterValue } from './secret-parameters.ts';
import { findTokens, hasTokenMark } from './secret-tokens.ts';
import { type FoundSecret, REDACTED } from './secrets.ts';

export interface RedactedContent {
  readonly bytes: Buffer;
  readonly secrets: readonly FoundSecret[];
}

interface Span extends FoundSecret {
  /** What is replaced; the secret may be more than that. */
  readonly from: number;
  readonly to: number;
}

const MARK = Buffer.from(REDACTED);

export function redactContent(bytes: Buffer, contentType: string, inReply = false): RedactedContent {
  if (bytes.length === 0) return { bytes, secrets: [] };
  // One character a byte, so that positions in the text are positions in the bytes.
  const text = bytes.toString('latin1');
  let spans = text.includes('"') ? jsonSecrets(bytes, text, inReply ? 'reply' : 'request') : [];
  if (hasTokenMark(text)) spans = spans.concat(tokenSecrets(bytes, inReply));
  if (isForm(text, contentType)) spans = spans.concat(formSecrets(bytes));
  if (spans.length === 0) return { bytes, secrets: [] };
  const parts: Buffer[] = [];
  let done = 0;
  const secrets: FoundSecret[] = [];
  for (const span of joined(spans)) {
    parts.push(bytes.subarray(done, span.from), MARK);
    done = span.to;
    secrets.push({ kind: span.kind, secret: span.secret });
  }
  parts.push(bytes.subarray(done));
  return { bytes: Buffer.concat(parts), secrets };
}

/** In order of place; of spans that overlap the first stays, and covers the others. */
function joined(spans: readonly Span[]): Span[] {
  const kept: Span[] = [];
  for (const span of spans.toSorted((one, other) => one.from - other.from)) {
    const last = kept.at(-1);
    if (last === undefined || span.from >= last.to) kept.push(span);
    else if (span.to > last.to) kept[kept.length - 1] = { ...last, to: span.to };
  }
  return kept;
}

/** Programs send forms under any type, or none; curl sends anything as a form. */
function isForm(text: string, contentType: string): boolean {
  if (contentType.toLowerCase().startsWith('application/x-www-form-urlencoded')) return true;
  return /^[\w.%+~[\]-]{1,64}=/.test(text);
}

/** A name longer than this is not looked up. */
const FORM_NAME_BYTES_MAX = 64;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;

function formSecrets(bytes: Buffer): Span[] {
  const spans: Span[] = [];
  for (let from = 0; from < bytes.length; ) {
    const ampersand = bytes.indexOf(AMPERSAND, from);
    const to = ampersand < 0 ? bytes.length : ampersand;
    const equals = bytes.subarray(from, Math.min(to, from + FORM_NAME_BYTES_MAX)).indexOf(EQUALS);
    if (equals > 0 && from + equals + 1 < to) {
      const valueFrom = from + equals + 1;
      const name = bytes.toString('latin1', from, from + equals);
      const value = bytes.toString('utf8', valueFrom, to);
      if (isSecretParameter(name, value)) {
        spans.push({ kind: 'http-form', secret: parameterValue(value), from: valueFrom, to });
      }
    }
    from = to + 1;
  }
  return spans;
}

/**
 * Names whose string value is a credential; not "token", which language models say for each word. Up to three
 * backslashes stand before a quote when the JSON is itself a string in JSON, as the results of tools are.
 */
const JSON_SECRET =
  /"(?:(?:[aA]ccess|[rR]efresh|[iI]d|[sS]ession|[sS]ecurity|[bB]earer|[aA]uth|[sS]ubject|[aA]ctor)[_-]?[tT]oken|[cC]lient[_-]?(?:[sS]ecret|[aA]ssertion)|[uU]ser[_-]?[aA]ssertion|assertion|[pP]assword|passwd|[sS]ecret(?:[_-]?[aA]ccess[_-]?[kK]ey|Text|[_-]?[kK]ey)|[aA]pi[_-]?[kK]ey|[pP]rivate[_-]?[kK]ey|device_code)(\\{0,3})"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}(\\{0,3})"/g;

/** Of documents whose kind says that a credential stands under a name that says little. */
const PLAIN_TOKEN_NAME = /"(?:token|clientKeyData)(\\{0,3})"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}(\\{0,3})"/g;

function jsonSecrets(bytes: Buffer, text: string, half: 'request' | 'reply'): Span[] {
  const given = tokensGiven(bytes, text);
  const spans = namedValues(text, JSON_SECRET, bytes, (secret) =>
    half === 'reply' && given?.tokens.has(secret) ? TOKEN_RESPONSE : 'http-json',
  );
  if (given?.hasPlainName) {
    spans.push(
      ...namedValues(text, PLAIN_TOKEN_NAME, bytes, (secret) =>
        half === 'reply' && given.tokens.has(secret) ? TOKEN_RESPONSE : 'http-json',
      ),
    );
  }
  return spans;
}

function namedValues(text: string, name: RegExp, bytes: Buffer, kindOf: (secret: string) => string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(name)) {
    const inValueBefore = match.index < (spans.at(-1)?.to ?? 0);
    if (inValueBefore || match[1] !== match[2]) continue;
    const from = match.index + match[0].length;
    const to = stringEnd(text, from, match[2]!.length);
    if (to <= from) continue;
    const secret = unescaped(bytes.toString('utf8', from, to));
    spans.push({ kind: kindOf(secret), secret, from, to });
  }
  return spans;
}

/**
 * Where a JSON string ends whose quotes stand behind `depth` backslashes (0; 1 in JSON in JSON; 3 one deeper). A quote
 * that belongs to the value has more: each level doubles the backslashes and adds one.
 */
function stringEnd(text: string, from: number, depth: number): number {
  const period = 2 * (depth + 1);
  for (let at = from; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (at - backslashes > from && text.charCodeAt(at - backslashes - 1) === 0x5c) backslashes++;
    if (backslashes % period === depth) return at - depth;
  }
}

/** "a\\/b" is "a/b"; a value that was cut, or lies deeper, stays as it is. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

function tokenSecrets(bytes: Buffer, inReply: boolean): Span[] {
  const kind = inReply && isTokenEnvelope(bytes) ? TOKEN_RESPONSE : 'http-jwt';
  return findTokens(bytes).map(({ start, signatureFrom, end }) => ({
    kind,
    secret: bytes.toString('latin1', start, end),
    from: signatureFrom,
    to: end,
  }));
}
