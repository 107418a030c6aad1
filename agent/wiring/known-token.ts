// SPDX-License-Identifier: Apache-2.0

/** What the broker knows of a token by its fingerprint → the binding that activities get by it. */
import { tokenBinding } from '../activity/token-binding.ts';
import { clientOf, textClaim } from '../broker/token/compact-token.ts';
import type { KnownToken } from '../broker/token-watch.ts';
import type { TokenOf } from '../lineage/token-use.ts';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import type { IdentityNames } from './identity-names.ts';

const STATES = {
  verified: IdentityState.VERIFIED,
  unverifiable: IdentityState.UNVERIFIABLE,
  invalid: IdentityState.INVALID,
} as const;

/** Only what the broker itself had from Entra is of the broker; what a session obtained past it is as good as its signature. */
export function tokenOfBroker(known: (fingerprint: string) => KnownToken | undefined, names: IdentityNames): TokenOf {
  const objectIdOf = (name: string): string => names.objectIdOf(name);
  return (fingerprint) => {
    const token = known(fingerprint);
    if (token?.verification === undefined) return undefined;
    const { claims, issuance, verification } = token;
    const identityName = issuance?.identityName ?? names.nameOf(textClaim(claims, 'tid'), clientOf(claims));
    return tokenBinding(
      {
        fingerprint,
        claims,
        tokenId: textClaim(claims, 'uti'),
        // A token that cannot be read, and that the broker gave out, is of the identity that it was asked for.
        identityId: textClaim(claims, 'oid') || clientOf(claims) || objectIdOf(identityName),
        identityName,
        identityState: STATES[verification.state],
        identitySource: issuance === undefined ? IdentitySource.WIRE : IdentitySource.BROKER,
      },
      objectIdOf,
    );
  };
}
