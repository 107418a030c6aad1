// SPDX-License-Identifier: Apache-2.0

/** Policies by which workloads have token files, and what of them makes no sense. Pure. */

import { INTERFACES_DEFAULT } from '../token-interface.ts';
import type { Identity, Policy, PolicySet } from './policy.ts';

/** A policy that lets a workload have a file. */
export interface FederationGrant {
  readonly workload: string;
  readonly policy: Policy;
  readonly identity: Identity;
  /** Who may read the file; the group decides where the agent may not give files away. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** What decides who reads a file: its name, and whose it is. No other selector can be looked at. */
const DECIDE = new Set(['workload', 'uid']);

const wantsFile = ({ interfaces }: Policy): boolean => interfaces?.includes('workload-identity') === true;

/** Of a set without problems. */
export function federationGrants({ policies, identities }: PolicySet): FederationGrant[] {
  return policies.filter(wantsFile).flatMap((policy) => {
    const identity = identities.find(({ name }) => name === policy.identity);
    const { match, fileOwner: owner } = policy;
    if (identity === undefined || match.workload === undefined || owner === undefined) return [];
    return [{ workload: match.workload, policy, identity, owner }];
  });
}

/** One sentence a problem. */
export function federationProblems({ policies, identities }: PolicySet): string[] {
  const problems: string[] = [];
  const workloads = new Set<string>();
  for (const policy of policies) {
    const where = `policy ${policy.name}`;
    const identity = identities.find(({ name }) => name === policy.identity);
    const others = (policy.interfaces ?? INTERFACES_DEFAULT).filter((name) => name !== 'workload-identity');
    if (others.length > 0 && identity?.kind === 'app' && identity.credential.kind === 'workload-identity')
      problems.push(`${where}: identity ${identity.name} has no credential to ask with for ${others.join(', ')}`);
    if (!wantsFile(policy)) continue;
    const { workload } = policy.match;
    if (workload === undefined) problems.push(`${where}: workload-identity needs match.workload, whose file it is`);
    else if (workloads.has(workload))
      problems.push(`${where}: workload ${workload} has a token file by another policy`);
    else workloads.add(workload);
    const more = Object.keys(policy.match).filter((selector) => !DECIDE.has(selector));
    if (more.length > 0)
      problems.push(`${where}: ${more.join(' and ')} cannot be looked at where a file is read (workload-identity)`);
    if (policy.fileOwner === undefined)
      problems.push(`${where}: workload-identity needs match.user, who reads the file`);
    if (identity !== undefined && !mayTrustIssuer(identity))
      problems.push(`${where}: an identity of kind ${identity.kind} cannot trust an issuer (workload-identity)`);
  }
  return problems;
}

/** Applications and managed identities that were assigned by somebody have federated credentials in Entra. */
function mayTrustIssuer(identity: Identity): boolean {
  return identity.kind === 'app' || (identity.kind === 'host' && identity.systemAssigned !== true);
}
