// SPDX-License-Identifier: Apache-2.0

import type { IdentitySource, IdentityState } from './activity.ts';

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
}
