// SPDX-License-Identifier: Apache-2.0

/** One question to Entra's token endpoint and what its answer means. No cache, no retry but one: see `askForToken`. */

import type { Clock } from '../clock.ts';
import type { BrokerLog } from '../log.ts';
import type { Identity } from '../policy/policy.ts';
import type { RefusalReason } from '../refusal.ts';
import { TOKEN_CHARACTERS_MAX } from '../token/compact-token.ts';
import { SecretText } from '../token/secret-text.ts';
import { type EntraErrorMeaning, meaningOf } from './aadsts.ts';
import type { AssertionSigner } from './client-assertion.ts';
import { type HttpsAnswer, type HttpsFetch, TransportError } from './https-fetch.ts';

export type EntraAnswer =
  | { readonly kind: 'token'; readonly token: SecretText; readonly expiresInS: number }
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      /** Entra's number, 0 when there is none. */
      readonly aadsts: number;
      readonly correlationId: string;
      readonly misconfigured: boolean;
      readonly advice: string;
      /** From Retry-After. */
      readonly retryAfterMs?: number;
    };

export interface TokenEndpointParts {
  /** An https origin, without a slash at the end. */
  readonly authority: string;
  readonly fetch: HttpsFetch;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly timeoutMs: number;
}

/** A clock that is further off than this is told to the operator: assertions begin to fail at five minutes. */
const DRIFT_MS_MAX = 4 * 60 * 1000;
/** Nobody is sent away for longer than this, whatever Retry-After says. */
const RETRY_AFTER_MS_MAX = 10 * 60 * 1000;

export function tokenEndpointOf(authority: string, tenant: string): string {
  return `${authority}/${tenant}/oauth2/v2.0/token`;
}

function objectIn(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function refusedFor(answer: Omit<EntraErrorMeaning, 'misconfigured'> & Partial<EntraAnswer>): EntraAnswer {
  return { kind: 'refused', aadsts: 0, correlationId: '', misconfigured: false, ...answer } as EntraAnswer;
}

function readRetryAfter(answer: HttpsAnswer, nowMs: number): number | undefined {
  const text = answer.header('retry-after');
  if (text === undefined) return undefined;
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MS_MAX) : undefined;
}

function readToken(answer: HttpsAnswer): EntraAnswer {
  const body = objectIn(answer.body);
  const token = body['access_token'];
  const expiresInS = Number(body['expires_in']);
  if (
    typeof token !== 'string' ||
    !/^[\x21-\x7e]+$/.test(token) ||
    token.length > TOKEN_CHARACTERS_MAX ||
    String(body['token_type']).toLowerCase() !== 'bearer' ||
    !(expiresInS > 0)
  ) {
    return refusedFor({
      reason: 'upstream_unavailable',
      advice: 'The tenant answered with something that is no token.',
    });
  }
  return { kind: 'token', token: new SecretText(token), expiresInS };
}

function readError(answer: HttpsAnswer, nowMs: number): EntraAnswer {
  const body = objectIn(answer.body);
  const codes = body['error_codes'];
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined;
  const aadsts = typeof first === 'number' && Number.isSafeInteger(first) ? first : 0;
  const correlationId = /^[0-9a-f-]{36}$/i.test(String(body['correlation_id'])) ? String(body['correlation_id']) : '';
  const retryAfterMs = readRetryAfter(answer, nowMs);
  const shared = { aadsts, correlationId, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (answer.status === 429) {
    return refusedFor({ ...shared, reason: 'upstream_throttled', advice: 'The tenant throttles this identity.' });
  }
  if (answer.status >= 500 || answer.status < 400) {
    return refusedFor({ ...shared, reason: 'upstream_unavailable', advice: `The tenant answered ${answer.status}.` });
  }
  return refusedFor({ ...shared, ...meaningOf(aadsts, String(body['error'])) });
}

/**
 * Ask Entra for a token of `identity` for `resource` (a name from the configuration).
 *
 * Errors   never throws: what went wrong is an answer
 * Retries  once, when Entra finds the assertion out of its time: with a new one, dated by Entra's clock
 */
export async function askForToken(
  identity: Identity,
  signer: AssertionSigner,
  resource: string,
  parts: TokenEndpointParts,
): Promise<EntraAnswer> {
  const endpoint = tokenEndpointOf(parts.authority, identity.tenant);

  async function ask(nowMs: number): Promise<HttpsAnswer> {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: identity.clientId,
      scope: `${resource}/.default`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await signer.sign(identity.clientId, endpoint, nowMs),
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
      parts.log.warn(
        { driftMs: Math.round(driftMs), identity: identity.name },
        'the clock of this host differs from Entra',
      );
    }
    return Number.isFinite(driftMs) ? driftMs : 0;
  }

  try {
    let answer = await ask(parts.clock.wallMs());
    const driftMs = driftOf(answer);
    if (answer.status === 200) return readToken(answer);
    const refused = readError(answer, parts.clock.wallMs());
    if (refused.kind !== 'refused' || refused.aadsts !== 700024) return refused;
    answer = await ask(parts.clock.wallMs() + driftMs);
    return answer.status === 200 ? readToken(answer) : readError(answer, parts.clock.wallMs());
  } catch (error) {
    const kind = error instanceof TransportError ? error.kind : 'failed';
    return refusedFor({ reason: 'upstream_unavailable', advice: `The request to the tenant ended with: ${kind}.` });
  }
}
