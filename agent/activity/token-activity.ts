// SPDX-License-Identifier: Apache-2.0

/** What the broker tells → a line of the record. */
import type { TokenEvent } from '../broker/token-event.ts';
import type { Session, TrackedProcess } from '../lineage/session.ts';
import { type Activity, uint64FromBigint } from '../model/activity.ts';

export function tokenActivity(
  event: TokenEvent,
  session: Session | undefined,
  process: TrackedProcess | undefined,
  processId: string,
): Activity {
  return {
    timeNs: uint64FromBigint(event.startedAtNs),
    endTimeNs: uint64FromBigint(event.endedAtNs),
    sessionId: session?.id ?? '',
    workload: session?.workload ?? event.caller?.selectionName ?? '',
    identityId: event.identityId,
    identityName: event.identityName,
    identityState: event.identityState,
    identitySource: event.identitySource,
    tokenId: event.tokenId,
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
      // A token has no attributes in the record (docs/RECORD.md, detail 23), and no number of its own for this.
      reason: event.count > 1 ? `${event.reason} (${event.count} times)` : event.reason,
      interface: event.interface,
    },
  };
}
