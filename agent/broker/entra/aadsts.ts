// SPDX-License-Identifier: Apache-2.0

/**
 * What an error of Entra's token endpoint means for the broker and for the caller. Entra asks not to branch on its texts;
 * the AADSTS number is used because `error` alone ("invalid_client") does not tell a wrong clock from a wrong certificate.
 * A number that is not here goes by `error`.
 */

import type { RefusalReason } from '../refusal.ts';

export interface EntraErrorMeaning {
  readonly reason: RefusalReason;
  /** An operator has to change something; until then, asking again soon is useless. */
  readonly misconfigured: boolean;
  /** What an operator should look at. */
  readonly advice: string;
}

const meaning = (reason: RefusalReason, advice: string, misconfigured = false): EntraErrorMeaning => ({
  reason,
  misconfigured,
  advice,
});
const misconfigured = (advice: string): EntraErrorMeaning => meaning('identity_misconfigured', advice, true);

const ofUser = (advice: string): EntraErrorMeaning => meaning('user_assertion_refused', advice);

const BY_CODE: Readonly<Record<number, EntraErrorMeaning>> = {
  50013: ofUser('The token of the person is not valid.'),
  50027: misconfigured('The client assertion is not one that Entra can read.'),
  50034: misconfigured('The tenant has no such user, or not as the user of this agent.'),
  50076: meaning('claims_required', 'A conditional access policy asks for more than an application can give.'),
  50079: meaning('claims_required', 'A conditional access policy asks for more than an application can give.'),
  53003: meaning('claims_required', 'A conditional access policy blocks this token.'),
  65001: meaning('consent_missing', 'Grant the application the permission, and consent to it.'),
  70011: meaning('resource_unknown', 'The resource of a binding is not written as the tenant knows it.'),
  70021: misconfigured('No federated credential matches issuer, subject and audience.'),
  82014: misconfigured('An agent identity was used where people sign in.'),
  90002: misconfigured('The tenant of the identity does not exist.'),
  500011: meaning('resource_unknown', 'The resource of a binding is not known in the tenant.'),
  500131: ofUser('The token of the person was made for another application.'),
  500133: ofUser('The token of the person has ended, or has not begun.'),
  700016: misconfigured('The client id of the identity is not known in the tenant.'),
  700021: misconfigured('The client assertion was made for another application.'),
  700023: misconfigured('The client assertion was made for another endpoint: look at the authority.'),
  700024: meaning('clock_drift', 'The clock of this host is too far from the time of the tenant.'),
  700027: misconfigured('The certificate of the identity is not registered, or its key does not fit.'),
  700211: misconfigured('No federated credential has this issuer.'),
  700212: misconfigured('No federated credential has this audience.'),
  700213: misconfigured('No federated credential has this subject.'),
  1002012: meaning('resource_unknown', 'The resource of a binding is not written as the tenant knows it.'),
  7000114: ofUser('The token is not of a person.'),
  7000215: misconfigured('The client secret of the identity is wrong.'),
  7000222: misconfigured('The client secret of the identity has expired.'),
  7002131: misconfigured('No federated credential expression matches.'),
};

const BY_ERROR: Readonly<Record<string, EntraErrorMeaning>> = {
  interaction_required: meaning('claims_required', 'The tenant wants somebody to sign in.'),
  invalid_resource: meaning('resource_unknown', 'The resource of a binding is not known in the tenant.'),
  invalid_scope: meaning('resource_unknown', 'The resource of a binding is not written as the tenant knows it.'),
  temporarily_unavailable: meaning('upstream_unavailable', 'The tenant does not answer at the moment.'),
};

const OTHERWISE = misconfigured('The tenant refuses the credential of the identity.');

export const KNOWN_AADSTS_CODES: readonly number[] = Object.keys(BY_CODE).map(Number);

export function meaningOf(code: number | undefined, error: string): EntraErrorMeaning {
  const byCode = code === undefined ? undefined : BY_CODE[code];
  return byCode ?? (Object.hasOwn(BY_ERROR, error) ? BY_ERROR[error] : undefined) ?? OTHERWISE;
}
