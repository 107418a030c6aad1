// SPDX-License-Identifier: Apache-2.0

/** Activities for tests and measurements: like those of a real workload in shape and size. */
import { type ActivityOf, IdentitySource, IdentityState, Role, Status, uint64FromBigint } from '../model/activity.ts';

const NOTHING = new Uint8Array(0);
const START_NS = 1_790_000_000_000_000_000n;

/** A PostgreSQL SELECT, about 550 bytes in the journal. Number `index` of its kind: `commandIndex` finds it again. */
export function sampleCommand(
  index: number,
  change: Partial<ActivityOf<'command'>['command']> = {},
): ActivityOf<'command'> {
  const timeNs = uint64FromBigint(START_NS + BigInt(index) * 1_000_000n);
  return {
    timeNs,
    endTimeNs: uint64FromBigint(START_NS + BigInt(index) * 1_000_000n + 812_345n),
    sessionId: '3f0c1f5e8a7b4c2d',
    workload: 'support-bot',
    identityId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
    identityName: 'support-bot',
    identityState: IdentityState.VERIFIED,
    identitySource: IdentitySource.BROKER,
    tokenId: 'aBcDeFgHiJkLmNoP',
    identityTenant: '11111111-2222-3333-4444-555555555555',
    identityBlueprint: '',
    onBehalfOfId: '',
    onBehalfOfName: '',
    tokenAudience: 'https://ossrdbms-aad.database.windows.net',
    tokenScopes: 'user_impersonation',
    tokenFingerprint: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    identityKind: 'app',
    pid: 4242,
    processId: '4242-998877665544',
    exe: '/usr/bin/node',
    connectionId: '18446744073',
    detail: 'command',
    command: {
      protocol: 'postgresql',
      operation: 'SELECT',
      target: 'shop@10.0.0.5:5432',
      resource: 'orders',
      statement: 'SELECT id, total FROM orders WHERE customer_id = $1 AND state = $2',
      statementShape: 'select id, total from orders where customer_id = ? and state = ?',
      parameters: `["${index}","open"]`,
      request: NOTHING,
      response: Buffer.from('id|total\n1|20\n2|30\n3|40\n'),
      status: Status.OK,
      errorCode: '',
      errorMessage: '',
      rows: 3,
      requestBytes: 144,
      responseBytes: 210,
      truncated: false,
      requestPayloadBytes: 88,
      responsePayloadBytes: 24,
      requestSha256: NOTHING,
      responseSha256: NOTHING,
      tls: '',
      role: Role.CLIENT,
      attributes: { user: 'app' },
      durationNs: 812_345,
      ...change,
    },
  };
}

/** A program whose TLS went by unread, about 500 bytes in the journal. */
export function sampleFinding(change: Partial<ActivityOf<'finding'>['finding']> = {}): ActivityOf<'finding'> {
  const { command: _, ...head } = sampleCommand(0);
  return {
    ...head,
    exe: '/usr/bin/tool',
    detail: 'finding',
    finding: {
      kind: 'tls_unreadable',
      subject: '/usr/bin/tool',
      message: 'nothing is known that reads the TLS of /usr/bin/tool',
      events: 3,
      bytes: 70_000,
      attributes: { exe: '/usr/bin/tool', library: 'gnutls 3.7.9', reason: 'no_probe', server_name: 'api.example' },
      ...change,
    },
  };
}

/** Which sample an activity is; -1 for anything else. */
export function commandIndex(activity: { readonly command?: { readonly parameters?: string | null } | null }): number {
  const match = /^\["(\d+)","open"\]$/.exec(activity.command?.parameters ?? '');
  return match === null ? -1 : Number(match[1]);
}
