// SPDX-License-Identifier: Apache-2.0

/** What the desk did → what is told of it. Pure. */

import { IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import type { Caller } from './attest/caller-directory.ts';
import type { CallerFacts } from './attest/caller-facts.ts';
import { nsOfMs } from './clock.ts';
import type { HeldToken } from './entra/token-source.ts';
import { likelyIdentity } from './policy/decide.ts';
import type { Identity, Policy, PolicySet } from './policy/policy.ts';
import { REFUSALS, type RefusalReason } from './refusal.ts';
import { audiencesIn, textClaim, timeClaim } from './token/compact-token.ts';
import { recordedClaims } from './token/recorded-claims.ts';
import type { TokenEvent, TokenHolder } from './token-event.ts';

interface Asked {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly request: { readonly interface: string; readonly resource?: string | undefined };
}

export interface Refused extends Asked {
  readonly caller: Caller | undefined;
  readonly reason: RefusalReason;
  /** How many equal refusals it stands for. */
  readonly count: number;
  /** What was known when it was refused. */
  readonly known: {
    readonly identity?: Identity | undefined;
    readonly policy?: Policy | undefined;
    readonly facts?: CallerFacts | undefined;
  };
}

export interface Issued extends Asked {
  readonly caller: Caller;
  readonly held: HeldToken;
  readonly identity: Identity;
  readonly policy: Policy;
  readonly facts: CallerFacts;
}

export const holderOf = ({ pid, startNs, selectionName, sessionKey, sessionId }: Caller): TokenHolder => ({
  pid,
  startNs,
  selectionName,
  sessionKey,
  ...(sessionId === undefined ? {} : { sessionId }),
});

function baseOf(
  { startedAtMs, endedAtMs, request }: Asked,
  caller: Caller | undefined,
  identity: Identity | undefined,
) {
  return {
    startedAtNs: nsOfMs(startedAtMs),
    endedAtNs: nsOfMs(endedAtMs),
    interface: request.interface,
    caller: caller && holderOf(caller),
    identityId: identity?.objectId ?? identity?.clientId ?? '',
    identityName: identity?.name ?? '',
    issuance: undefined,
  };
}

const programOf = (facts: CallerFacts | undefined): Pick<TokenEvent, 'exeSha256'> =>
  facts === undefined || facts.exeSha256 === '' ? {} : { exeSha256: facts.exeSha256 };

/** `set` names the identity of a workload that was refused before it came to a policy. */
export function refusedEvent(refused: Refused, set: PolicySet): TokenEvent {
  const { request, caller, reason, count, known } = refused;
  const likely = caller?.selectionName === undefined ? undefined : likelyIdentity(set, caller.selectionName);
  const identity = known.identity ?? (known.facts === undefined ? likely : undefined);
  return {
    ...baseOf(refused, caller, identity),
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
    identityState: identity === undefined ? IdentityState.NONE : IdentityState.POLICY,
    identitySource: identity === undefined ? IdentitySource.NONE : IdentitySource.POLICY,
    count,
    ...(known.policy === undefined ? {} : { policy: known.policy.name }),
    ...programOf(known.facts),
  };
}

export function issuedEvent(issued: Issued): TokenEvent {
  const { request, caller, held, identity, policy, facts } = issued;
  const { claims, verification } = held;
  const base = baseOf(issued, caller, identity);
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
    count: 1,
    policy: policy.name,
    ...programOf(facts),
  };
}
