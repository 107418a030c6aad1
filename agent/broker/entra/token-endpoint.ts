// SPDX-License-Identifier: Apache-2.0

/** One question to Entra's token endpoint and what its answer means. No cache, no retry but one: see `askForToken`. */

import type { Clock } from '../clock.ts';
import type { BrokerLog } from '../log.ts';
import { meaningOf } from './aadsts.ts';
import { CredentialProblem } from './assertion-source.ts';
import {
  type EntraAnswer,
  type EntraRefused,
  objectIn,
  readRetryAfter,
  readTokenAnswer,
  refusedFor,
} from './entra-answer.ts';
import { type HttpsAnswer, type HttpsFetch, TransportError } from './https-fetch.ts';

export interface TokenEndpointParts {
  /** An https origin, without a slash at the end. */
  readonly authority: string;
  readonly fetch: HttpsFetch;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly timeoutMs: number;
}

export interface TokenQuestion {
  /** Name of the identity, for the log. */
  readonly identity: string;
  readonly tenant: string;
  readonly clientId: string;
  /** `grant_type`, `scope`, and what else the grant wants. */
  readonly fields: Readonly<Record<string, string>>;
  /** The client assertion for one request. Errors: CredentialProblem. */
  readonly proof: (audience: string, nowMs: number) => Promise<string>;
}

/** A clock that is further off than this is told to the operator: assertions begin to fail at five minutes. */
const DRIFT_MS_MAX = 4 * 60 * 1000;
const OUT_OF_TIME = 700024;

export function tokenEndpointOf(authority: string, tenant: string): string {
  return `${authority}/${tenant}/oauth2/v2.0/token`;
}

/** Never throws, whatever the answer holds. */
export function readErrorAnswer(answer: HttpsAnswer, nowMs: number): EntraRefused {
  const body = objectIn(answer.body);
  const codes = body['error_codes'];
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined;
  const aadsts = typeof first === 'number' && Number.isSafeInteger(first) ? first : 0;
  const given = body['correlation_id'];
  const correlationId = typeof given === 'string' && /^[0-9a-f-]{36}$/i.test(given) ? given : '';
  const shared = { aadsts, correlationId, retryAfterMs: readRetryAfter(answer.header('retry-after'), nowMs) };
  if (answer.status === 429) {
    return refusedFor({ ...shared, reason: 'upstream_throttled', advice: 'The tenant throttles this identity.' });
  }
  if (answer.status >= 500 || answer.status < 400) {
    return refusedFor({ ...shared, reason: 'upstream_unavailable', advice: `The tenant answered ${answer.status}.` });
  }
  const error = typeof body['error'] === 'string' ? body['error'] : '';
  return refusedFor({ ...shared, ...meaningOf(aadsts, error), proofRefused: error === 'invalid_client' });
}

/**
 * Ask Entra for a token.
 *
 * Errors   never throws: what went wrong is an answer
 * Retries  once, when Entra finds the assertion out of its time: with a new one, dated by Entra's clock
 */
export async function askForToken(question: TokenQuestion, parts: TokenEndpointParts): Promise<EntraAnswer> {
  const { identity, tenant, clientId, fields, proof } = question;
  const endpoint = tokenEndpointOf(parts.authority, tenant);

  function ask(assertion: string): Promise<HttpsAnswer> {
    const body = new URLSearchParams({
      client_id: clientId,
      ...fields,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
    return parts.fetch({
      method: 'POST',
      url: new URL(endpoint),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
      timeoutMs: parts.timeoutMs,
    });
  }

  function driftOf(answer: HttpsAnswer): number {
    const driftMs = Date.parse(answer.header('date') ?? '') - parts.clock.wallMs();
    if (Math.abs(driftMs) > DRIFT_MS_MAX) {
      parts.log.warn({ driftMs: Math.round(driftMs), identity }, 'the clock of this host differs from Entra');
    }
    return Number.isFinite(driftMs) ? driftMs : 0;
  }

  const read = (answer: HttpsAnswer): EntraAnswer =>
    answer.status === 200 ? readTokenAnswer(answer.body) : readErrorAnswer(answer, parts.clock.wallMs());

  try {
    const first = await proof(endpoint, parts.clock.wallMs());
    const answer = await ask(first);
    const driftMs = driftOf(answer);
    const meant = read(answer);
    if (meant.kind !== 'refused' || meant.aadsts !== OUT_OF_TIME) return meant;
    const second = await proof(endpoint, parts.clock.wallMs() + driftMs);
    // What somebody else signed is dated by somebody else.
    return second === first ? meant : read(await ask(second));
  } catch (error) {
    if (error instanceof CredentialProblem) {
      return refusedFor({ reason: error.reason, advice: error.message, retryAfterMs: error.retryAfterMs });
    }
    const kind = error instanceof TransportError ? error.kind : 'failed';
    return refusedFor({ reason: 'upstream_unavailable', advice: `The request to the tenant ended with: ${kind}.` });
  }
}
