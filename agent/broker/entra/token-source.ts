// SPDX-License-Identifier: Apache-2.0

/**
 * Tokens of the identities, as the rest of the broker gets them: asked for in the way of the identity's kind, checked
 * before anybody has them, and kept by shelves. The tokens with which a blueprint vouches for its agents, and those of
 * managed identities that stand for an application, are credentials: they have shelves of their own and never leave.
 */

import {
  type AgentIdentity,
  type AgentUserIdentity,
  type AppIdentity,
  blueprintOf,
  type Identity,
} from '../policy/identity.ts';
import type { AllowedResource } from '../policy/policy.ts';
import { audiencesOf, isGuid, isTokenExchange, normaliseResource, TOKEN_EXCHANGE_APP } from '../policy/resource.ts';
import type { RefusalReason } from '../refusal.ts';
import { clientOf, fingerprintOf, readToken, timeClaim } from '../token/compact-token.ts';
import type { SecretText } from '../token/secret-text.ts';
import type { TokenVerifier } from '../token/verify.ts';
import { type AssertionSource, CredentialProblem } from './assertion-source.ts';
import { BackOff } from './back-off.ts';
import { type EntraAnswer, type EntraRefused, refusedFor } from './entra-answer.ts';
import { type ExpectedToken, mismatchOf } from './expected-token.ts';
import { askHostForToken, type HostMetadataParts } from './host-metadata.ts';
import { askForToken, type TokenEndpointParts } from './token-endpoint.ts';
import { type Fetched, type HeldToken, type TokenAnswer, TokenShelf } from './token-shelf.ts';
import { readUserAssertion, type UserAssertion } from './user-assertion.ts';

export type { HeldToken, TokenAnswer } from './token-shelf.ts';

export interface TokenWish {
  /** The client was told that the token with this digest is no longer good. */
  readonly staleFingerprint?: string | undefined;
  /** Act for the person whose token this is. */
  readonly userAssertion?: SecretText | undefined;
}

export interface TokenSource {
  /** Never throws. */
  get(identity: Identity, allowed: AllowedResource, wish?: TokenWish): Promise<TokenAnswer>;
}

export interface TokenSourceOptions extends TokenEndpointParts {
  readonly identities: readonly Identity[];
  /** Of an application with any credential but a managed identity. */
  readonly assertionsOf: (identity: AppIdentity) => AssertionSource;
  readonly verifier: TokenVerifier;
  readonly host: HostMetadataParts;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
  /** Tokens for people that are kept, of all identities together. */
  readonly peopleMax?: number;
}

const TOKEN_EXCHANGE: AllowedResource = { resource: 'api://AzureADTokenExchange', audiences: [TOKEN_EXCHANGE_APP] };
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Each is some 4 KiB, with the assertion 8. The one that was wanted least lately goes first. */
const PEOPLE_MAX_DEFAULT = 2000;

type AnyAgent = AgentIdentity | AgentUserIdentity;

