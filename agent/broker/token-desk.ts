// SPDX-License-Identifier: Apache-2.0

/**
 * Where a request becomes a token or a refusal, the same for every interface: who asks, with which secret, as whom, for
 * what; then the token, then once more who asks. The order matters: nothing is decided on what the caller says before the
 * kernel has said who it is, nothing is handed out that was not recorded before, and whoever asked must still be there.
 */

import { randomUUID } from 'node:crypto';
import { IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import { type Caller, type IsAlive, isSameCaller } from './attest/caller-directory.ts';
import { isSecret, type SessionSecrets } from './attest/session-secret.ts';
import { type Clock, nsOfMs } from './clock.ts';
import type { MutableCounts } from './counts.ts';
import type { HeldToken, TokenSource } from './entra/token-source.ts';
import type { IssuanceLedger } from './issuance-ledger.ts';
import type { BrokerLog } from './log.ts';
import { boundIdentity, type Decision, decide } from './policy/decide.ts';
import type { Identity, Policy } from './policy/policy.ts';
import type { IdentitySelector } from './policy/selector.ts';
import type { RateLimit } from './rate-limit.ts';
import { REFUSALS, type RefusalReason } from './refusal.ts';
import { audiencesIn, textClaim, timeClaim } from './token/compact-token.ts';
import { recordedClaims } from './token/recorded-claims.ts';
import type { SecretText } from './token/secret-text.ts';
import type { Issuance, TokenEvent, TokenHolder } from './token-event.ts';
import { INTERFACES_DEFAULT, type TokenInterface } from './token-interface.ts';

export interface TokenRequest {
  readonly interface: TokenInterface;
  /** Who is at the other end now. Throws when that cannot be told. */
  readonly attest: () => Caller | undefined;
  /** `not-carried`: this interface has no place for one, and only policies that allow the interface are served. */
  readonly secret: 'required' | 'not-carried';
  readonly presentedSecret?: string | undefined;
  readonly resource?: string | undefined;
  readonly selectors?: readonly IdentitySelector[];
  /** The client was told that the token with this fingerprint is no longer good. */
  readonly staleFingerprint?: string | undefined;
  /** A person's token for this client, to act on that person's behalf. */
  readonly userAssertion?: SecretText | undefined;
  /** The interface itself found the request wrong: it is refused with this reason, and recorded like all others. */
  readonly refuse?: RefusalReason;
}

export interface GrantedToken {
  readonly kind: 'token';
  readonly held: HeldToken;
  readonly identity: Identity;
  readonly resource: string;
  /** How long the client is told to keep it. */
  readonly advertisedSeconds: number;
  readonly nowMs: number;
}

export interface RefusedToken {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** For 429 and 503. */
  readonly retryAfterS: number;
  /** In the answer and in the log, so that a developer's question finds the line. */
  readonly correlationId: string;
}

/** What the broker knows of a process that asks who it is. */
export interface Standing {
  /** undefined: it cannot be made out, or not at the moment. */
  readonly caller: Caller | undefined;
  readonly identity: Identity | undefined;
  /** The name of the one policy that matches. */
  readonly policyName: string | undefined;
  readonly resources: readonly string[];
  readonly interfaces: readonly TokenInterface[];
  /** Why it would be refused whatever it asks for; undefined when it may ask. */
  readonly reason: RefusalReason | undefined;
}

export interface TokenDesk {
  /** Never throws. */
  answer(request: TokenRequest): Promise<GrantedToken | RefusedToken>;
  /**
   * All that `answer` looks at before it fetches a token; for interfaces that need two requests. A refusal counts and is
   * recorded as one of `answer` is. Never throws.
   */
  check(request: TokenRequest): Promise<RefusedToken | { readonly kind: 'allowed'; readonly identity: Identity }>;
  /** Who the caller is here, without a token. Nothing is recorded. Never throws. */
  whoIs(attest: TokenRequest['attest']): Promise<Standing>;
  /** From now on everybody is refused; refusals that were counted but not recorded are recorded. */
  close(): void;
}

export interface TokenDeskParts {
  readonly policy: Policy;
  readonly secrets: SessionSecrets;
  readonly isAlive: IsAlive;
  readonly source: TokenSource;
  readonly ledger: IssuanceLedger;
  readonly limit: RateLimit;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly counts: MutableCounts;
  readonly onEvent: (event: TokenEvent) => void;
}

const causeOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');

/** Processes that cannot be named share one allowance. */
const NOBODY = 'nobody';

const holderOf = ({ pid, startNs, selectionName, sessionKey, sessionId }: Caller): TokenHolder => ({
  pid,
  startNs,
  selectionName,
  sessionKey,
  ...(sessionId === undefined ? {} : { sessionId }),
});

const rateKey = (caller: Caller | undefined): string =>
  caller === undefined ? NOBODY : `${caller.pid} ${caller.startNs}`;

type Attested =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unavailable' };

export function createTokenDesk(parts: TokenDeskParts): TokenDesk {
  const { policy, secrets, isAlive, source, ledger, limit, clock, log, counts, onEvent } = parts;
  let closed = false;
  let canAttest = true;

  /** Said once when it begins and once when it ends: each request would say it otherwise. */
  function noteAttestation(works: boolean, error?: unknown): void {
    if (works === canAttest) return;
    canAttest = works;
    if (works) log.info({}, 'callers can be attested again');
    else log.error({ cause: causeOf(error) }, 'callers cannot be attested; all are refused');
  }

  function attested(attest: TokenRequest['attest']): Attested {
    try {
      const caller = attest();
      noteAttestation(true);
      return caller === undefined ? { kind: 'nobody' } : { kind: 'caller', caller };
    } catch (error) {
      noteAttestation(false, error);
      return { kind: 'unavailable' };
    }
  }

  /** Who asked, who it is bound to, when: what all events of one request share. */
  function eventBase(request: { readonly interface: string }, caller: Caller | undefined, startedAtMs: number) {
    const bound = caller?.selectionName === undefined ? 'no_binding' : boundIdentity(policy, caller.selectionName);
    const identity = typeof bound === 'string' ? undefined : bound.identity;
    return {
      startedAtNs: nsOfMs(startedAtMs),
      endedAtNs: nsOfMs(clock.wallMs()),
      interface: request.interface,
      caller: caller && holderOf(caller),
      identityId: identity?.objectId ?? identity?.clientId ?? '',
      identityName: identity?.name ?? '',
      issuance: undefined,
      count: 1,
    };
  }

  function refusedEvent(
    request: { readonly interface: string; readonly resource?: string | undefined },
    caller: Caller | undefined,
    startedAtMs: number,
    reason: RefusalReason,
    count = 1,
  ): TokenEvent {
    const base = eventBase(request, caller, startedAtMs);
    const isBound = base.identityName !== '';
    return {
      ...base,
      action: TokenAction.REFUSED,
      fingerprint: '',
      tokenId: '',
      claims: {},
      audience: (request.resource ?? '').slice(0, 512),
      tenantId: '',
      issuedAtNs: 0n,
      expiresAtNs: 0n,
      reason,
      suspicious: REFUSALS[reason].suspicious,
      identityState: isBound ? IdentityState.POLICY : IdentityState.NONE,
      identitySource: isBound ? IdentitySource.POLICY : IdentitySource.NONE,
      count,
    };
  }

  function issuedEvent(request: TokenRequest, caller: Caller, startedAtMs: number, held: HeldToken): TokenEvent {
    const base = eventBase(request, caller, startedAtMs);
    const { claims, verification } = held;
    return {
      ...base,
      action: TokenAction.ISSUED,
      fingerprint: held.fingerprint,
      tokenId: textClaim(claims, 'uti'),
      claims: recordedClaims(claims),
      audience: audiencesIn(claims)[0] ?? request.resource ?? '',
      tenantId: textClaim(claims, 'tid'),
      issuedAtNs: nsOfMs((timeClaim(claims, 'iat') ?? 0) * 1000),
      expiresAtNs: nsOfMs(held.expiresAtMs),
      reason: verification.state === 'verified' ? '' : verification.reason,
      suspicious: false,
      identityId: textClaim(claims, 'oid') || base.identityId,
      identityState: verification.state === 'verified' ? IdentityState.VERIFIED : IdentityState.UNVERIFIABLE,
      identitySource: IdentitySource.BROKER,
    };
  }

  /** True when the agent took the event. */
  function tell(event: TokenEvent): boolean {
    try {
      onEvent(event);
      return true;
    } catch (error) {
      counts.eventsFailed += 1;
      log.error({ cause: causeOf(error) }, 'a token event could not be recorded');
      return false;
    }
  }

  function refuse(
    request: TokenRequest,
    caller: Caller | undefined,
    startedAtMs: number,
    reason: RefusalReason,
    { retryAfterS = 1, recorded = 1 }: { retryAfterS?: number; recorded?: number } = {},
  ): RefusedToken {
    const correlationId = randomUUID();
    counts.refused[reason] = (counts.refused[reason] ?? 0) + 1;
    if (recorded > 0) tell(refusedEvent(request, caller, startedAtMs, reason, recorded));
    if (REFUSALS[reason].suspicious) {
      log.warn(
        { reason, pid: caller?.pid, workload: caller?.selectionName, correlationId },
        'a suspicious request was refused',
      );
    }
    return { kind: 'refused', reason, retryAfterS, correlationId };
  }

  function secretProblem(
    caller: Caller & { selectionName: string },
    presented: string | undefined,
  ): RefusalReason | undefined {
    const expected = secrets.secretFor(caller);
    if (expected === undefined) return 'session_without_secret';
    if (presented === undefined || presented === '') return 'secret_missing';
    return isSecret(presented, expected) ? undefined : 'secret_wrong';
  }

  /** Time has passed since the request came: is it still the same process that waits for the answer? */
  function stillThere(request: TokenRequest, caller: Caller): RefusalReason | undefined {
    if (!isAlive(caller)) return 'caller_gone';
    const now = attested(request.attest);
    if (now.kind === 'unavailable') return 'attestation_unavailable';
    if (now.kind === 'nobody') return 'caller_gone';
    return isSameCaller(now.caller, caller) ? undefined : 'caller_changed';
  }

  function decideOn(request: TokenRequest, caller: Caller & { selectionName: string }): Decision {
    const problem = request.secret === 'required' ? secretProblem(caller, request.presentedSecret) : undefined;
    if (problem !== undefined) return { kind: 'refused', reason: problem };
    return decide(policy, {
      workload: caller.selectionName,
      interface: request.interface,
      resource: request.resource,
      selectors: request.selectors ?? [],
    });
  }

  async function decideAndFetch(
    request: TokenRequest,
    caller: Caller & { selectionName: string },
  ): Promise<
    | (Omit<GrantedToken, 'nowMs' | 'advertisedSeconds'> & { secondsMax: number })
    | (Pick<RefusedToken, 'reason'> & { retryAfterS?: number })
  > {
    const decision = decideOn(request, caller);
    if (decision.kind === 'refused') return { reason: decision.reason };
    const { identity, allowed, advertisedSecondsMax } = decision;
    // Without it the token would be the application's own, which was not asked for.
    if (request.userAssertion !== undefined) return { reason: 'malformed_request' };
    const answer = await source.get(identity, allowed, request.staleFingerprint);
    if (answer.kind === 'refused') return { reason: answer.reason, retryAfterS: answer.retryAfterS };
    return { kind: 'token', held: answer.held, identity, resource: allowed.resource, secondsMax: advertisedSecondsMax };
  }

  /** The caller of a request that may go on to the decision. */
  function admitted(request: TokenRequest, startedAtMs: number): (Caller & { selectionName: string }) | RefusedToken {
    const who = attested(request.attest);
    const caller = who.kind === 'caller' ? who.caller : undefined;
    const no = (reason: RefusalReason, recorded = 1): RefusedToken =>
      refuse(request, caller, startedAtMs, reason, { recorded });

    if (closed) return no('stopping');
    const turn = limit.take(rateKey(caller));
    if (turn.kind === 'refuse') return no('too_many_requests', turn.recorded);
    if (request.refuse !== undefined) return no(request.refuse);
    if (who.kind === 'unavailable') return no('attestation_unavailable');
    if (caller === undefined) return no('caller_unknown');
    const { selectionName } = caller;
    return selectionName === undefined ? no('not_a_workload') : { ...caller, selectionName };
  }

  async function check(
    request: TokenRequest,
    startedAtMs: number,
  ): Promise<RefusedToken | { kind: 'allowed'; identity: Identity }> {
    const caller = admitted(request, startedAtMs);
    if ('reason' in caller) return caller;
    const decision = decideOn(request, caller);
    if (decision.kind === 'refused') return refuse(request, caller, startedAtMs, decision.reason);
    return { kind: 'allowed', identity: decision.identity };
  }

  function whoIs(attest: TokenRequest['attest']): Standing {
    const nobody = { identity: undefined, policyName: undefined, resources: [], interfaces: [] };
    const who = attested(attest);
    if (who.kind === 'unavailable') return { ...nobody, caller: undefined, reason: 'attestation_unavailable' };
    if (who.kind === 'nobody') return { ...nobody, caller: undefined, reason: 'caller_unknown' };
    const { caller } = who;
    if (caller.selectionName === undefined) return { ...nobody, caller, reason: 'not_a_workload' };
    const bound = boundIdentity(policy, caller.selectionName);
    if (typeof bound === 'string') return { ...nobody, caller, reason: bound };
    const { binding, identity } = bound;
    return {
      caller,
      identity,
      policyName: binding.workload,
      resources: binding.resources.map((entry) => (typeof entry === 'string' ? entry : entry.resource)),
      interfaces: binding.interfaces ?? INTERFACES_DEFAULT,
      reason: undefined,
    };
  }

  async function serve(request: TokenRequest, startedAtMs: number): Promise<GrantedToken | RefusedToken> {
    const caller = admitted(request, startedAtMs);
    if ('reason' in caller) return caller;
    const no = (reason: RefusalReason, rest?: { retryAfterS?: number; recorded?: number }): RefusedToken =>
      refuse(request, caller, startedAtMs, reason, rest);

    const outcome = await decideAndFetch(request, caller);
    if ('reason' in outcome) return no(outcome.reason, outcome);

    const change = closed ? 'stopping' : stillThere(request, caller);
    if (change !== undefined) return no(change);
    const { held, secondsMax, ...granted } = outcome;
    const event = issuedEvent(request, caller, startedAtMs, held);
    if (!tell(event)) return no('record_unavailable', { recorded: 0 });
    const issuance: Issuance = {
      holder: holderOf(caller),
      identityName: granted.identity.name,
      issuedAtNs: event.endedAtNs,
    };
    ledger.add(held, issuance);
    counts.issued += 1;
    const nowMs = clock.wallMs();
    const leftSeconds = Math.floor((held.expiresAtMs - nowMs) / 1000);
    return { ...granted, held, advertisedSeconds: Math.max(0, Math.min(leftSeconds, secondsMax)), nowMs };
  }

  async function counted<Answer>(
    request: TokenRequest,
    answer: (request: TokenRequest, startedAtMs: number) => Promise<Answer>,
  ): Promise<Answer | RefusedToken> {
    const startedAtMs = clock.wallMs();
    counts.requests += 1;
    try {
      return await answer(request, startedAtMs);
    } catch (error) {
      // A mistake of ours, or a `SessionSecrets` that fails: no token, and the agent lives on.
      log.error({ cause: causeOf(error) }, 'the broker failed to answer a request');
      return refuse(request, undefined, startedAtMs, 'broker_failed');
    }
  }

  return {
    answer: (request) => counted(request, serve),
    check: (request) => counted(request, check),
    whoIs: async (attest) => whoIs(attest),
    close() {
      if (closed) return;
      closed = true;
      const nowMs = clock.wallMs();
      for (const count of limit.drain().values()) {
        tell(refusedEvent({ interface: '' }, undefined, nowMs, 'too_many_requests', count));
      }
    },
  };
}
