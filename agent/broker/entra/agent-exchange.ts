// SPDX-License-Identifier: Apache-2.0

/**
 * How an agent of Entra Agent ID asks for anything: it has no credential, so its blueprint vouches for it (T1), and for its
 * own user it says in another token that it wants to be that one (T2). Both are credentials and stay here.
 *
 * Source   Entra Agent ID, "agent identity token request" and "agent's user account"
 */

import {
  type AgentIdentity,
  type AgentUserIdentity,
  type AppIdentity,
  blueprintOf,
  type Identity,
} from '../policy/identity.ts';
import type { AllowedResource } from '../policy/policy.ts';
import { audiencesOf, isGuid } from '../policy/resource.ts';
import type { RefusalReason } from '../refusal.ts';
import type { Accept } from './accepted-token.ts';
import { type EntraAnswer, type EntraRefused, refusedFor } from './entra-answer.ts';
import { askedBy, forItself, scopeOf, TOKEN_EXCHANGE } from './grant.ts';
import { askForToken, type TokenEndpointParts, type TokenQuestion } from './token-endpoint.ts';
import type { Fetched, HeldToken, TokenAnswer, TokenShelf } from './token-shelf.ts';

export type AnyAgent = AgentIdentity | AgentUserIdentity;

/** A blueprint that is refused is not the agent's fault, and not what its developer can change. */
const OF_BLUEPRINT: Partial<Record<RefusalReason, RefusalReason>> = {
  identity_misconfigured: 'blueprint_misconfigured',
  resource_unknown: 'blueprint_misconfigured',
  consent_missing: 'blueprint_misconfigured',
};

export interface AgentExchangeParts extends TokenEndpointParts {
  readonly identities: readonly Identity[];
  readonly accept: Accept;
  readonly proofOf: (app: AppIdentity) => TokenQuestion['proof'];
  /** The shelf of that key, made when there is none. */
  readonly shelf: (key: readonly unknown[], named: Record<string, string>, fetch: () => Promise<Fetched>) => TokenShelf;
}

export interface AgentExchange {
  /** Errors: throws for an agent without one; the policy is checked for that before. */
  blueprintFor(agent: AnyAgent): AppIdentity;
  /** A question of the agent itself. */
  askAsAgent(agent: AnyAgent, fields: () => Readonly<Record<string, string>>): Promise<EntraAnswer>;
  askAsAgentUser(agent: AgentUserIdentity, allowed: AllowedResource): Promise<EntraAnswer>;
}

export function createAgentExchange(parts: AgentExchangeParts): AgentExchange {
  const { identities, accept, proofOf, shelf } = parts;

  function blueprintFor(agent: AnyAgent): AppIdentity {
    const blueprint = blueprintOf(agent, identities);
    if (blueprint === undefined) throw new Error(`identity ${agent.name} has no blueprint`);
    return blueprint;
  }

  /** T1: the blueprint says that the agent is its own. */
  function vouchedFor(agent: AnyAgent): TokenShelf {
    const blueprint = blueprintFor(agent);
    const named = { identity: blueprint.name, agent: agent.name, resource: TOKEN_EXCHANGE.resource };
    return shelf(['vouched', blueprint, agent.clientId], named, async () => {
      const fields = { ...forItself(TOKEN_EXCHANGE), fmi_path: agent.clientId };
      const answer = await askForToken({ ...askedBy(blueprint), fields, proof: proofOf(blueprint) }, parts);
      if (answer.kind === 'refused') {
        const reason = OF_BLUEPRINT[answer.reason] ?? answer.reason;
        return { ...answer, reason, advice: `The blueprint cannot vouch for its agent. ${answer.advice}` };
      }
      return accept(
        answer,
        {
          tenant: blueprint.tenant,
          clientId: blueprint.clientId,
          audiences: audiencesOf(TOKEN_EXCHANGE),
          forUser: false,
          subjectEnd: `/${agent.clientId}`,
        },
        true,
      );
    });
  }

  /** A question of an agent, proved by T1; once more with a new T1 when Entra does not believe the one at hand. */
  async function askAsAgent(agent: AnyAgent, fields: () => Readonly<Record<string, string>>): Promise<EntraAnswer> {
    const vouched = vouchedFor(agent);
    const ask = (t1: string): Promise<EntraAnswer> =>
      askForToken({ ...askedBy(agent), fields: fields(), proof: async () => t1 }, parts);
    const first = await vouched.get();
    if (first.kind === 'refused') return passedOn(first);
    const answer = await ask(first.held.token.reveal());
    if (answer.kind === 'token' || !answer.proofRefused) return answer;
    const second = await vouched.get(first.held.fingerprint);
    if (second.kind === 'refused' || second.held.fingerprint === first.held.fingerprint) return answer;
    return ask(second.held.token.reveal());
  }

  /** T2: the agent says that it wants to be its user. */
  function wishOf(agent: AgentUserIdentity): TokenShelf {
    const named = { identity: agent.name, resource: TOKEN_EXCHANGE.resource };
    return shelf(['wish', agent], named, async () =>
      accept(
        await askAsAgent(agent, () => forItself(TOKEN_EXCHANGE)),
        {
          tenant: agent.tenant,
          clientId: agent.clientId,
          audiences: audiencesOf(TOKEN_EXCHANGE),
          forUser: false,
          blueprint: blueprintFor(agent).clientId,
        },
        true,
      ),
    );
  }

  async function askAsAgentUser(agent: AgentUserIdentity, allowed: AllowedResource): Promise<EntraAnswer> {
    const wish = wishOf(agent);
    const named = isGuid(agent.user) ? { user_id: agent.user } : { username: agent.user };
    const ask = (t2: HeldToken): Promise<EntraAnswer> =>
      askAsAgent(agent, () => ({
        grant_type: 'user_fic',
        scope: scopeOf(allowed),
        requested_token_use: 'on_behalf_of',
        user_federated_identity_credential: t2.token.reveal(),
        ...named,
      }));
    const first = await wish.get();
    if (first.kind === 'refused') return passedOn(first);
    const answer = await ask(first.held);
    // Of another grant this would be the token of a person; here it is T2.
    if (answer.kind === 'token' || answer.reason !== 'user_assertion_refused') return answer;
    const second = await wish.get(first.held.fingerprint);
    const isNew = second.kind === 'held' && second.held.fingerprint !== first.held.fingerprint;
    const final = isNew ? await ask(second.held) : answer;
    if (final.kind === 'token' || final.reason !== 'user_assertion_refused') return final;
    const advice = 'Entra does not take the word of the agent for its user.';
    return { ...final, reason: 'identity_misconfigured', misconfigured: true, advice };
  }

  return { blueprintFor, askAsAgent, askAsAgentUser };
}

/** What another shelf refused, said again; it stands in the log there. */
function passedOn({ reason, retryAfterS }: TokenAnswer & { kind: 'refused' }): EntraRefused {
  return refusedFor({
    reason,
    retryAfterMs: retryAfterS * 1000,
    advice: 'A token that this one is made of is missing.',
  });
}
