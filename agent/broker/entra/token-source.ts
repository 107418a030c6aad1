// SPDX-License-Identifier: Apache-2.0

/**
 * Tokens of the identities, as the rest of the broker gets them: asked for in the way of the identity's kind, checked
 * before anybody has them, and kept by shelves. The tokens with which a blueprint vouches for its agents, and those of
 * managed identities that stand for an application, are credentials: they have shelves of their own and never leave.
 */

import type { AgentIdentity, AppIdentity, Identity } from '../policy/identity.ts';
import type { AllowedResource } from '../policy/policy.ts';
import { audiencesOf, isGuid, isTokenExchange, normaliseResource } from '../policy/resource.ts';
import type { RefusalReason } from '../refusal.ts';
import { clientOf, readToken } from '../token/compact-token.ts';
import type { SecretText } from '../token/secret-text.ts';
import type { TokenVerifier } from '../token/verify.ts';
import { createAcceptance } from './accepted-token.ts';
import { createAgentExchange } from './agent-exchange.ts';
import { type AssertionSource, CredentialProblem } from './assertion-source.ts';
import { BackOff } from './back-off.ts';
import type { EntraAnswer } from './entra-answer.ts';
import { askedBy, forItself, forPerson, TOKEN_EXCHANGE } from './grant.ts';
import { askHostForToken, type HostMetadataParts } from './host-metadata.ts';
import { askForToken, type TokenEndpointParts } from './token-endpoint.ts';
import { type Fetched, type TokenAnswer, TokenShelf } from './token-shelf.ts';
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

/** Each is some 4 KiB, with the assertion 8. The one that was wanted least lately goes first. */
const PEOPLE_MAX_DEFAULT = 2000;

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { clock, log, verifier, assertionsOf, host, random = Math.random, peopleMax = PEOPLE_MAX_DEFAULT } = options;
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

  const accept = createAcceptance({ clock, verifier });
  const agents = createAgentExchange({ ...options, accept, shelf, proofOf });
  const { askAsAgent, askAsAgentUser, blueprintFor } = agents;

  /** The client assertion of an application. */
  function proofOf(app: AppIdentity): (audience: string, nowMs: number) => Promise<string> {
    const { credential } = app;
    if (credential.kind !== 'managed-identity') {
      return (audience, nowMs) => assertionsOf(app).assertion(app.clientId, audience, nowMs);
    }
    const named = { identity: app.name, resource: TOKEN_EXCHANGE.resource };
    return async () => {
      const kept = shelf(['managed', app], named, async () => {
        const answer = await askHostForToken(TOKEN_EXCHANGE.resource, credential.clientId, host);
        return accept(answer, {
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

  async function obtain(identity: Identity, allowed: AllowedResource): Promise<Fetched> {
    const { tenant, clientId, objectId } = identity;
    const expected = { tenant, clientId, objectId, audiences: audiencesOf(allowed), forUser: false };
    switch (identity.kind) {
      case 'app': {
        const question = { ...askedBy(identity), fields: forItself(allowed), proof: proofOf(identity) };
        return accept(await askForToken(question, options), expected);
      }
      case 'agent': {
        const blueprint = blueprintFor(identity).clientId;
        return accept(await askAsAgent(identity, () => forItself(allowed)), { ...expected, blueprint });
      }
      case 'agent-user': {
        const blueprint = blueprintFor(identity).clientId;
        const objectOfUser = objectId ?? (isGuid(identity.user) ? identity.user : undefined);
        const answer = await askAsAgentUser(identity, allowed);
        return accept(answer, { ...expected, objectId: objectOfUser, blueprint, forUser: true });
      }
      case 'host': {
        const named = identity.systemAssigned ? undefined : clientId;
        return accept(await askHostForToken(allowed.resource, named, host), expected);
      }
    }
  }

  async function obtainFor(
    user: UserAssertion,
    assertion: SecretText,
    identity: AppIdentity | AgentIdentity,
    allowed: AllowedResource,
  ): Promise<Fetched> {
    const fields = forPerson(allowed, assertion.reveal());
    const answer =
      identity.kind === 'agent'
        ? await askAsAgent(identity, () => fields)
        : await askForToken({ ...askedBy(identity), fields, proof: proofOf(identity) }, options);
    const { tenant, clientId } = identity;
    const fetched = await accept(answer, {
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
    const place = [identity, allowed.resource, allowed.audiences ?? []];
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
      // The whole identity: after a reload the same name may be of another client, asked for by a request from before.
      const key = ['own', identity, allowed.resource, allowed.audiences ?? []];
      return shelf(key, named, () => obtain(identity, allowed)).get(staleFingerprint);
    },
  };
}

const atOnce = (reason: RefusalReason): TokenAnswer => ({ kind: 'refused', reason, retryAfterS: 1 });

function clientIn(answer: EntraAnswer): string {
  if (answer.kind === 'refused') return '';
  const read = readToken(answer.token.reveal());
  return read.kind === 'jwt' ? clientOf(read.claims) : '';
}
