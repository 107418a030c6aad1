// SPDX-License-Identifier: Apache-2.0

/**
 * Where a request becomes a token or a refusal, the same for every interface: who asks, with which secret, as whom, for
 * what; then the token, then once more who asks. The order matters: nothing is decided on what the caller says before the
 * kernel has said who it is, nothing is handed out that was not recorded before, and whoever asked must still be there, be
 * the same program, and be matched by the same policy.
 */

import { randomUUID } from 'node:crypto';
import { type Caller, type IsAlive, isSameCaller } from './attest/caller-directory.ts';
import type { FactsOf } from './attest/caller-facts.ts';
import { isSecret, type SessionSecrets } from './attest/session-secret.ts';
import { createCallerJudge, type Judged, type Standards, type WorkloadCaller, wasHandedOn } from './caller-judge.ts';
import type { Clock } from './clock.ts';
import type { MutableCounts } from './counts.ts';
import { holderOf, issuedEvent, type Refused, refusedEvent } from './desk-event.ts';
import type { HeldToken } from './entra/token-source.ts';
import type { IssuanceLedger } from './issuance-ledger.ts';
import type { BrokerLog } from './log.ts';
import type { Identity } from './policy/policy.ts';
import type { IdentitySelector } from './policy/selector.ts';
import type { RateLimit } from './rate-limit.ts';
import { REFUSALS, type RefusalReason } from './refusal.ts';
import type { SecretText } from './token/secret-text.ts';
import type { Issuance, TokenEvent } from './token-event.ts';
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
  /** Who the caller is here, without a token. Nothing is recorded, unless it asks too often. Never throws. */
  whoIs(attest: TokenRequest['attest']): Promise<Standing>;
  /** From now on everybody is refused; refusals that were counted but not recorded are recorded. */
  close(): void;
}

export interface TokenDeskParts {
  readonly standards: () => Standards;
  readonly factsOf: FactsOf;
  readonly secrets: SessionSecrets;
  readonly isAlive: IsAlive;
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

const rateKey = (caller: Caller | undefined): string =>
  caller === undefined ? NOBODY : `${caller.pid} ${caller.startNs}`;

type Attested =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unavailable' };

export function createTokenDesk(parts: TokenDeskParts): TokenDesk {
  const { standards, factsOf, secrets, isAlive, ledger, limit, clock, log, counts, onEvent } = parts;
  const { judge, judgeAgain, boundNow } = createCallerJudge({ standards, factsOf, isAlive, log });
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
    { retryAfterS = 1, recorded = 1, ...known }: { retryAfterS?: number; recorded?: number } & Refused['known'] = {},
  ): RefusedToken {
    const correlationId = randomUUID();
    counts.refused[reason] = (counts.refused[reason] ?? 0) + 1;
    if (recorded > 0) {
      const { policy } = standards();
      const times = { startedAtMs, endedAtMs: clock.wallMs() };
      tell(refusedEvent({ ...times, request, caller, reason, count: recorded, known }, policy));
    }
    if (REFUSALS[reason].suspicious) {
      log.warn(
        { reason, pid: caller?.pid, workload: caller?.selectionName, correlationId },
        'a suspicious request was refused',
      );
    }
    return { kind: 'refused', reason, retryAfterS, correlationId };
  }

  function secretProblem(caller: WorkloadCaller, presented: string | undefined): RefusalReason | undefined {
    const expected = secrets.secretFor(caller);
    if (expected === undefined) return 'session_without_secret';
    if (presented === undefined || presented === '') return 'secret_missing';
    return isSecret(presented, expected) ? undefined : 'secret_wrong';
  }

  /** All that is looked at before a token is fetched. */
  async function judgeRequest(request: TokenRequest, caller: WorkloadCaller): Promise<Judged> {
    const problem = request.secret === 'required' ? secretProblem(caller, request.presentedSecret) : undefined;
    if (problem !== undefined) return { kind: 'refused', reason: problem };
    return judge(request, caller);
  }

  /** The caller of a request that may go on to the decision. */
  function admitted(request: TokenRequest, startedAtMs: number): WorkloadCaller | RefusedToken {
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
    if (wasHandedOn(caller)) return no('caller_changed');
    const { selectionName } = caller;
    return selectionName === undefined ? no('not_a_workload') : { ...caller, selectionName };
  }

  async function check(
    request: TokenRequest,
    startedAtMs: number,
  ): Promise<RefusedToken | { kind: 'allowed'; identity: Identity }> {
    const caller = admitted(request, startedAtMs);
    if ('reason' in caller) return caller;
    const judged = await judgeRequest(request, caller);
    if (judged.kind === 'refused') return refuse(request, caller, startedAtMs, judged.reason, judged);
    return { kind: 'allowed', identity: judged.identity };
  }

