// SPDX-License-Identifier: Apache-2.0

/**
 * Managed identity in words, the same in all flavours: how its query reads, and the bodies that its clients understand.
 * Source  Azure App Service, "REST endpoint reference" for managed identities; Azure, "How to use managed identities on a VM
 *         to acquire an access token"; which SDK reads which field was tried live
 */

import { type IdentitySelector, SELECTOR_PARAMETERS } from '../policy/selector.ts';
import { REFUSALS, type RefusalReason, refusalCode } from '../refusal.ts';
import { textClaim, timeClaim } from '../token/compact-token.ts';
import type { GrantedToken, RefusedToken } from '../token-desk.ts';

export interface ManagedIdentityQuery {
  readonly resource: string | undefined;
  readonly selectors: readonly IdentitySelector[];
  readonly staleFingerprint: string | undefined;
  readonly problem: RefusalReason | undefined;
}

const PARAMETERS_MAX = 32;

/**
 * `query` is what stands behind the question mark. Names are read without regard to case, as App Service does. Versions
 * differ in what later ones add; dates compare as texts. undefined: the interface has no versions in its query.
 */
export function readQuery(query: string, apiVersionMin: string | undefined): ManagedIdentityQuery {
  const parameters = new Map<string, string>();
  const selectors: IdentitySelector[] = [];
  let problem: RefusalReason | undefined;
  let count = 0;
  for (const [name, value] of new URLSearchParams(query)) {
    count += 1;
    const key = name.toLowerCase();
    if (parameters.has(key)) problem ??= 'parameter_repeated';
    parameters.set(key, value);
    const kind = Object.hasOwn(SELECTOR_PARAMETERS, key) ? SELECTOR_PARAMETERS[key] : undefined;
    if (kind !== undefined) selectors.push({ kind, value });
  }
  if (count > PARAMETERS_MAX) problem ??= 'malformed_request';
  if (apiVersionMin !== undefined && !isVersion(parameters.get('api-version') ?? '', apiVersionMin)) {
    problem ??= 'api_version_unsupported';
  }
  const stale = parameters.get('token_sha256_to_refresh')?.toLowerCase();
  return {
    resource: parameters.get('resource'),
    selectors,
    staleFingerprint: stale !== undefined && /^[0-9a-f]{64}$/.test(stale) ? stale : undefined,
    problem,
  };
}

const isVersion = (text: string, min: string): boolean => /^\d{4}-\d\d-\d\d(?:-preview)?$/.test(text) && text >= min;

/**
 * All fields that some client reads, as texts: JavaScript wants `expires_on`, Python `expires_on` or `expires_in` by
 * flavour, Go either; Arc's clients want the id that they named back; a wrong `expires_in` made clients believe that a token is valid for no time at all.
 */
export function grantedBody(granted: GrantedToken): Record<string, string> {
  const { claims } = granted.held;
  const nowS = Math.floor(granted.nowMs / 1000);
  const expiresIn = String(granted.advertisedSeconds);
  const objectId = textClaim(claims, 'oid') || granted.identity.objectId;
  return {
    access_token: granted.held.token.reveal(),
    client_id: granted.identity.clientId,
    ...(objectId === undefined ? {} : { object_id: objectId }),
    expires_in: expiresIn,
    expires_on: String(nowS + granted.advertisedSeconds),
    ext_expires_in: expiresIn,
    not_before: String(timeClaim(claims, 'nbf') ?? nowS),
    resource: granted.resource,
    token_type: 'Bearer',
  };
}

/** JavaScript reads `message`, then `error_description`; Python `statusCode` and `message`. */
export function refusedBody({
  reason,
  correlationId,
}: Pick<RefusedToken, 'reason' | 'correlationId'>): Record<string, unknown> {
  const { status, error, message } = REFUSALS[reason];
  const text = `${refusalCode(reason)}: ${message}`;
  return { error, error_description: text, message: text, statusCode: status, correlation_id: correlationId };
}

/** Of a 401, which is no refusal: the client is to come back with what the header names. */
export function challengeBody(): Record<string, unknown> {
  const message = 'Send the content of the file that WWW-Authenticate names.';
  return { error: 'unauthorized_client', error_description: message, message, statusCode: 401 };
}
