// SPDX-License-Identifier: Apache-2.0

/**
 * Whose a token is, by its recorded claims: which identity acts, what it is, which blueprint it is made from, and the human
 * for whom it acts. Nothing here is believed or checked: a state says elsewhere whether the claims may be.
 *
 * Source   Microsoft Entra, "Access token claims reference" and "Tokens in Microsoft Entra Agent ID"
 */

import type { Binding } from '../../model/identity.ts';
import { audiencesIn, clientOf, type JsonObject, textClaim } from './compact-token.ts';

export type ClaimedIdentity = Pick<
  Binding,
  | 'identityId'
  | 'kind'
  | 'tenantId'
  | 'blueprintId'
  | 'onBehalfOfId'
  | 'onBehalfOfName'
  | 'audience'
  | 'scopes'
  | 'tokenId'
> & {
  /** Of a user, the name that signs in; '' for others, whose display name anybody in the tenant may choose. */
  readonly userName: string;
};

/** Facets are sets of numbers as text, in any order; what is not known means nothing. */
const AGENT_IDENTITY = '11';
const AGENT_USER = '13';
const AUDIENCE_CHARACTERS_MAX = 512;
const SCOPES_CHARACTERS_MAX = 2048;
const NAME_CHARACTERS_MAX = 256;

/**
 * Shape    v1 (`appid`) and v2 (`azp`) alike; claims that are missing or of another type are ''
 * Who      no user in it: the service principal, `oid`. A user that an agent has of its own: that user. A human behind an
 *          agent, or behind an application that proved itself (`azpacr` 1 or 2): the agent or application, on behalf of the
 *          human. A human at a public client, or in a SAML assertion: the human.
 * Keeps    of an application on behalf of a human no object id is in the token: `identityId` is its client id
 */
export function identityOf(claims: JsonObject): ClaimedIdentity {
  const object = textClaim(claims, 'oid');
  const client = clientOf(claims);
  const blueprintId = textClaim(claims, 'xms_par_app_azp');
  const isAgent = blueprintId !== '' || facets(claims, 'xms_act_fct').has(AGENT_IDENTITY);
  const about = {
    tenantId: textClaim(claims, 'tid'),
    blueprintId,
    audience: audiencesIn(claims).join(' ').slice(0, AUDIENCE_CHARACTERS_MAX),
    scopes: scopesOf(claims),
    tokenId: textClaim(claims, 'uti'),
    onBehalfOfId: '',
    onBehalfOfName: '',
    userName: '',
  };
  if (client === '' && object === '') return { ...about, identityId: '', kind: '' };
  if (isAppOnly(claims)) return { ...about, identityId: object || client, kind: isAgent ? 'agent' : 'app' };
  const userName = userNameOf(claims);
  if (isAgent && facets(claims, 'xms_sub_fct').has(AGENT_USER))
    return { ...about, identityId: object, kind: 'agent-user', userName };
  if (isAgent || isConfidential(claims)) {
    const human = { onBehalfOfId: object, onBehalfOfName: userName };
    return { ...about, ...human, identityId: client, kind: isAgent ? 'agent' : 'app' };
  }
  return { ...about, identityId: object || client, kind: 'user', userName };
}

/**
 * `idtyp` is optional; without it, who has no delegated permission is no user. A SAML assertion has neither, and no client:
 * Entra makes none for applications by themselves.
 */
function isAppOnly(claims: JsonObject): boolean {
  const type = textClaim(claims, 'idtyp');
  if (type === 'app') return true;
  if (type === 'user' || clientOf(claims) === '') return false;
  return delegated(claims).length === 0;
}

/** The client proved with a secret (1), or a certificate or assertion (2), who it is; a public client (0) cannot. */
function isConfidential(claims: JsonObject): boolean {
  const proof = textClaim(claims, 'azpacr') || textClaim(claims, 'appidacr');
  return proof === '1' || proof === '2';
}

/** Agents without delegated permissions have `scp` empty or "/". */
function delegated(claims: JsonObject): string[] {
  return textClaim(claims, 'scp')
    .split(/\s+/)
    .filter((scope) => scope !== '' && scope !== '/');
}

function scopesOf(claims: JsonObject): string {
  const roles = Object.hasOwn(claims, 'roles') ? claims['roles'] : undefined;
  const words = Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [];
  const all = [...new Set([...delegated(claims), ...words])].sort();
  return all.join(' ').slice(0, SCOPES_CHARACTERS_MAX);
}

function facets(claims: JsonObject, name: string): ReadonlySet<string> {
  return new Set(textClaim(claims, name).split(/\s+/));
}

function userNameOf(claims: JsonObject): string {
  for (const name of ['upn', 'preferred_username', 'unique_name', 'name']) {
    const value = textClaim(claims, name);
    if (value !== '') return value.slice(0, NAME_CHARACTERS_MAX);
  }
  return '';
}
