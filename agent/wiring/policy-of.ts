// SPDX-License-Identifier: Apache-2.0

/** The identities and policies of the configuration, in the broker's words. */

import type { Policy, PolicyMatch, PolicySet } from '../broker/policy/policy.ts';
import type { AgentConfig, MatchConfig, PolicyConfig } from '../config/agent-config.ts';
import { uidOf } from '../config/users.ts';
import { identitiesOf } from './identities-of.ts';

/**
 * A workload with resources is a policy of its name that wants nothing but the workload.
 *
 * Errors   an Error for a user that the host does not have
 */
export function policyOf(config: AgentConfig): PolicySet {
  const identities = identitiesOf(config.identities);
  // Without a credential they are recorded by name only; the broker has nothing to show for them.
  const usable = new Set(identities.map(({ name }) => name));
  const implied: Policy[] = config.workloads
    .filter(({ resources }) => resources.length > 0)
    .map(({ name, identity, resources }) => ({ name, match: { workload: name }, identity, resources }));
  return {
    identities,
    policies: [...implied, ...config.policies.map(policyFrom)].filter(({ identity }) => usable.has(identity)),
  };
}

function policyFrom({ name, match, identity, resources, advertised_seconds_max, interfaces }: PolicyConfig): Policy {
  return {
    name,
    match: matchFrom(match),
    identity,
    resources,
    ...(advertised_seconds_max !== undefined && { advertisedSecondsMax: advertised_seconds_max }),
    ...(interfaces !== undefined && { interfaces }),
  };
}

function matchFrom({ exe_sha256, container_id, user, ...same }: MatchConfig): PolicyMatch {
  return {
    ...same,
    ...(exe_sha256 !== undefined && { exeSha256: exe_sha256 }),
    ...(container_id !== undefined && { containerId: container_id }),
    ...(user !== undefined && { uid: uidOf(user) }),
  };
}
