// SPDX-License-Identifier: Apache-2.0

/** What the broker tells the agent: each token that it issued, each request that it refused, each token seen in use. */

import type { IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import type { Caller } from './attest/caller-directory.ts';
import type { Obtainment } from './obtained-ledger.ts';
import type { RefusalReason } from './refusal.ts';
import type { JsonObject } from './token/compact-token.ts';
import type { InvalidReason, UnverifiableReason } from './token/verify.ts';

/** Who uses or asked for a token, as far as a record needs it. */
export type TokenHolder = Pick<Caller, 'pid' | 'startNs' | 'selectionName' | 'sessionKey' | 'sessionId'>;

/** A token that the broker handed out: to whom first, and since when. */
export interface Issuance {
  readonly holder: TokenHolder;
  readonly identityName: string;
  readonly issuedAtNs: bigint;
  /** It is a file that all sessions of the holder's workload may use. */
  readonly isForWorkload?: true;
  /** Of a token that does not say whom it is for. */
  readonly identityId?: string;
}

/** Why a token that was seen is not verified, and whether nobody was seen to get it: words with a space between them. */
export type ObservedReason =
  | UnverifiableReason
  | InvalidReason
  | 'origin_unseen'
  | `${UnverifiableReason | InvalidReason} origin_unseen`;

export interface TokenEvent {
  readonly action: TokenAction;
  /** When the request came, or the token was seen; and when the answer was ready. Nanoseconds since 1970. */
  readonly startedAtNs: bigint;
  readonly endedAtNs: bigint;
  /** SHA-256 of the compact token, hexadecimal; '' where there is no token, or only something that is not one. */
  readonly fingerprint: string;
  /** Entra's `uti`. */
  readonly tokenId: string;
  /** Without anything that could be replayed: no signature, no opaque claims. */
  readonly claims: JsonObject;
  readonly audience: string;
  readonly tenantId: string;
  /** The token's own times; 0 where there are none. */
  readonly issuedAtNs: bigint;
  readonly expiresAtNs: bigint;
  /** How it was asked for ("app-service"), or where it was seen ("http-bearer"). */
  readonly interface: string;
  /** Why it was refused, or why it is not verified; '' when all is well. */
  readonly reason: RefusalReason | ObservedReason | '';
  /** A refusal, or a use, that an honest workload does not cause. */
  readonly suspicious: boolean;
  /** Who asked, or who used it; undefined when that could not be made out. */
  readonly caller: TokenHolder | undefined;
  /** Object id where known, else client id; '' when no identity is known. */
  readonly identityId: string;
  /** The configured name; '' for an identity that is not configured. */
  readonly identityName: string;
  readonly identityState: IdentityState;
  readonly identitySource: IdentitySource;
  /** Of an observed token: whom the broker gave it to, the user's own session first. undefined: not from this broker. */
  readonly issuance: Issuance | undefined;
  /** Of an observed token that is not from this broker: the first session that was seen to obtain it. */
  readonly obtainment?: Obtainment | undefined;
  /** How many equal refusals this one stands for; 1 for all but `too_many_requests`. */
  readonly count: number;
  /** What the token is; left out where there is none, or nothing says. */
  readonly tokenKind?: 'jwt' | 'opaque' | 'saml';
  /** Name of the policy by which it was issued or refused. */
  readonly policy?: string;
  /** SHA-256 of the program that asked, hexadecimal. */
  readonly exeSha256?: string;
}
