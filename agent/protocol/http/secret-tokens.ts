// SPDX-License-Identifier: Apache-2.0

/**
 * JSON Web Tokens wherever they stand. Header and claims are worth reading and stay; the signature, without which they
 * open nothing, is replaced.
 *
 * Source   RFC 7515, section 3.1: header.payload.signature, each base64url; a JSON object encoded so starts with eyJ
 */
import { type FoundSecret, REDACTED } from './secrets.ts';

/** Where in `text` a token's signature is, or would be had the text not ended. */
export interface TokenSpan {
  readonly start: number;
  readonly signatureFrom: number;
  readonly end: number;
}

const BASE64URL = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
  BASE64URL[character.charCodeAt(0)] = 1;
}
const DOT = 0x2e;
/** What each token begins with. */
const TOKEN_MARK = 'eyJ';

/** Whether a token may be in a long text. Its last letter is the rare one, and is looked for. */
export function hasTokenMark(text: string): boolean {
  const last = TOKEN_MARK.length - 1;
  for (let at = text.indexOf(TOKEN_MARK[last]!); at >= 0; at = text.indexOf(TOKEN_MARK[last]!, at + 1)) {
    if (text.startsWith(TOKEN_MARK, at - last)) return true;
  }
  return false;
}

/** Takes each byte at most twice, whatever the text: a run of base64url that is no token is passed in one go. */
export function findTokens(bytes: Buffer): TokenSpan[] {
  const spans: TokenSpan[] = [];
  for (let from = 0; ; ) {
    const start = bytes.indexOf(TOKEN_MARK, from, 'latin1');
    if (start < 0) return spans;
    const headerEnd = runEnd(bytes, start);
    if (bytes[headerEnd] !== DOT) {
      from = headerEnd;
      continue;
    }
    const payloadFrom = headerEnd + 1;
    const payloadEnd = runEnd(bytes, payloadFrom);
    if (!bytes.subarray(payloadFrom, payloadFrom + 3).equals(MARK_BYTES) || bytes[payloadEnd] !== DOT) {
      from = payloadFrom;
      continue;
    }
    const end = runEnd(bytes, payloadEnd + 1);
    if (end > payloadEnd + 1) spans.push({ start, signatureFrom: payloadEnd + 1, end });
    from = end;
  }
}

const MARK_BYTES = Buffer.from(TOKEN_MARK);

function runEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && BASE64URL[bytes[at]!] === 1) at++;
  return at;
}

/** Replace the signature of each token in a short text. */
export function redactTokens(text: string, secrets: FoundSecret[]): string {
  if (!text.includes(TOKEN_MARK)) return text;
  const bytes = Buffer.from(text);
  let redacted = '';
  let done = 0;
  for (const span of findTokens(bytes)) {
    redacted += bytes.toString('utf8', done, span.signatureFrom) + REDACTED;
    secrets.push({ kind: 'http-jwt', secret: bytes.toString('utf8', span.start, span.end) });
    done = span.end;
  }
  return redacted + bytes.toString('utf8', done);
}
