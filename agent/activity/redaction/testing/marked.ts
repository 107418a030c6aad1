// SPDX-License-Identifier: Apache-2.0

/**
 * Cases of redaction as a person reads them: secrets stand between « and ». The marks that they must become are made with
 * node:crypto's own HMAC, not with ours.
 */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import type { Exchange } from '../../../protocol/decoder.ts';
import { Redactor } from '../redactor.ts';

export const KEY = Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + 3) & 0xff);

export function redactor(): Redactor {
  return new Redactor(KEY);
}

export function markOf(secret: string): string {
  return `[redacted:${createHmac('sha256', KEY).update(secret).digest('hex').slice(0, 12)}]`;
}

export function tokenMarkOf(token: string): string {
  return `[token:${createHash('sha256').update(token).digest('hex')}]`;
}

/** What stands in the case, without its signs. */
export function plainOf(marked: string): string {
  return marked.replaceAll(/[«»]/g, '');
}

/** The case as it has to come out. JSON Web Tokens are known by their form. */
export function expectedOf(marked: string): string {
  return marked.replaceAll(/«([^»]*)»/g, (_, secret: string) =>
    /^eyJ[\w-]+\.[\w-]*\.[\w-]+/.test(secret) ? tokenMarkOf(secret) : markOf(secret),
  );
}

/** The secrets of a case. */
export function secretsOf(marked: string): string[] {
  return [...marked.matchAll(/«([^»]*)»/g)].map((match) => match[1] as string);
}

/** Asserts that a text comes out as its case says, also as a payload, and that nothing is found in it again. */
export function assertText(marked: string): void {
  const text = plainOf(marked);
  const expected = expectedOf(marked);
  const clean = redactor().text(text);
  assert.equal(clean, expected);
  const payload = Buffer.from(redactor().bytes(Buffer.from(text))).toString('utf8');
  assert.equal(payload, expected, 'as a payload');
  assert.equal(redactor().text(clean), clean, 'once more');
}

/** An exchange of which only some texts matter. */
export function exchangeOf(about: Partial<Exchange>): Exchange {
  const nothing = { bytes: new Uint8Array(0), totalBytes: 0 };
  return {
    operation: '',
    target: '',
    resource: '',
    statement: '',
    statementShape: '',
    parameters: '',
    request: nothing,
    response: nothing,
    status: 'ok',
    errorCode: '',
    errorMessage: '',
    requestBytes: 0,
    responseBytes: 0,
    truncated: false,
    attributes: {},
    requestAt: 0,
    requestEndAt: 0,
    responseAt: 0,
    responseEndAt: 0,
    ...about,
  };
}
