// SPDX-License-Identifier: Apache-2.0

/** What would be answered to a process, and why: for an operator who asks before a workload does. Nothing is fetched. */

import type { Caller } from './attest/caller-directory.ts';
import type { CallerFacts, FactsOf } from './attest/caller-facts.ts';
import { boundIdentity, type Explanation, explain, type TokenQuestion } from './policy/decide.ts';
import type { PolicySet } from './policy/policy.ts';
import type { RefusalReason } from './refusal.ts';
import { INTERFACES_DEFAULT, type TokenInterface } from './token-interface.ts';

/** What an operator leaves out is what the matching policy allows first. */
export type CheckQuestion = Omit<TokenQuestion, 'interface'> & { readonly interface?: TokenInterface | undefined };

export type PolicyCheck =
  | ({ readonly kind: 'explained'; readonly facts: CallerFacts } & Explanation)
  /** It does not come to a policy. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly facts?: CallerFacts };

export interface PolicyCheckParts {
  readonly policy: PolicySet;
  readonly factsOf: FactsOf;
}

/**
 * The digest of the program is made, whether a policy wants it or not: for whoever is about to write one.
 */
export async function checkPolicy(
  { policy, factsOf }: PolicyCheckParts,
  caller: Caller,
  question: CheckQuestion,
): Promise<PolicyCheck> {
  const facts = await factsOf(caller, { digest: true });
  if (facts === undefined) return { kind: 'refused', reason: 'caller_gone' };
  const { selectionName: workload } = caller;
  if (workload === undefined) return { kind: 'refused', reason: 'not_a_workload', facts };
  const asker = { ...facts, workload };
  const bound = boundIdentity(policy, asker);
  const { resources, interfaces = INTERFACES_DEFAULT } = typeof bound === 'string' ? { resources: [] } : bound.policy;
  const [first] = resources;
  const asked = {
    ...question,
    interface: question.interface ?? interfaces[0] ?? 'app-service',
    resource: question.resource ?? (typeof first === 'string' ? first : first?.resource),
  };
  return { kind: 'explained', facts, ...explain(policy, asker, asked) };
}
