// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { REFUSAL_REASONS } from '../refusal.ts';
import { createHandClock } from '../testing/hand-clock.ts';
import { SecretText } from '../token/secret-text.ts';
import type { TokenVerifier } from '../token/verify.ts';
import { objectIn, readRetryAfter, readTokenAnswer } from './entra-answer.ts';
import { mismatchOf } from './expected-token.ts';
import { askHostForToken } from './host-metadata.ts';
import { type HttpsAnswer, TransportError } from './https-fetch.ts';
import { askForToken, readErrorAnswer } from './token-endpoint.ts';
import { readUserAssertion } from './user-assertion.ts';

const MAX_WAIT_MS = 10 * 60 * 1000;

/** Answers as somebody would write them who means harm: right names, wrong values; or anything at all. */
const value = fc.oneof(fc.anything(), fc.string(), fc.integer(), fc.constant('Bearer'), fc.constant('3599'));
const body = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .dictionary(
      fc.constantFrom(
        ...[
          'access_token',
          'token_type',
          'expires_in',
          'refresh_in',
          'error',
          'error_codes',
          'correlation_id',
          'claims',
        ],
        ...['error_description', '__proto__', 'constructor'],
      ),
      value,
    )
    .map((fields) => {
      try {
        return JSON.stringify(fields) ?? '';
      } catch {
        return '{}';
      }
    }),
);
const answer = fc
  .record({
    status: fc.oneof(fc.constantFrom(200, 201, 301, 400, 401, 404, 410, 429, 500, 503), fc.integer()),
    header: fc.oneof(
      fc.string(),
      fc.constantFrom('1', '999999', '-1', '1e9', 'Infinity', 'Fri, 31 Dec 9999 23:59:59 GMT'),
    ),
    body,
  })
  .map(({ status, header, body: text }): HttpsAnswer => ({ status, header: () => header, body: text }));

test('a token answer is a token or a refusal, whatever it is', () => {
  fc.assert(
    fc.property(body, (text) => {
      const read = readTokenAnswer(text);
      if (read.kind === 'refused') return;
      assert.match(read.token.reveal(), /^[\x21-\x7e]+$/);
      assert.ok(read.expiresInS > 0 && (read.refreshInS ?? 1) > 0);
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(objectIn('[1]'), {});
  assert.equal(readTokenAnswer('{"access_token":"a b","token_type":"Bearer","expires_in":1}').kind, 'refused');
  assert.equal(readTokenAnswer('{"access_token":"a","token_type":"Bearer","expires_in":[9]}').kind, 'refused');
});

test('an error is a refusal with a reason of ours and a bounded wait, and repeats nothing', () => {
  fc.assert(
    fc.property(answer, (hostile) => {
      const read = readErrorAnswer(hostile, Date.now());
      assert.ok(REFUSAL_REASONS.includes(read.reason));
      assert.ok(Number.isSafeInteger(read.aadsts));
      assert.match(read.correlationId, /^([0-9a-f-]{36})?$/i);
      assert.ok((read.retryAfterMs ?? 0) <= MAX_WAIT_MS);
    }),
    { numRuns: 2000 },
  );
  for (const text of ['1e9', '-5', '', 'x', '0']) assert.equal(readRetryAfter(text, 0), undefined, text);
  assert.equal(readRetryAfter('999999', 0), MAX_WAIT_MS);
});

test('nobody who asks is thrown at, by Entra or by the host', async () => {
  const clock = createHandClock();
  const log = { info() {}, warn() {}, error() {} };
  const question = { identity: 'x', tenant: 't', clientId: 'c', fields: {}, proof: async () => 'p' };
  await fc.assert(
    fc.asyncProperty(answer, fc.boolean(), async (hostile, breaks) => {
      const fetch = async () => {
        if (breaks) throw new TransportError('network', 'x');
        return hostile;
      };
      const parts = { authority: 'https://x.example', fetch, clock, log, timeoutMs: 1 };
      assert.ok(['token', 'refused'].includes((await askForToken(question, parts)).kind));
      const host = { origin: 'http://169.254.169.254', fetch, clock, timeoutMs: 1 };
      assert.ok(['token', 'refused'].includes((await askHostForToken('r', undefined, host)).kind));
    }),
    { numRuns: 500 },
  );
});

test('claims and assertions of any shape are told apart without throwing', async () => {
  const expected = { tenant: 't', clientId: 'c', audiences: new Set(['a']), forUser: false, subjectEnd: '/x' };
  const verifier: TokenVerifier = { verify: async () => ({ state: 'verified' }) };
  const target = { tenant: 't', clientId: 'c', identifierUris: [] };
  const clock = createHandClock();
  const claims = fc.dictionary(
    fc.constantFrom('aud', 'tid', 'idtyp', 'oid', 'exp', 'scp', 'azp', 'sub'),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(claims, fc.string(), async (some, noise) => {
      // Nothing that lacks a tenant and a client is what was asked for.
      assert.notEqual(mismatchOf(some, expected), undefined);
      const part = Buffer.from(JSON.stringify(some)).toString('base64url');
      for (const text of [noise, `e30.${part}.x`, `${part}.${part}.${noise}`]) {
        const read = await readUserAssertion(new SecretText(text), target, { verifier, clock });
        if (read.kind === 'user') assert.ok(some['aud'] !== undefined && read.objectId !== '');
      }
    }),
    { numRuns: 1000 },
  );
});
