// SPDX-License-Identifier: Apache-2.0

import type { BrokerOptions } from '../start-broker.ts';
import type { TokenInterface } from '../token-interface.ts';

/** The same policies, each of which may be asked through these interfaces. */
export function withInterfaces(
  policy: BrokerOptions['policy'],
  ...interfaces: readonly TokenInterface[]
): BrokerOptions['policy'] {
  return { ...policy, policies: policy.policies.map((entry) => ({ ...entry, interfaces })) };
}
