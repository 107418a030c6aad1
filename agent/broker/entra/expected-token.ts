// SPDX-License-Identifier: Apache-2.0

/** Is the token that Entra sent the one that was asked for? A genuine token of somebody else must go no further. */

import { audiencesIn, clientOf, type JsonObject, textClaim } from '../token/compact-token.ts';

export interface ExpectedToken {
  readonly tenant: string;
  readonly clientId: string;
  readonly audiences: ReadonlySet<string>;
  /** Of the service principal or of the user; undefined when it is not known. */
  readonly objectId?: string | undefined;
  /** Acts for a user, else for itself. */
  readonly forUser: boolean;
  /** Client id of the agent's blueprint. */
  readonly blueprint?: string | undefined;
  /** What `sub` ends with. */
  readonly subjectEnd?: string | undefined;
}

export type Mismatch =
  | 'other_tenant'
  | 'other_audience'
  | 'other_client'
  | 'other_object'
  | 'other_blueprint'
  | 'other_subject'
  | 'not_app_only'
  | 'not_for_user';

const equalIds = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** undefined when all fits. */
export function mismatchOf(claims: JsonObject, expected: ExpectedToken): Mismatch | undefined {
  const { objectId, blueprint, subjectEnd } = expected;
  if (!equalIds(textClaim(claims, 'tid'), expected.tenant)) return 'other_tenant';
  const audiences = audiencesIn(claims);
  if (audiences.length !== 1 || !expected.audiences.has(audiences[0] ?? '')) return 'other_audience';
  if (!equalIds(clientOf(claims), expected.clientId)) return 'other_client';
  if (objectId !== undefined && !equalIds(textClaim(claims, 'oid'), objectId)) return 'other_object';
  // An agent's token names its blueprint, an application's does not. That it is missing is no proof of anything: not
  // every resource's tokens are documented to carry it, and the blueprint itself vouched for the agent just before.
  const parent = textClaim(claims, 'xms_par_app_azp');
  if (parent !== '' && !equalIds(parent, blueprint ?? '')) return 'other_blueprint';
  if (subjectEnd !== undefined && !textClaim(claims, 'sub').toLowerCase().endsWith(subjectEnd.toLowerCase())) {
    return 'other_subject';
  }
  // `idtyp` is not in every token; where it is missing, delegated scopes tell.
  const idtyp = textClaim(claims, 'idtyp');
  const forUser = idtyp === '' ? textClaim(claims, 'scp').trim() !== '' : idtyp !== 'app';
  if (forUser === expected.forUser) return undefined;
  return forUser ? 'not_app_only' : 'not_for_user';
}
