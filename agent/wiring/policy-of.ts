// SPDX-License-Identifier: Apache-2.0

/** The identities and policies of the configuration, in the broker's words. */

import type { Policy, PolicyMatch, PolicySet } from '../broker/policy/policy.ts';
import { readPolicy } from '../broker/policy/read-policy.ts';
import type { AgentConfig, MatchConfig, PolicyConfig, WorkloadConfig } from '../config/agent-config.ts';
import { gidOf, uidOf } from '../config/users.ts';
import { identitiesOf } from './identities-of.ts';

/**
 * A workload with resources is a policy of its name that wants nothing but the workload.
 *
 * Errors   an Error for a user that the host does not have
 */
export function policyOf(config: AgentConfig): PolicySet {
  const federated = config.policies.filter(wantsFile).map(({ identity }) => identity);
  const identities = identitiesOf(config.identities, new Set(federated));
  // Without a credential they are recorded by name only; the broker has nothing to show for them.
  const usable = new Set(identitiesOf(config.identities).map(({ name }) => name));
  const implied: Policy[] = config.workloads
    .filter(({ resources, identity }) => resources.length > 0 && usable.has(identity))
    .map(({ name, identity, resources }) => ({ name, match: { workload: name }, identity, resources }));
  const written = config.policies.map((policy) => policyFrom(policy, config.workloads));
  return { identities, policies: [...implied, ...written] };
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
    if (read.kind === 'broken') return read.problems;
    if (config.broker.workload_identity.enabled) return [];
    const enable = 'workload-identity wants broker.workload_identity.enabled';
    return config.policies.filter(wantsFile).map(({ name }) => `policy ${name}: ${enable}`);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

const wantsFile = ({ interfaces }: PolicyConfig): boolean => interfaces?.includes('workload-identity') === true;

function policyFrom(policy: PolicyConfig, workloads: readonly WorkloadConfig[]): Policy {
  const { name, match, identity, resources, advertised_seconds_max, interfaces } = policy;
  const reader = wantsFile(policy) ? readerOf(match, workloads) : undefined;
  return {
    name,
    match: matchFrom(match),
    identity,
    resources,
    ...(advertised_seconds_max !== undefined && { advertisedSecondsMax: advertised_seconds_max }),
    ...(interfaces !== undefined && { interfaces }),
    ...(reader !== undefined && { fileOwner: { uid: uidOf(reader), gid: gidOf(reader) } }),
  };
}

/** The one user that the policy wants, or whose processes the workload is. */
function readerOf(
  { user, uid, workload: name }: MatchConfig,
  workloads: readonly WorkloadConfig[],
): string | undefined {
  if (user !== undefined || uid !== undefined) return user ?? String(uid);
  const { select = [] } = workloads.find((one) => one.name === name) ?? {};
  const users = select.map((one) => {
    if ('user' in one) return one.user;
    if ('uid' in one) return String(one.uid);
    return 'run' in one && one.run.length === 1 ? one.run[0] : undefined;
  });
  const [first, ...others] = new Set(users);
  return others.length === 0 ? first : undefined;
}

/** What an operator should know of policies that are valid. */
export function policyWarnings(config: AgentConfig): readonly string[] {
  if (!config.broker.enabled) return [];
  return config.policies.filter(wantsFile).flatMap(({ name, interfaces = [] }) => {
    const others = interfaces.filter((other) => other !== 'workload-identity' && other !== 'unix');
    const both = `policy ${name}: libraries find ${others.join(', ')} alone, and the token file only where they are led to it`;
    return [
      `policy ${name}: by workload-identity no request is attested; who can read the file has the identity, for all that Entra allows it`,
      ...(others.length > 0 ? [both] : []),
    ];
  });
}

function matchFrom({ exe_sha256, container_id, user, ...same }: MatchConfig): PolicyMatch {
  return {
    ...same,
    ...(exe_sha256 !== undefined && { exeSha256: exe_sha256 }),
    ...(container_id !== undefined && { containerId: container_id }),
    ...(user !== undefined && { uid: uidOf(user) }),
  };
}
