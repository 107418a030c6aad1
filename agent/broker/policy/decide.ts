// SPDX-License-Identifier: Apache-2.0

/** The decision: may this caller have a token for this resource, and as whom. Pure; the same question has one answer. */

import type { RefusalReason } from '../refusal.ts';
import { INTERFACES_DEFAULT, type TokenInterface } from '../token-interface.ts';
import { type Asker, type Mismatch, matches, mismatches } from './match.ts';
import {
  ADVERTISED_SECONDS_DEFAULT,
  type AllowedResource,
  type Identity,
  type Policy,
  type PolicySet,
} from './policy.ts';
import { isTokenExchange, normaliseResource } from './resource.ts';
import { type IdentitySelector, selects } from './selector.ts';

export interface TokenQuestion {
  readonly interface: TokenInterface;
  /** As the caller wrote it. */
  readonly resource: string | undefined;
  readonly selectors: readonly IdentitySelector[];
}

export type Decision =
  | {
      readonly kind: 'granted';
      readonly policy: Policy;
      readonly identity: Identity;
      /** From the configuration, not from the caller: nothing that a caller wrote reaches Entra. */
      readonly allowed: AllowedResource;
      readonly advertisedSecondsMax: number;
    }
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly policy?: Policy;
      readonly identity?: Identity;
    };

export interface Bound {
  readonly policy: Policy;
  readonly identity: Identity;
}

/** The one policy that matches the caller, and its identity; or why there is none. */
export function boundIdentity(set: PolicySet, asker: Asker): Bound | 'no_binding' | 'ambiguous_binding' {
  const [policy, ...others] = set.policies.filter(({ match }) => matches(match, asker));
  if (policy === undefined) return 'no_binding';
  if (others.length > 0) return 'ambiguous_binding';
  const identity = set.identities.find(({ name }) => name === policy.identity);
  return identity === undefined ? 'no_binding' : { policy, identity };
}

/**
 * The identity of a workload whose processes are not known yet, for the record of what was refused before: that which all
 * policies for it name. undefined when they name several.
 */
export function likelyIdentity(set: PolicySet, workload: string): Identity | undefined {
  const open = set.policies.filter(({ match }) => match.workload === undefined || match.workload === workload);
  const names = new Set(open.map(({ identity }) => identity));
  return names.size === 1 ? set.identities.find(({ name }) => names.has(name)) : undefined;
}

export function decide(set: PolicySet, asker: Asker, question: TokenQuestion): Decision {
  const bound = boundIdentity(set, asker);
  if (typeof bound === 'string') return { kind: 'refused', reason: bound };
  const { policy, identity } = bound;
  const refused = (reason: RefusalReason): Decision => ({ kind: 'refused', reason, policy, identity });

  if (!(policy.interfaces ?? INTERFACES_DEFAULT).includes(question.interface)) return refused('interface_not_allowed');
  const [selector, ...more] = question.selectors;
  if (more.length > 0) return refused('too_many_selectors');
  if (selector !== undefined && !selects(selector, identity)) return refused('other_identity_requested');

  if (question.resource === undefined || question.resource === '') return refused('resource_missing');
  const wanted = normaliseResource(question.resource);
  if (wanted === undefined) return refused('resource_malformed');
  if (isTokenExchange(wanted)) return refused('token_exchange_resource');
  for (const entry of policy.resources) {
    const allowed = typeof entry === 'string' ? { resource: entry } : entry;
    const name = normaliseResource(allowed.resource);
    if (name !== wanted) continue;
    const advertisedSecondsMax = policy.advertisedSecondsMax ?? ADVERTISED_SECONDS_DEFAULT;
    return { kind: 'granted', policy, identity, allowed: { ...allowed, resource: name }, advertisedSecondsMax };
  }
  return refused('resource_not_allowed');
}

/** Of no file: what a digest is thought to be that no policy wants. */
const ANOTHER_DIGEST = '-';

/**
 * The decision where it does not hang on the digest of the program, which takes long to make. Each digest that a policy may
 * want is thought through, and one that none wants; if any of them may end with a token, the digest is needed.
 */
export function decideWithoutDigest(
  set: PolicySet,
  asker: Asker,
  question: TokenQuestion,
): Decision | { readonly kind: 'digest-needed' } {
  const wanted = wantedDigests(set, asker);
  if (asker.exeSha256 !== '' || wanted.length === 0) return decide(set, asker, question);
  const thought = [...wanted, ANOTHER_DIGEST].map((exeSha256) => decide(set, { ...asker, exeSha256 }, question));
  if (thought.some(({ kind }) => kind === 'granted')) return { kind: 'digest-needed' };
  // The first is of a digest that was wanted: it says what would still be wrong with the right program.
  return thought[0] ?? { kind: 'refused', reason: 'no_binding' };
}

/** The digests by which policies differ for a caller that is all that they want besides. */
export function wantedDigests(set: PolicySet, asker: Asker): string[] {
  const wanted = set.policies.flatMap(({ match }) => {
    if (match.exeSha256 === undefined) return [];
    const exeSha256 = match.exeSha256.toLowerCase();
    return matches(match, { ...asker, exeSha256 }) ? [exeSha256] : [];
  });
  return [...new Set(wanted)];
}

/** Why a policy matches a caller, or does not. */
export interface PolicyVerdict {
  readonly policy: Policy;
  readonly matches: boolean;
  /** What it wants and the caller is not; empty when it matches. */
  readonly failed: readonly Mismatch[];
}

export interface Explanation {
  readonly verdicts: readonly PolicyVerdict[];
  readonly decision: Decision;
}

/** The decision with its reasons, for a person. `asker` comes with its digest. */
export function explain(set: PolicySet, asker: Asker, question: TokenQuestion): Explanation {
  const verdicts = set.policies.map((policy) => {
    const failed = mismatches(policy.match, asker);
    return { policy, matches: failed.length === 0, failed };
  });
  return { verdicts, decision: decide(set, asker, question) };
}
