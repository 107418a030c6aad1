// SPDX-License-Identifier: Apache-2.0

import { IdentitySource, IdentityState } from './activity.ts';

/** Which identity a workload acts for, how that is known, and how sure it is. */
export interface Binding {
  /** Object id of the service principal or user, as the token or the configuration has it; '' when unknown. */
  readonly identityId: string;
  /** The name that the operator gave it. */
  readonly identityName: string;
  readonly state: IdentityState;
  readonly source: IdentitySource;
  /** Entra's `uti` of the token; '' when there is none. */
  readonly tokenId: string;
  readonly kind: IdentityKind;
  readonly tenantId: string;
  /** Application id of the blueprint that an agent identity is made from; '' for what is no agent. */
  readonly blueprintId: string;
  /** The human for whom it acts, when the token is on-behalf-of: object id, and name as the token has it. */
  readonly onBehalfOfId: string;
  readonly onBehalfOfName: string;
  /** Of the token: who it is for, its scopes and roles (sorted, a space between), its SHA-256 in hex. */
  readonly audience: string;
  readonly scopes: string;
  readonly fingerprint: string;
}

/** What an identity is in Entra; '' when nothing says. 'user' is a human, 'agent-user' the user account of an agent. */
export type IdentityKind = '' | 'app' | 'agent' | 'agent-user' | 'user' | 'host';

/** No identity: what a binding has where nothing more is known. */
export const NO_IDENTITY: Binding = {
  identityId: '',
  identityName: '',
  state: IdentityState.NONE,
  source: IdentitySource.NONE,
  tokenId: '',
  kind: '',
  tenantId: '',
  blueprintId: '',
  onBehalfOfId: '',
  onBehalfOfName: '',
  audience: '',
  scopes: '',
  fingerprint: '',
};
