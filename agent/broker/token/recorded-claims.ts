// SPDX-License-Identifier: Apache-2.0

/**
 * The claims that go into the record: those that say who, for what, by which right and until when. Kept by name, since a
 * claim that is not known could be a credential itself (Entra's `aio`, `rh` and `xms_ftd` are such); of the others only the
 * names are kept, so that nothing is left out silently.
 */

import type { JsonObject } from './compact-token.ts';

const KEPT: ReadonlySet<string> = new Set([
  ...['iss', 'aud', 'sub', 'tid', 'oid', 'uti', 'ver', 'iat', 'nbf', 'exp', 'jti'],
  ...['appid', 'azp', 'appidacr', 'azpacr', 'app_displayname', 'idtyp', 'idp', 'tenant_region_scope'],
  ...['roles', 'scp', 'wids', 'groups', 'hasgroups', 'acr', 'acrs', 'amr', 'xms_cc'],
  ...['name', 'upn', 'unique_name', 'preferred_username', 'ipaddr', 'deviceid'],
  ...['xms_mirid', 'xms_az_rid'],
  ...['xms_act_fct', 'xms_sub_fct', 'xms_tnt_fct', 'xms_idrel', 'xms_par_app_azp'],
]);

/** A value as JSON; longer ones (a user in a thousand groups) are left out and said to be. */
const VALUE_CHARACTERS_MAX = 2048;
/** Kept claims together; tokens of ours have some 900. */
const CLAIMS_CHARACTERS_MAX = 16 * 1024;
const OMITTED_NAMES_MAX = 64;
const NAME_CHARACTERS_MAX = 64;

/** Somebody may put a token into a claim: nothing that begins like one is kept. */
const TOKEN_INSIDE = /eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/;

/**
 * Kept    claims of `KEPT` with their values
 * Adds    `sworn_omitted`: the names of the others, long ones cut, and how many more there were
 * Bounds  at most CLAIMS_CHARACTERS_MAX of values, whatever comes in
 */
export function recordedClaims(claims: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {};
  const tooLong: string[] = [];
  const unknown: string[] = [];
  let room = CLAIMS_CHARACTERS_MAX;
  for (const name of Object.keys(claims)) {
    if (!KEPT.has(name)) {
      unknown.push(name);
      continue;
    }
    const text = JSON.stringify(claims[name]);
    if (text.length <= Math.min(VALUE_CHARACTERS_MAX, room) && !TOKEN_INSIDE.test(text)) {
      kept[name] = claims[name];
      room -= text.length;
    } else {
      tooLong.push(name);
    }
  }
  const shown = unknown
    .slice(0, OMITTED_NAMES_MAX)
    .map((name) => (TOKEN_INSIDE.test(name) ? '?' : name.slice(0, NAME_CHARACTERS_MAX)));
  const more = unknown.length > shown.length ? [`and ${unknown.length - shown.length} more`] : [];
  const omitted = [...tooLong, ...shown, ...more];
  if (omitted.length > 0) kept['sworn_omitted'] = omitted;
  return kept;
}
