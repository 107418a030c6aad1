// SPDX-License-Identifier: Apache-2.0

/** The decision: may this workload have a token for this resource, and as whom. Pure; the same question has one answer. */

import type { RefusalReason } from '../refusal.ts';
import { INTERFACES_DEFAULT, type TokenInterface } from '../token-interface.ts';
import {
  ADVERTISED_SECONDS_DEFAULT,
  type AllowedResource,
  type Binding,
  type Identity,
  type Policy,
} from './policy.ts';
import { isTokenExchange, normaliseResource } from './resource.ts';
import { type IdentitySelector, selects } from './selector.ts';

export interface TokenQuestion {
  /** The name of the caller's selection, as the kernel has it. */
  readonly workload: string;
  readonly interface: TokenInterface;
  /** As the caller wrote it. */
  readonly resource: string | undefined;
  readonly selectors: readonly IdentitySelector[];
}

export type Decision =
  | {
      readonly kind: 'granted';
      readonly identity: Identity;
      /** From the configuration, not from the caller: nothing that a caller wrote reaches Entra. */
      readonly allowed: AllowedResource;
      readonly advertisedSecondsMax: number;
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly identity?: Identity };

/** The one identity that a workload acts for, or why there is none. */
export function boundIdentity(
  policy: Policy,
  workload: string,
): { binding: Binding; identity: Identity } | 'no_binding' | 'ambiguous_binding' {
  const bindings = policy.bindings.filter((binding) => binding.workload === workload);
  const [binding] = bindings;
  if (binding === undefined) return 'no_binding';
  if (bindings.length > 1) return 'ambiguous_binding';
  const identity = policy.identities.find((entry) => entry.name === binding.identity);
  return identity === undefined ? 'no_binding' : { binding, identity };
}

export function decide(policy: Policy, question: TokenQuestion): Decision {
  const bound = boundIdentity(policy, question.workload);
  if (typeof bound === 'string') return { kind: 'refused', reason: bound };
  const { binding, identity } = bound;
  const refused = (reason: RefusalReason): Decision => ({ kind: 'refused', reason, identity });

  if (!(binding.interfaces ?? INTERFACES_DEFAULT).includes(question.interface)) return refused('interface_not_allowed');
  const [selector, ...more] = question.selectors;
  if (more.length > 0) return refused('too_many_selectors');
  if (selector !== undefined && !selects(selector, identity)) return refused('other_identity_requested');

  if (question.resource === undefined || question.resource === '') return refused('resource_missing');
  const wanted = normaliseResource(question.resource);
  if (wanted === undefined) return refused('resource_malformed');
  if (isTokenExchange(wanted)) return refused('token_exchange_resource');
  for (const entry of binding.resources) {
    const allowed = typeof entry === 'string' ? { resource: entry } : entry;
    const name = normaliseResource(allowed.resource);
    if (name !== wanted) continue;
    const advertisedSecondsMax = binding.advertisedSecondsMax ?? ADVERTISED_SECONDS_DEFAULT;
    return { kind: 'granted', identity, allowed: { ...allowed, resource: name }, advertisedSecondsMax };
  }
  return refused('resource_not_allowed');
}