/** A blueprint that is refused is not the agent's fault, and not what its developer can change. */
const OF_BLUEPRINT: Partial<Record<RefusalReason, RefusalReason>> = {
  identity_misconfigured: 'blueprint_misconfigured',
  resource_unknown: 'blueprint_misconfigured',
  consent_missing: 'blueprint_misconfigured',
};

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const {
    clock,
    log,
    verifier,
    identities,
    assertionsOf,
    host,
    random = Math.random,
    peopleMax = PEOPLE_MAX_DEFAULT,
  } = options;
  const shelves = new Map<string, TokenShelf>();
  const ofPeople = new Map<string, TokenShelf>();
  const shared = new Map<string, BackOff>();

  function made<V>(map: Map<string, V>, key: string, make: () => V): V {
    const there = map.get(key) ?? make();
    map.set(key, there);
    return there;
  }

  function shelf(key: readonly unknown[], named: Record<string, string>, fetch: () => Promise<Fetched>): TokenShelf {
    return made(shelves, JSON.stringify(key), () => {
      return new TokenShelf({ clock, log, fetch, named, backOff: new BackOff(clock, random) });
    });
  }

  /** What Entra sent, when it is what was asked for. `internal`: it stays here, so it need not be one that we can verify. */
  async function accepted(answer: EntraAnswer, expected: ExpectedToken, internal = false): Promise<Fetched> {
    if (answer.kind === 'refused') return answer;
    const compact = answer.token.reveal();
    const read = readToken(compact);
    const verification = await verifier.verify(compact, read);
    const claims = read.kind === 'jwt' ? read.claims : {};
    const mismatch = read.kind === 'jwt' ? mismatchOf(claims, expected) : undefined;
    if (verification.state === 'invalid' && !(internal && verification.reason === 'claims_missing')) {
      return rejected(verification.reason);
    }
    if (mismatch !== undefined) return rejected(mismatch);

    const obtainedAtMs = clock.wallMs();
    const exp = timeClaim(claims, 'exp');
    // What Entra says of the token and what the token says of itself: the earlier counts.
    const expiresAtMs = Math.min(obtainedAtMs + answer.expiresInS * 1000, exp === undefined ? Infinity : exp * 1000);
    const halfLifeMs = (expiresAtMs - obtainedAtMs) / 2;
    const refreshInMs = answer.refreshInS === undefined ? halfLifeMs : Math.min(answer.refreshInS * 1000, halfLifeMs);
    const held: HeldToken = {
      token: answer.token,
      fingerprint: fingerprintOf(compact),
      claims,
      verification: verification.state === 'invalid' ? { state: 'unverifiable', reason: 'opaque' } : verification,
      obtainedAtMs,
      expiresAtMs,
    };
    return { kind: 'token', held, refreshAtMs: obtainedAtMs + refreshInMs, keptUntilMs: expiresAtMs };
  }

  const rejected = (cause: string): EntraRefused =>
    refusedFor({
      reason: 'answer_rejected',
      misconfigured: true,
      cause,
      advice: 'Entra answered with a token that is not the one asked for; it was dropped',
    });

  /** The client assertion of an application. */
  function proofOf(app: AppIdentity): (audience: string, nowMs: number) => Promise<string> {
    const { credential } = app;
    if (credential.kind !== 'managed-identity') {
      return (audience, nowMs) => assertionsOf(app).assertion(app.clientId, audience, nowMs);
    }
    const named = { identity: app.name, resource: TOKEN_EXCHANGE.resource };
    return async () => {
      const kept = shelf(['managed', app.name], named, async () => {
        const answer = await askHostForToken(TOKEN_EXCHANGE.resource, credential.clientId, host);
        return accepted(answer, {
          tenant: app.tenant,
          // Which identity the host has, only the configuration can say.
          clientId: credential.clientId ?? clientIn(answer),
          audiences: audiencesOf(TOKEN_EXCHANGE),
          forUser: false,
        });
      });
      return revealed(await kept.get());
    };
  }

  function revealed(answer: TokenAnswer): string {
    if (answer.kind === 'held') return answer.held.token.reveal();
    const reason = answer.reason === 'identity_misconfigured' ? answer.reason : 'credential_unavailable';
    throw new CredentialProblem(reason, 'The managed identity that proves it has no token now.', {
      retryAfterMs: answer.retryAfterS * 1000,
    });
  }

  function blueprintFor(agent: AnyAgent): AppIdentity {
    const blueprint = blueprintOf(agent, identities);
    if (blueprint === undefined) throw new Error(`identity ${agent.name} has no blueprint`);
    return blueprint;
  }

  /** T1: the blueprint says that the agent is its own. */
  function vouchedFor(agent: AnyAgent): TokenShelf {
    const blueprint = blueprintFor(agent);
    const named = { identity: blueprint.name, agent: agent.name, resource: TOKEN_EXCHANGE.resource };
    return shelf(['vouched', blueprint.name, agent.clientId], named, async () => {
      const fields = { ...forItself(TOKEN_EXCHANGE), fmi_path: agent.clientId };
      const answer = await askForToken({ ...asked(blueprint), fields, proof: proofOf(blueprint) }, options);
      if (answer.kind === 'refused') {
        const reason = OF_BLUEPRINT[answer.reason] ?? answer.reason;
        return { ...answer, reason, advice: `The blueprint cannot vouch for its agent. ${answer.advice}` };
      }
      return accepted(
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
  async function askAsAgent(
    agent: AnyAgent,
    fields: (vouched: string) => Readonly<Record<string, string>>,
  ): Promise<EntraAnswer> {
    const vouched = vouchedFor(agent);
    const ask = (t1: string): Promise<EntraAnswer> =>
      askForToken({ ...asked(agent), fields: fields(t1), proof: async () => t1 }, options);
    const first = await vouched.get();
    if (first.kind === 'refused') return { ...passedOn(first), misconfigured: false };
    const answer = await ask(first.held.token.reveal());
    if (answer.kind === 'token' || !answer.proofRefused) return answer;
    const second = await vouched.get(first.held.fingerprint);
    if (second.kind === 'refused' || second.held.fingerprint === first.held.fingerprint) return answer;
    return ask(second.held.token.reveal());
  }

  /** T2: the agent says that it wants to be its user. */
  function wishOf(agent: AgentUserIdentity): TokenShelf {
    const named = { identity: agent.name, resource: TOKEN_EXCHANGE.resource };
    return shelf(['wish', agent.name], named, async () =>
      accepted(
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

  async function obtain(identity: Identity, allowed: AllowedResource): Promise<Fetched> {
    const { tenant, clientId, objectId } = identity;
    const expected = { tenant, clientId, objectId, audiences: audiencesOf(allowed), forUser: false };
    switch (identity.kind) {
      case 'app': {
        const question = { ...asked(identity), fields: forItself(allowed), proof: proofOf(identity) };
        return accepted(await askForToken(question, options), expected);
      }
      case 'agent': {
        const blueprint = blueprintFor(identity).clientId;
        return accepted(await askAsAgent(identity, () => forItself(allowed)), { ...expected, blueprint });
      }
      case 'agent-user': {
        const blueprint = blueprintFor(identity).clientId;
        const objectOfUser = objectId ?? (isGuid(identity.user) ? identity.user : undefined);
        const answer = await askAsAgentUser(identity, allowed);
        return accepted(answer, { ...expected, objectId: objectOfUser, blueprint, forUser: true });
      }
      case 'host': {
        const named = identity.systemAssigned ? undefined : clientId;
        return accepted(await askHostForToken(allowed.resource, named, host), expected);
      }
    }
  }

  async function obtainFor(
    user: UserAssertion,
    assertion: SecretText,
    identity: AppIdentity | AgentIdentity,
    allowed: AllowedResource,
  ): Promise<Fetched> {
    const fields = {
      grant_type: JWT_BEARER,
      assertion: assertion.reveal(),
      scope: scopeOf(allowed),
      requested_token_use: 'on_behalf_of',
    };
    const answer =
      identity.kind === 'agent'
        ? await askAsAgent(identity, () => fields)
        : await askForToken({ ...asked(identity), fields, proof: proofOf(identity) }, options);
    const { tenant, clientId } = identity;
    const fetched = await accepted(answer, {
      tenant,
      clientId,
      audiences: audiencesOf(allowed),
      objectId: user.objectId,
      forUser: true,
      blueprint: identity.kind === 'agent' ? blueprintFor(identity).clientId : undefined,
    });
    // Nobody acts for a person longer than that person's own token allows, as far as it is up to us.
    return fetched.kind === 'token'
      ? { ...fetched, keptUntilMs: Math.min(fetched.keptUntilMs, user.expiresAtMs) }
      : fetched;
  }

  async function getFor(
    assertion: SecretText,
    identity: Identity,
    allowed: AllowedResource,
    staleFingerprint: string | undefined,
  ): Promise<TokenAnswer> {
    if (identity.kind !== 'app' && identity.kind !== 'agent') return atOnce('on_behalf_of_unsupported');
    const target = identity.kind === 'agent' ? blueprintFor(identity) : identity;
    const { tenant, clientId, identifierUris = [] } = target;
    const user = await readUserAssertion(assertion, { tenant, clientId, identifierUris }, { verifier, clock });
    if (user.kind === 'unusable') {
      const fields = { identity: identity.name, resource: allowed.resource, cause: user.cause };
      log.warn(fields, 'the token of a person was not taken for acting in their name');
      return atOnce('user_assertion_refused');
    }
    const place = [identity.name, allowed.resource, allowed.audiences ?? []];
    const key = JSON.stringify([...place, user.fingerprint]);
    const kept =
      ofPeople.get(key) ??
      new TokenShelf({
        clock,
        log,
        fetch: () => obtainFor(user, assertion, identity, allowed),
        named: { identity: identity.name, resource: allowed.resource, onBehalfOf: user.objectId },
        backOff: new BackOff(clock, random),
        sharedBackOff: made(shared, JSON.stringify(place), () => new BackOff(clock, random)),
      });
    // Taken out and put in again: the first one of the map is the one that was wanted least lately.
    ofPeople.delete(key);
    ofPeople.set(key, kept);
    const [oldest] = ofPeople.size > peopleMax ? ofPeople.keys() : [];
    if (oldest !== undefined) ofPeople.delete(oldest);
    return kept.get(staleFingerprint);
  }

  return {
    async get(identity, allowed, { staleFingerprint, userAssertion } = {}) {
      // The desk has said so before; with such a token one becomes somebody else, so it is asked here too.
      if (isTokenExchange(normaliseResource(allowed.resource) ?? '')) return atOnce('token_exchange_resource');
      if (userAssertion !== undefined) return getFor(userAssertion, identity, allowed, staleFingerprint);
      const named = { identity: identity.name, resource: allowed.resource };
      const key = ['own', identity.name, allowed.resource, allowed.audiences ?? []];
      return shelf(key, named, () => obtain(identity, allowed)).get(staleFingerprint);
    },
  };
}

const scopeOf = ({ resource }: AllowedResource): string => `${resource}/.default`;

const forItself = (allowed: AllowedResource) => ({ grant_type: 'client_credentials', scope: scopeOf(allowed) });

const asked = ({ name, tenant, clientId }: Identity) => ({ identity: name, tenant, clientId });

const atOnce = (reason: RefusalReason): TokenAnswer => ({ kind: 'refused', reason, retryAfterS: 1 });

/** What another shelf refused, said again; it stands in the log there. */
function passedOn({ reason, retryAfterS }: TokenAnswer & { kind: 'refused' }): EntraRefused {
  return refusedFor({
    reason,
    retryAfterMs: retryAfterS * 1000,
    advice: 'A token that this one is made of is missing.',
  });
}

function clientIn(answer: EntraAnswer): string {
  if (answer.kind === 'refused') return '';
  const read = readToken(answer.token.reveal());
  return read.kind === 'jwt' ? clientOf(read.claims) : '';
}
