// SPDX-License-Identifier: Apache-2.0

/**
 * Every way in which the broker says no, in one table: `docs/ERRORS.md` is kept equal to it by a test.
 *
 * The words are chosen for the clients. SDKs take 400 and 403 as final and stop at once, retry 429 and 503 a few times,
 * and treat 404, 405, 410 and 500 as reasons to go on for many seconds; so nothing but 400, 403, 429 and 503 is used. Texts
 * never repeat what the caller sent, and never hold the word that makes an SDK take a 403 for a missing endpoint.
 */

interface RefusalKind {
  readonly status: 400 | 403 | 429 | 503;
  /** OAuth's own word, where it has one. */
  readonly error: 'invalid_request' | 'access_denied' | 'slow_down' | 'temporarily_unavailable';
  /** For the developer of the workload: what to change. */
  readonly message: string;
  /** A refusal that an honest workload does not meet: somebody should look. */
  readonly suspicious: boolean;
}

const badRequest = (message: string): RefusalKind => ({
  status: 400,
  error: 'invalid_request',
  message,
  suspicious: false,
});
const denied = (message: string): RefusalKind => ({ status: 403, error: 'access_denied', message, suspicious: false });
const suspicious = (message: string): RefusalKind => ({ ...denied(message), suspicious: true });
const notNow = (message: string): RefusalKind => ({
  status: 503,
  error: 'temporarily_unavailable',
  message,
  suspicious: false,
});

const REFUSAL_TABLE = {
  malformed_request: badRequest('The request is not one that this endpoint understands.'),
  unknown_path: badRequest('Tokens are handed out at the path of this interface and nowhere else.'),
  method_not_allowed: badRequest('Tokens are asked for with GET.'),
  api_version_unsupported: badRequest('Give api-version=2019-08-01 or a later one.'),
  parameter_repeated: badRequest('A parameter is there more than once.'),
  resource_missing: badRequest('The parameter resource is missing.'),
  resource_malformed: badRequest('The parameter resource is not the name of a resource.'),
  user_assertion_refused: badRequest('The token of the person is not one that this identity can act on behalf of.'),
  too_many_selectors: badRequest('Give at most one of client_id, object_id, principal_id, mi_res_id and msi_res_id.'),
  secret_missing: badRequest('The header X-IDENTITY-HEADER is missing. Send the value of IDENTITY_HEADER in it.'),
  metadata_header_missing: badRequest('The header Metadata is missing. Send Metadata: true.'),
  user_assertion_malformed: badRequest('The user assertion is not a token of a person for this client.'),

  wrong_host: suspicious('The Host header does not name this endpoint.'),
  forwarded_request: suspicious('Forwarded requests are not served.'),
  browser_request: suspicious('Requests of web pages are not served.'),
  secret_wrong: suspicious('The secret is not the one that this workload was given.'),
  challenge_unknown: denied('The file of this proof was used, replaced or is over. Ask again without a proof.'),
  caller_unknown: denied('The process that asks could not be made out.'),
  caller_changed: suspicious('The connection was taken over by another process.'),
  caller_gone: denied('The process that asked has ended.'),
  not_a_workload: denied('The process that asks does not belong to a recorded workload.'),
  session_without_secret: denied('This session was started without access to tokens.'),
  no_binding: denied('No policy lets this process act for an identity.'),
  ambiguous_binding: denied('More than one policy matches this process; exactly one must.'),
  interface_not_allowed: denied('The policy of this workload does not allow this way of asking.'),
  other_identity_requested: denied('The identity that was asked for is not the one that this workload is bound to.'),
  resource_not_allowed: denied('The policy of this workload does not allow this resource.'),
  token_exchange_resource: suspicious('Tokens for exchange are credentials and are not handed out.'),
  resource_unknown: denied('The tenant does not know this resource, or not under this name.'),
  consent_missing: denied('Nobody consented to this identity using the resource.'),
  claims_required: denied('A conditional access policy of the tenant forbids this token.'),
  identity_misconfigured: denied('The tenant does not accept the credential of the bound identity. See the agent log.'),
  blueprint_misconfigured: denied(
    'The tenant does not let the blueprint of the bound identity vouch for it. See the agent log.',
  ),
  on_behalf_of_unsupported: denied('The bound identity is of a kind that acts for nobody else.'),
  answer_rejected: suspicious('The tenant answered with a token that is not the one asked for. See the agent log.'),

  too_many_requests: {
    status: 429,
    error: 'slow_down',
    message: 'This process asks too often. Keep the token until it expires.',
    suspicious: false,
  },

  attestation_unavailable: notNow('Callers cannot be made out at the moment, so nobody gets a token.'),
  caller_unreadable: notNow('What the process that asks runs could not be read.'),
  policy_changed: notNow('The policy was changed while the request was answered. Ask again.'),
  challenge_unavailable: notNow('The file that proves a caller cannot be written at the moment.'),
  record_unavailable: notNow('The record cannot be written at the moment, so nobody gets a token.'),
  upstream_unavailable: notNow('The tenant does not answer at the moment.'),
  upstream_throttled: notNow('The tenant asks to be left alone for a while.'),
  credential_expired: notNow('The credential of the bound identity has expired on this host. See the agent log.'),
  credential_unavailable: notNow('The credential of the bound identity cannot be used now. See the agent log.'),
  clock_drift: notNow('The clock of this host is too far from the clock of the tenant.'),
  broker_failed: notNow('The broker met an error of its own. See the agent log.'),
  stopping: notNow('The broker is stopping.'),
} as const satisfies Record<string, RefusalKind>;

/** A stable word for the cause; it is the `reason` of the record. */
export type RefusalReason = keyof typeof REFUSAL_TABLE;

export const REFUSALS: Readonly<Record<RefusalReason, RefusalKind>> = REFUSAL_TABLE;

export const REFUSAL_REASONS = Object.keys(REFUSAL_TABLE) as readonly RefusalReason[];

/** What the client sees in the body, and what `docs/ERRORS.md` explains. */
export function refusalCode(reason: RefusalReason): string {
  return `SWORN_BROKER_${reason.toUpperCase()}`;
}
