// SPDX-License-Identifier: Apache-2.0

/** The broker's issuer with the files of the policies, and what of it comes into the record. */

import { IdentitySource, IdentityState, TokenAction } from '../../model/activity.ts';
import { type Clock, nsOfMs } from '../clock.ts';
import type { MutableCounts } from '../counts.ts';
import type { FederatedPlace } from '../environment.ts';
import { BrokerError } from '../errors.ts';
import type { IssuanceLedger } from '../issuance-ledger.ts';
import type { BrokerLog } from '../log.ts';
import { type FederationGrant, federationGrants } from '../policy/federation-grants.ts';
import type { PolicySet } from '../policy/policy.ts';
import { fingerprintOf } from '../token/compact-token.ts';
import { recordedClaims } from '../token/recorded-claims.ts';
import type { Issuance, TokenEvent, TokenHolder } from '../token-event.ts';
import { EXCHANGE_AUDIENCE, type Issuer, openIssuer, type SignedAssertion } from './issuer.ts';
import type { KeyPlace } from './issuer-keys.ts';
import { openWorkloadFiles } from './workload-files.ts';

export interface FederationOptions {
  /** https URL under which the operator publishes the issuer's two documents. */
  readonly issuer: string;
  readonly keys: KeyPlace;
  /** Where the key set is written for operators; it has nothing secret. */
  readonly keySetFile?: string;
  /** Of the files; nothing else may be in it. */
  readonly folder: string;
  /** The only session of a workload, where there is exactly one. */
  readonly sessionOf: (workload: string) => TokenHolder | undefined;
}

export interface FederationParts {
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly counts: MutableCounts;
  readonly ledger: IssuanceLedger;
  readonly onEvent: (event: TokenEvent) => void;
}

export interface Federation {
  readonly issuer: Issuer;
  /** Where a workload finds its file, and as whom it may ask; undefined when it has none. */
  placeOf(workload: string): FederatedPlace | undefined;
  /** Errors: BrokerError of the first file that cannot be written; it is tried again. */
  follow(policy: PolicySet): Promise<void>;
  /** Writes what is due. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** Errors: BrokerError. */
export async function openFederation(options: FederationOptions, parts: FederationParts): Promise<Federation> {
  const { clock, log, counts, ledger, onEvent } = parts;
  const issuer = await openIssuer({ url: options.issuer, keys: options.keys, clock, keySetFile: options.keySetFile });
  let grants: readonly FederationGrant[] = [];
  const files = openWorkloadFiles({ folder: options.folder, issuer, clock, log, counts, onSigned });

  function onSigned(grant: FederationGrant, signed: SignedAssertion): void {
    const { workload } = grant;
    const holder = options.sessionOf(workload) ?? { pid: 0, startNs: 0n, selectionName: workload, sessionKey: 0n };
    const event = signedEvent(grant, signed, holder, clock.wallMs());
    // As of every token: what is not recorded is not given out.
    onEvent(event);
    counts.issued += 1;
    const { fingerprint, identityName, identityId } = event;
    const issuance: Issuance = { holder, identityName, identityId, issuedAtNs: event.startedAtNs, isForWorkload: true };
    const { claims, expiresAtMs } = signed;
    ledger.add({ fingerprint, expiresAtMs, verification: { state: 'verified' }, claims }, issuance);
  }

  return {
    issuer,
    placeOf(workload) {
      const identity = grants.find((grant) => grant.workload === workload)?.identity;
      if (identity === undefined) return undefined;
      return { tokenFile: files.pathOf(workload), clientId: identity.clientId, tenant: identity.tenant };
    },
    async follow(policy) {
      grants = federationGrants(policy);
      await files.set(grants);
    },
    look: () => files.look(),
    close: () => files.close(),
  };
}

/** The configuration says whom it is for; Entra has not said it yet. */
function signedEvent(
  { identity, policy }: FederationGrant,
  { token, claims, issuedAtMs, expiresAtMs }: SignedAssertion,
  caller: TokenHolder,
  nowMs: number,
): TokenEvent & { readonly identityId: string } {
  return {
    action: TokenAction.ISSUED,
    startedAtNs: nsOfMs(nowMs),
    endedAtNs: nsOfMs(nowMs),
    fingerprint: fingerprintOf(token),
    tokenId: '',
    claims: recordedClaims(claims),
    audience: EXCHANGE_AUDIENCE,
    tenantId: identity.tenant,
    issuedAtNs: nsOfMs(issuedAtMs),
    expiresAtNs: nsOfMs(expiresAtMs),
    interface: 'workload-identity',
    reason: '',
    suspicious: false,
    caller,
    identityId: identity.objectId ?? identity.clientId,
    identityName: identity.name,
    identityState: IdentityState.POLICY,
    identitySource: IdentitySource.POLICY,
    issuance: undefined,
    count: 1,
    tokenKind: 'jwt',
    policy: policy.name,
  };
}

/** Errors: BrokerError POLICY_BROKEN for a policy that wants files where nothing writes them. */
export function expectNoGrants(policy: PolicySet): void {
  const [grant] = federationGrants(policy);
  if (grant === undefined) return;
  throw new BrokerError('POLICY_BROKEN', `policy ${grant.policy.name}: workload-identity is not enabled`);
}
