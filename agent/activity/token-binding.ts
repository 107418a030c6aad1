// SPDX-License-Identifier: Apache-2.0

/** Whose a token is, as the broker tells it → the binding that activities have by it. */
import type { JsonObject } from '../broker/token/compact-token.ts';
import { identityOf } from '../broker/token/identity-claims.ts';
import type { IdentitySource, IdentityState } from '../model/activity.ts';
import type { Binding } from '../model/identity.ts';

/** What the broker knows of a token that it issued or saw; '' where it knows nothing. */
export interface ToldToken {
  readonly fingerprint: string;
  /** As recorded. */
  readonly claims: JsonObject;
  readonly tokenId: string;
  readonly identityId: string;
  readonly identityName: string;
  readonly identityState: IdentityState;
  readonly identitySource: IdentitySource;
}

/**
 * `objectIdOf` says the object id that the configuration has for a name: of an application on behalf of a human none is in
 * the token, where `oid` is the human's.
 */
export function tokenBinding(token: ToldToken, objectIdOf: (name: string) => string = () => ''): Binding {
  const { userName, ...claimed } = identityOf(token.claims);
  const actor = claimed.onBehalfOfId === '' ? token.identityId : objectIdOf(token.identityName) || claimed.identityId;
  return {
    ...claimed,
    tokenId: token.tokenId,
    // A refusal names the identity that was to be had, and an identity that is not believed is left out.
    identityId: token.identityId === '' ? '' : actor,
    identityName: token.identityName || (token.identityId === '' ? '' : userName),
    state: token.identityState,
    source: token.identitySource,
    fingerprint: token.fingerprint,
  };
}
