// SPDX-License-Identifier: Apache-2.0

/** Is the token that Entra sent the one that was asked for? A genuine token of somebody else must go no further. */

import type { AllowedResource, Identity } from '../policy/policy.ts';
import { audiencesOf } from '../policy/resource.ts';
import { audiencesIn, clientOf, type JsonObject, textClaim } from '../token/compact-token.ts';

export type Mismatch = 'other_tenant' | 'other_audience' | 'other_client' | 'other_object' | 'not_app_only';

const equalIds = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** undefined when all fits. */
export function mismatchOf(claims: JsonObject, identity: Identity, allowed: AllowedResource): Mismatch | undefined {
  if (!equalIds(textClaim(claims, 'tid'), identity.tenant)) return 'other_tenant';
  const audiences = audiencesIn(claims);
  const accepted = audiencesOf(allowed);
  if (audiences.length !== 1 || !accepted.has(audiences[0] ?? '')) return 'other_audience';
  if (!equalIds(clientOf(claims), identity.clientId)) return 'other_client';
  if (identity.objectId !== undefined && !equalIds(textClaim(claims, 'oid'), identity.objectId)) return 'other_object';
  // `idtyp` is not in every token; where it is missing, delegated scopes tell.
  const idtyp = textClaim(claims, 'idtyp');
  if (idtyp === '' ? textClaim(claims, 'scp').trim() !== '' : idtyp !== 'app') return 'not_app_only';
  return undefined;
}
