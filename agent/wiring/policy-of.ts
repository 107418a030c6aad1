// SPDX-License-Identifier: Apache-2.0

/** The identities and policies of the configuration, in the broker's words. */

import type { Policy, PolicyMatch, PolicySet } from '../broker/policy/policy.ts';
import { readPolicy } from '../broker/policy/read-policy.ts';
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
    .filter(({ resources, identity }) => resources.length > 0 && usable.has(identity))
    .map(({ name, identity, resources }) => ({ name, match: { workload: name }, identity, resources }));
  return { identities, policies: [...implied, ...config.policies.map(policyFrom)] };
}

/** What the broker would not start with: what hangs on the host (its users), and on what resources and identities are. */
export function policyProblems(config: AgentConfig): readonly string[] {
  if (!config.broker.enabled) return [];
  try {
    const { identities, policies } = policyOf(config);
    const usable = new Set(identities.map(({ name }) => name));
    const idle = policies.filter(({ identity }) => !usable.has(identity));
    if (idle.length > 0)
      return idle.map(({ name, identity }) => `policy ${name}: identity ${identity} has no credential to ask with`);
    const read = readPolicy({ identities, policies });
    return read.kind === 'broken' ? read.problems : [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
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