  async function whoIs(attest: TokenRequest['attest']): Promise<Standing> {
    const nobody = { identity: undefined, policyName: undefined, resources: [], interfaces: [] };
    const startedAtMs = clock.wallMs();
    const who = attested(attest);
    const asker = who.kind === 'caller' ? who.caller : undefined;
    const turn = limit.take(rateKey(asker));
    if (turn.kind === 'refuse') {
      // The allowance is the one of its other requests, and so is the count that becomes a line of the record.
      const request: TokenRequest = { interface: 'unix', attest, secret: 'not-carried' };
      const { reason } = refuse(request, asker, startedAtMs, 'too_many_requests', { recorded: turn.recorded });
      return { ...nobody, caller: asker, reason };
    }
    if (who.kind === 'unavailable') return { ...nobody, caller: undefined, reason: 'attestation_unavailable' };
    if (who.kind === 'nobody') return { ...nobody, caller: undefined, reason: 'caller_unknown' };
    const { caller } = who;
    const { selectionName } = caller;
    if (wasHandedOn(caller)) return { ...nobody, caller, reason: 'caller_changed' };
    if (selectionName === undefined) return { ...nobody, caller, reason: 'not_a_workload' };
    const bound = await boundNow({ ...caller, selectionName });
    if (typeof bound === 'string') return { ...nobody, caller, reason: bound };
    const { policy, identity } = bound;
    return {
      caller,
      identity,
      policyName: policy.name,
      resources: policy.resources.map((entry) => (typeof entry === 'string' ? entry : entry.resource)),
      interfaces: policy.interfaces ?? INTERFACES_DEFAULT,
      reason: undefined,
    };
  }

  /** Nothing is awaited after it: what it finds holds when the token leaves. */
  function stillThere(request: TokenRequest, caller: Caller): RefusalReason | undefined {
    if (closed) return 'stopping';
    if (!isAlive(caller)) return 'caller_gone';
    const now = attested(request.attest);
    if (now.kind === 'unavailable') return 'attestation_unavailable';
    if (now.kind === 'nobody') return 'caller_gone';
    return isSameCaller(now.caller, caller) && !wasHandedOn(now.caller) ? undefined : 'caller_changed';
  }

  async function serve(request: TokenRequest, startedAtMs: number): Promise<GrantedToken | RefusedToken> {
    const caller = admitted(request, startedAtMs);
    if ('reason' in caller) return caller;
    const no = (reason: RefusalReason, known?: Refused['known'] & { retryAfterS?: number; recorded?: number }) =>
      refuse(request, caller, startedAtMs, reason, known);

    const judged = await judgeRequest(request, caller);
    if (judged.kind === 'refused') return no(judged.reason, judged);
    const { identity, allowed, advertisedSecondsMax } = judged;
    // For the record, which has it when it is there by then; nobody waits for it.
    if (judged.facts.exeSha256Missing === 'not-asked') factsOf(caller, { digest: true }).catch(() => undefined);
    const answer = await standards().source.get(identity, allowed, request);
    if (answer.kind === 'refused') return no(answer.reason, { ...judged, retryAfterS: answer.retryAfterS });

    const again = await judgeAgain(request, caller, judged);
    if (again.kind === 'refused') return no(again.reason, again);
    const change = stillThere(request, caller);
    if (change !== undefined) return no(change, again);
    const { held, keptUntilMs } = answer;
    const nowMs = clock.wallMs();
    const { policy, facts } = again;
    const event = issuedEvent({ startedAtMs, endedAtMs: nowMs, request, caller, held, identity, policy, facts });
    if (!tell(event)) return no('record_unavailable', { recorded: 0 });
    const issuance: Issuance = {
      holder: holderOf(caller),
      identityName: identity.name,
      issuedAtNs: event.endedAtNs,
    };
    ledger.add(held, issuance);
    counts.issued += 1;
    const leftSeconds = Math.floor((Math.min(held.expiresAtMs, keptUntilMs) - nowMs) / 1000);
    const advertisedSeconds = Math.max(0, Math.min(leftSeconds, advertisedSecondsMax));
    return { kind: 'token', held, identity, resource: allowed.resource, advertisedSeconds, nowMs };
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
    whoIs,
    close() {
      if (closed) return;
      closed = true;
      const nowMs = clock.wallMs();
      for (const count of limit.drain().values()) {
        const request = { interface: '' };
        const times = { startedAtMs: nowMs, endedAtMs: nowMs };
        const reason = 'too_many_requests';
        tell(refusedEvent({ ...times, request, caller: undefined, reason, count, known: {} }, standards().policy));
      }
    },
  };
}
