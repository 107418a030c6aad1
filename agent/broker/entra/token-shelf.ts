// SPDX-License-Identifier: Apache-2.0

/**
 * One token of one identity for one resource: asked for once however many want it, kept while it has five minutes left,
 * renewed in the background from half of its life on, and not asked for while Entra wants to be left alone.
 */

import type { Clock } from '../clock.ts';
import type { BrokerLog } from '../log.ts';
import type { JsonObject } from '../token/compact-token.ts';
import type { SecretText } from '../token/secret-text.ts';
import type { Verification } from '../token/verify.ts';
import type { BackOff, RefusedAnswer } from './back-off.ts';
import type { EntraRefused } from './entra-answer.ts';

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
  | {
      readonly kind: 'held';
      readonly held: HeldToken;
      /** The token is of use to whoever gets it until then, however long it lives. */
      readonly keptUntilMs: number;
    }
  | RefusedAnswer;

export type Fetched =
  | {
      readonly kind: 'token';
      readonly held: HeldToken;
      /** Wall time from which on a new one should be had. */
      readonly refreshAtMs: number;
      /** The token is kept no longer than this, however long it lives. */
      readonly keptUntilMs: number;
    }
  | EntraRefused;

/** Clients do not keep a token that has less than this left, and neither do we. */
const LEFT_MS_MIN = 5 * 60 * 1000;
/** Refreshing on demand of a client is for tokens older than this: else a client could make us ask Entra at will. */
const REFRESH_AGE_MS_MIN = 30 * 1000;

export interface TokenShelfOptions {
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly fetch: () => Promise<Fetched>;
  /** For what goes wrong with this token. */
  readonly backOff: BackOff;
  /** For what goes wrong with Entra itself; shared by shelves that differ in little. */
  readonly sharedBackOff?: BackOff;
  /** Whose token for what, for the log. */
  readonly named: Readonly<Record<string, string>>;
}

export class TokenShelf {
  #kept: (Fetched & { kind: 'token' }) | undefined;
  #underWay: Promise<TokenAnswer> | undefined;
  readonly #options: TokenShelfOptions;

  constructor(options: TokenShelfOptions) {
    this.#options = options;
  }

  /** `staleFingerprint`: the token with this digest is no longer good, says somebody who tried it. Never throws. */
  async get(staleFingerprint?: string): Promise<TokenAnswer> {
    const kept = this.#kept;
    if (kept !== undefined && this.#isGood(kept, staleFingerprint)) {
      if (this.#options.clock.wallMs() >= kept.refreshAtMs && this.#refused() === undefined) {
        // Nobody waits for it: a failure is in the log, and the token at hand goes on.
        void this.#fetchOnce();
      }
      return { kind: 'held', held: kept.held, keptUntilMs: kept.keptUntilMs };
    }
    return this.#refused() ?? this.#fetchOnce();
  }

  /** Until then it is of use. Wall time; undefined when there is nothing on it. */
  get keptUntilMs(): number | undefined {
    return this.#kept?.keptUntilMs;
  }

  #refused(): RefusedAnswer | undefined {
    return this.#options.backOff.current() ?? this.#options.sharedBackOff?.current();
  }

  #isGood({ held, keptUntilMs }: Fetched & { kind: 'token' }, staleFingerprint: string | undefined): boolean {
    const nowMs = this.#options.clock.wallMs();
    if (Math.min(held.expiresAtMs, keptUntilMs) - nowMs < LEFT_MS_MIN) return false;
    return held.fingerprint !== staleFingerprint || nowMs - held.obtainedAtMs < REFRESH_AGE_MS_MIN;
  }

  #fetchOnce(): Promise<TokenAnswer> {
    this.#underWay ??= this.#fetch().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #fetch(): Promise<TokenAnswer> {
    const { backOff, sharedBackOff, log, named } = this.#options;
    let fetched: Fetched;
    try {
      fetched = await this.#options.fetch();
    } catch (error) {
      // A mistake of ours: nobody gets a token by it, and nobody who does not wait for this is thrown at.
      const cause = error instanceof Error ? error.message : 'unknown';
      log.error({ ...named, cause }, 'asking for a token failed');
      return backOff.failed({ reason: 'broker_failed', misconfigured: false });
    }
    if (fetched.kind === 'token') {
      this.#kept = fetched;
      backOff.succeeded();
      sharedBackOff?.succeeded();
      return { kind: 'held', held: fetched.held, keptUntilMs: fetched.keptUntilMs };
    }
    const isOfEntra = fetched.reason === 'upstream_unavailable' || fetched.reason === 'upstream_throttled';
    const answer = (isOfEntra ? (sharedBackOff ?? backOff) : backOff).failed(fetched);
    const fields = {
      ...named,
      reason: fetched.reason,
      ...(fetched.cause !== undefined && { cause: fetched.cause }),
      aadsts: fetched.aadsts,
      correlationId: fetched.correlationId,
      retryAfterS: answer.retryAfterS,
    };
    if (fetched.misconfigured) log.error(fields, fetched.advice);
    else log.warn(fields, `No token from Entra. ${fetched.advice}`);
    return answer;
  }
}
