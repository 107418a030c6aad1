// SPDX-License-Identifier: Apache-2.0

/** What came of one question for a token, whoever was asked. */

import type { RefusalReason } from '../refusal.ts';
import { TOKEN_CHARACTERS_MAX } from '../token/compact-token.ts';
import { SecretText } from '../token/secret-text.ts';

export interface EntraRefused {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** Entra's number, 0 when there is none. */
  readonly aadsts: number;
  readonly correlationId: string;
  readonly misconfigured: boolean;
  /** What an operator should look at. */
  readonly advice: string;
  /** From Retry-After. */
  readonly retryAfterMs?: number | undefined;
  /** Entra did not believe the client's proof (`invalid_client`). */
  readonly proofRefused?: boolean;
  /** One word, where ours is more exact than `reason`. */
  readonly cause?: string;
}

export interface EntraToken {
  readonly kind: 'token';
  readonly token: SecretText;
  readonly expiresInS: number;
  readonly refreshInS?: number;
}

export type EntraAnswer = EntraToken | EntraRefused;

/** Nobody is sent away for longer than this, whatever Retry-After says. */
const RETRY_AFTER_MS_MAX = 10 * 60 * 1000;

export function refusedFor(
  answer: Pick<EntraRefused, 'reason' | 'advice'> & Partial<Omit<EntraRefused, 'kind'>>,
): EntraRefused {
  return { kind: 'refused', aadsts: 0, correlationId: '', misconfigured: false, ...answer };
}

/** The object that a body is, or {}. Never throws. */
export function objectIn(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

/** From the header, in seconds or as a date; undefined when there is none that means something. */
export function readRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  // Date.parse takes nearly anything for a date, "-5" too.
  const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} /.test(text) ? Date.parse(text) : Number.NaN;
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : at - nowMs;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MS_MAX) : undefined;
}

const secondsIn = (value: unknown): number =>
  typeof value === 'number' || typeof value === 'string' ? Number(value) : 0;

/** A token answer of Entra or of a host, which writes its numbers as text. Never throws. */
export function readTokenAnswer(text: string): EntraAnswer {
  const body = objectIn(text);
  const token = body['access_token'];
  const expiresInS = secondsIn(body['expires_in']);
  const refreshInS = secondsIn(body['refresh_in']);
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
  return { kind: 'token', token: new SecretText(token), expiresInS, ...(refreshInS > 0 && { refreshInS }) };
}
