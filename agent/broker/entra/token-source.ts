// SPDX-License-Identifier: Apache-2.0

/**
 * Tokens of the identities, as the rest of the broker gets them: asked for once however many want one, checked before
 * anybody has it, kept in memory while it has five minutes left, and not asked for again while Entra wants to be left alone.
 */

import type { AllowedResource, Identity } from '../policy/policy.ts';
import type { RefusalReason } from '../refusal.ts';
import { fingerprintOf, type JsonObject, readToken, timeClaim } from '../token/compact-token.ts';
import type { SecretText } from '../token/secret-text.ts';
import type { TokenVerifier, Verification } from '../token/verify.ts';
import type { AssertionSigner } from './client-assertion.ts';
import { mismatchOf } from './expected-token.ts';
import { askForToken, type EntraAnswer, type TokenEndpointParts } from './token-endpoint.ts';

export interface HeldToken {
  readonly token: SecretText;
  readonly fingerprint: string;
  /** Empty when the token is not a JWT that can be read. */
  readonly claims: JsonObject;
  /** Never 'invalid': such a token is not held. */
  readonly verification: Verification;
  readonly obtainedAtMs: number;
  readonly expiresAtMs: number;
}

export type TokenAnswer =
  | { readonly kind: 'held'; readonly held: HeldToken }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly retryAfterS: number };

export interface TokenSource {
  /** `staleFingerprint`: the client was told that the token with this digest is no longer good. */
  get(identity: Identity, allowed: AllowedResource, staleFingerprint?: string): Promise<TokenAnswer>;
}

export interface TokenSourceOptions extends TokenEndpointParts {
  readonly signerOf: (identity: Identity) => AssertionSigner;
  readonly verifier: TokenVerifier;
}

/** Clients do not keep a token that has less than this left, and neither do we. */
const LEFT_MS_MIN = 5 * 60 * 1000;
/** Refreshing on demand of a client is for tokens older than this: else a client could make us ask Entra at will. */
const REFRESH_AGE_MS_MIN = 30 * 1000;
const BACK_OFF_MS_MIN = 1000;
const BACK_OFF_MS_MAX = 60 * 1000;
/** Somebody has to change a configuration or a tenant first. */
const BACK_OFF_MISCONFIGURED_MS = 30 * 1000;

interface Refused {
  readonly reason: RefusalReason;
  readonly untilMs: number;
}

/** What is known of one identity at one resource. There are as many as the configuration allows, so nothing is evicted. */
interface Shelf {
  held?: HeldToken;
  underWay?: Promise<TokenAnswer>;
  refused?: Refused;
  failures: number;
}

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { clock, log, verifier, signerOf } = options;
  const shelves = new Map<string, Shelf>();

  function shelfOf(identity: Identity, allowed: AllowedResource): Shelf {
    const key = JSON.stringify([identity.name, allowed.resource, allowed.audiences ?? []]);
    const shelf = shelves.get(key) ?? { failures: 0 };
    shelves.set(key, shelf);
    return shelf;
  }

  /** Seconds are rounded up, so that a client that keeps to them is not refused again. */
  const retryAfterS = (untilMs: number): number => Math.max(1, Math.ceil((untilMs - clock.monotonicMs()) / 1000));

  function refuse(shelf: Shelf, reason: RefusalReason, waitMs: number): TokenAnswer {
    const untilMs = clock.monotonicMs() + waitMs;
    shelf.refused = { reason, untilMs };
    return { kind: 'refused', reason, retryAfterS: retryAfterS(untilMs) };
  }

  function refuseAfter(
    shelf: Shelf,
    identity: Identity,
    allowed: AllowedResource,
    answer: EntraAnswer & { kind: 'refused' },
  ) {
    shelf.failures += 1;
    const growing = Math.min(BACK_OFF_MS_MIN * 2 ** (shelf.failures - 1), BACK_OFF_MS_MAX);
    const waitMs = answer.misconfigured ? BACK_OFF_MISCONFIGURED_MS : Math.max(growing, answer.retryAfterMs ?? 0);
    const fields = {
      identity: identity.name,
      resource: allowed.resource,
      reason: answer.reason,
      aadsts: answer.aadsts,
      correlationId: answer.correlationId,
      waitMs,
    };
    if (answer.misconfigured) log.error(fields, `Entra refused an identity. ${answer.advice}`);
    else log.warn(fields, `No token from Entra. ${answer.advice}`);
    return refuse(shelf, answer.reason, waitMs);
  }

  function reject(shelf: Shelf, identity: Identity, allowed: AllowedResource, cause: string): TokenAnswer {
    log.error(
      { identity: identity.name, resource: allowed.resource, cause },
      'Entra answered with a token that is not the one asked for; it was dropped',
    );
    return refuse(shelf, 'answer_rejected', BACK_OFF_MISCONFIGURED_MS);
  }

  async function fetch(shelf: Shelf, identity: Identity, allowed: AllowedResource): Promise<TokenAnswer> {
    const answer = await askForToken(identity, signerOf(identity), allowed.resource, options);
    if (answer.kind === 'refused') return refuseAfter(shelf, identity, allowed, answer);

    const compact = answer.token.reveal();
    const read = readToken(compact);
    const verification = await verifier.verify(compact, read);
    if (verification.state === 'invalid') return reject(shelf, identity, allowed, verification.reason);
    const claims = read.kind === 'jwt' ? read.claims : {};
    const mismatch = read.kind === 'jwt' ? mismatchOf(claims, identity, allowed) : undefined;
    if (mismatch !== undefined) return reject(shelf, identity, allowed, mismatch);

    const obtainedAtMs = clock.wallMs();
    const exp = timeClaim(claims, 'exp');
    // What Entra says of the token and what the token says of itself: the earlier counts.
    const expiresAtMs = Math.min(obtainedAtMs + answer.expiresInS * 1000, exp === undefined ? Infinity : exp * 1000);
    const held = {
      token: answer.token,
      fingerprint: fingerprintOf(compact),
      claims,
      verification,
      obtainedAtMs,
      expiresAtMs,
    };
    shelf.held = held;
    shelf.failures = 0;
    delete shelf.refused;
    return { kind: 'held', held };
  }

  function isGood(held: HeldToken, staleFingerprint: string | undefined): boolean {
    const nowMs = clock.wallMs();
    if (held.expiresAtMs - nowMs < LEFT_MS_MIN) return false;
    return held.fingerprint !== staleFingerprint || nowMs - held.obtainedAtMs < REFRESH_AGE_MS_MIN;
  }

  return {
    async get(identity, allowed, staleFingerprint) {
      const shelf = shelfOf(identity, allowed);
      const { held, refused } = shelf;
      if (held !== undefined && isGood(held, staleFingerprint)) return { kind: 'held', held };
      if (refused !== undefined && clock.monotonicMs() < refused.untilMs) {
        return { kind: 'refused', reason: refused.reason, retryAfterS: retryAfterS(refused.untilMs) };
      }
      shelf.underWay ??= fetch(shelf, identity, allowed).finally(() => {
        delete shelf.underWay;
      });
      return shelf.underWay;
    },
  };
}
