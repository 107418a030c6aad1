// SPDX-License-Identifier: Apache-2.0

/** What a process is told of itself: nothing that it could not find out by asking for tokens. */

import { REFUSALS, refusalCode } from '../refusal.ts';
import type { Standing } from '../token-desk.ts';

/** Names as in the record; null where there is none. `message` says why it would be refused whatever it asks for. */
export function whoamiBody({ caller, identity, policyName, resources, interfaces, reason }: Standing): object {
  return {
    pid: caller?.pid ?? null,
    uid: caller?.uid ?? null,
    workload: caller?.selectionName ?? null,
    session_id: caller?.sessionId ?? null,
    identity:
      identity === undefined
        ? null
        : {
            name: identity.name,
            kind: identity.kind,
            tenant: identity.tenant,
            client_id: identity.clientId,
            object_id: identity.objectId ?? null,
          },
    policy: policyName ?? null,
    resources,
    interfaces,
    ...(reason !== undefined && { code: refusalCode(reason), message: REFUSALS[reason].message }),
  };
}
