// SPDX-License-Identifier: Apache-2.0

/** What a caller is by now, and what the policy makes of it: looked at when a request comes, and again before its token leaves. */

import { isDeepStrictEqual } from 'node:util';
import type { Caller, IsAlive } from './attest/caller-directory.ts';
import type { CallerFacts, FactsOf } from './attest/caller-facts.ts';
import type { TokenSource } from './entra/token-source.ts';
import type { BrokerLog } from './log.ts';
import {
  type Bound,
  boundIdentity,
  type Decision,
  decide,
  decideWithoutDigest,
  wantedDigests,
} from './policy/decide.ts';
import type { Asker } from './policy/match.ts';
import type { PolicySet } from './policy/policy.ts';
import type { IdentitySelector } from './policy/selector.ts';
import type { RefusalReason } from './refusal.ts';
import type { TokenInterface } from './token-interface.ts';

/** What is asked when a request comes, so that it can be changed while the desk is open. */
export interface Standards {
  readonly policy: PolicySet;
  readonly source: TokenSource;
}

export type WorkloadCaller = Caller & { readonly selectionName: string };

export type Granted = Extract<Decision, { kind: 'granted' }> & { readonly facts: CallerFacts };

/** A decision, and the facts that it was made on. */
export type Judged = Granted | (Extract<Decision, { kind: 'refused' }> & { readonly facts?: CallerFacts });

const isSameProgram = (a: CallerFacts, b: CallerFacts): boolean => a.device === b.device && a.inode === b.inode;

/** The connection was opened in another session, or for another program. */
export function wasHandedOn({ openedBy, openedExecs, execs, sessionKey, selectionName }: Caller): boolean {
  if (openedExecs !== undefined && openedExecs !== execs) return true;
  return openedBy !== undefined && (openedBy.sessionKey !== sessionKey || openedBy.selectionName !== selectionName);
}

/** What is judged of a request. */
export interface Asked {
  readonly interface: TokenInterface;
  readonly resource?: string | undefined;
  readonly selectors?: readonly IdentitySelector[];
}

export interface CallerJudge {
  /** By what the caller is now. */
  judge(request: Asked, caller: WorkloadCaller): Promise<Judged>;
  /** Time has passed since `before` was granted: what the caller is now, or why it gets nothing. */
  judgeAgain(request: Asked, caller: WorkloadCaller, before: Granted): Promise<Judged>;
  /** As whom the caller may ask, whatever for. */
  boundNow(caller: WorkloadCaller): Promise<Bound | RefusalReason>;
}

export interface CallerJudgeParts {
  readonly standards: () => Standards;
  readonly factsOf: FactsOf;
  readonly isAlive: IsAlive;
  readonly log: BrokerLog;
}

const causeOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');

export function createCallerJudge({ standards, factsOf, isAlive, log }: CallerJudgeParts): CallerJudge {
  /** The facts of a caller, or why there are none. */
  async function factsOrWhy(caller: Caller, wanted: { digest: boolean }): Promise<CallerFacts | RefusalReason> {
    try {
      return (await factsOf(caller, wanted)) ?? (isAlive(caller) ? 'caller_unreadable' : 'caller_gone');
    } catch (error) {
      log.error({ pid: caller.pid, cause: causeOf(error) }, 'what a caller runs could not be read');
      return 'caller_unreadable';
    }
  }

  /** By what the caller is now. A digest is only made when the answer hangs on it: who is refused does not wait for one. */
  async function judge(request: Asked, caller: WorkloadCaller): Promise<Judged> {
    const { policy } = standards();
    const question = { interface: request.interface, resource: request.resource, selectors: request.selectors ?? [] };
    const facts = await factsOrWhy(caller, { digest: false });
    if (typeof facts === 'string') return { kind: 'refused', reason: facts };
    const workload = caller.selectionName;
    const quick = decideWithoutDigest(policy, { ...facts, workload }, question);
    if (quick.kind !== 'digest-needed') return { ...quick, facts };
    const whole = await factsOrWhy(caller, { digest: true });
    if (typeof whole === 'string') return { kind: 'refused', reason: whole, facts };
    return { ...decide(policy, { ...whole, workload }, question), facts: whole };
  }

  async function judgeAgain(request: Asked, caller: WorkloadCaller, before: Granted): Promise<Judged> {
    const now = await judge(request, caller);
    if (now.facts !== undefined && !isSameProgram(now.facts, before.facts)) {
      return { kind: 'refused', reason: 'caller_changed', facts: now.facts };
    }
    if (now.kind === 'refused') return now;
    const same = now.policy.name === before.policy.name && isDeepStrictEqual(now.identity, before.identity);
    return same ? now : { kind: 'refused', reason: 'policy_changed', facts: now.facts };
  }

  async function boundNow(caller: WorkloadCaller): Promise<Bound | RefusalReason> {
    const { policy } = standards();
    const read = async (digest: boolean): Promise<Asker | RefusalReason> => {
      const facts = await factsOrWhy(caller, { digest });
      return typeof facts === 'string' ? facts : { ...facts, workload: caller.selectionName };
    };
    const asker = await read(false);
    if (typeof asker === 'string') return asker;
    const whole = wantedDigests(policy, asker).length > 0 ? await read(true) : asker;
    return typeof whole === 'string' ? whole : boundIdentity(policy, whole);
  }

  return { judge, judgeAgain, boundNow };
}
