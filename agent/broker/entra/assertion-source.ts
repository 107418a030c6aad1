// SPDX-License-Identifier: Apache-2.0

import type { RefusalReason } from '../refusal.ts';

/** Where client assertions come from: the proof that an application is itself. */
export interface AssertionSource {
  /**
   * An assertion for one use: `audience` is the exact URL of the token endpoint.
   *
   * Errors   CredentialProblem when there is none to be had now
   */
  assertion(clientId: string, audience: string, nowMs: number): Promise<string>;
  /** Of the certificate, where there is one. */
  readonly certificateExpiresAtMs?: number;
  /** Lets go of a token or a session, where there is one. */
  close?(): void;
}

/** A credential cannot be used at the moment. The text is for the operator and holds nothing of the credential. */
export class CredentialProblem extends Error {
  override readonly name = 'CredentialProblem';
  readonly reason: RefusalReason;
  /** In milliseconds, when whoever is asked said so. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: RefusalReason, advice: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(advice, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}
