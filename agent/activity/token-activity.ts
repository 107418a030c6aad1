// SPDX-License-Identifier: Apache-2.0

/** What the broker tells → a line of the record. */
import type { TokenEvent } from '../broker/token-event.ts';
import type { Session, TrackedProcess } from '../lineage/session.ts';
import { type Activity, uint64FromBigint } from '../model/activity.ts';
import type { Binding } from '../model/identity.ts';

/** Who of the record was given the token that is seen in use; texts are '' where that is not known. */
export interface HolderIds {
  readonly sessionId: string;
  readonly processId: string;
}

export const NO_HOLDER: HolderIds = { sessionId: '', processId: '' };

/** `binding` is the token's own: whose power it is, whoever uses it. */
export function tokenActivity(
  event: TokenEvent,
  binding: Binding,
  session: Session | undefined,
  process: TrackedProcess | undefined,
  processId: string,
  holder: HolderIds = NO_HOLDER,
): Activity {
  return {
    timeNs: uint64FromBigint(event.startedAtNs),
    endTimeNs: uint64FromBigint(event.endedAtNs),
    sessionId: session?.id ?? '',
    workload: session?.workload ?? event.caller?.selectionName ?? '',
    identityId: binding.identityId,
    identityName: binding.identityName,
    identityState: binding.state,
    identitySource: binding.source,
    tokenId: binding.tokenId,
    // Who signed it need not know of tenants.
    identityTenant: binding.tenantId || event.tenantId,
    identityBlueprint: binding.blueprintId,
    onBehalfOfId: binding.onBehalfOfId,
    onBehalfOfName: binding.onBehalfOfName,
    tokenAudience: binding.audience,
    tokenScopes: binding.scopes,
    tokenFingerprint: binding.fingerprint,
    identityKind: binding.kind,
    pid: event.caller?.pid ?? 0,
    processId,
    exe: process?.program?.exe ?? '',
    connectionId: '',
    detail: 'token',
    token: {
      action: event.action,
      fingerprint: event.fingerprint,
      audience: event.audience,
      tenantId: event.tenantId,
      claims: JSON.stringify(event.claims),
      issuedAtNs: uint64FromBigint(event.issuedAtNs),
      expiresAtNs: uint64FromBigint(event.expiresAtNs),
      reason: event.reason,
      interface: event.interface,
      suspicious: event.suspicious,
      holderSessionId: holder.sessionId,
      holderProcessId: holder.processId,
      count: event.count > 1 ? event.count : 0,
      kind: event.tokenKind ?? (event.claims['oid'] === undefined && event.claims['tid'] === undefined ? '' : 'jwt'),
      policy: event.policy ?? '',
      exeSha256: event.exeSha256 ?? '',
    },
  };
}
