// SPDX-License-Identifier: Apache-2.0

/** Words of the questions to Entra's token endpoint. */

import type { Identity } from '../policy/identity.ts';
import type { AllowedResource } from '../policy/policy.ts';
import { TOKEN_EXCHANGE_APP } from '../policy/resource.ts';
import type { TokenQuestion } from './token-endpoint.ts';

/** Where T1, T2 and the tokens of managed identities that stand for an application are for. */
export const TOKEN_EXCHANGE: AllowedResource = {
  resource: 'api://AzureADTokenExchange',
  audiences: [TOKEN_EXCHANGE_APP],
};

export const scopeOf = ({ resource }: AllowedResource): string => `${resource}/.default`;

export const forItself = (allowed: AllowedResource) => ({ grant_type: 'client_credentials', scope: scopeOf(allowed) });

export const forPerson = (allowed: AllowedResource, assertion: string) => ({
  grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  assertion,
  scope: scopeOf(allowed),
  requested_token_use: 'on_behalf_of',
});

/** Who asks. */
export const askedBy = ({
  name,
  tenant,
  clientId,
}: Identity): Pick<TokenQuestion, 'identity' | 'tenant' | 'clientId'> => ({
  identity: name,
  tenant,
  clientId,
});
