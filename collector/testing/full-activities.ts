// SPDX-License-Identifier: Apache-2.0

/** One activity of each kind with every field filled, with values that formats like to get wrong. */
import { sworn } from '../../proto/record.ts';
import { type Activity, type ActivityProperties, fromBigInt } from '../model/activity.ts';

/** Every byte there is, an empty line, and what ends strings elsewhere. */
export const HOSTILE_BYTES = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from('\n\n;\'"`\\\0\t\r\n{{x}}\u{1f511}é'),
]);
export const HOSTILE_TEXT = `it's "quoted" \\ \`back\` ; -- no comment\n\n\t\r\0 é漢\u{1f511} {x:String} ${'long '.repeat(30)}`;
const MAX = (1n << 64n) - 1n;
const TIME = fromBigInt(1_760_000_000_123_456_789n);
const ACCOUNT = { moved: fromBigInt(MAX), decoded: 5, notUnderstood: 4, unreadable: 3, cut: 2, lost: 1 };

const shared: ActivityProperties = {
  timeNs: TIME,
  endTimeNs: fromBigInt(1_760_000_001_000_000_001n),
  sessionId: HOSTILE_TEXT,
  workload: 'w-é',
  identityId: 'id-1',
  identityName: HOSTILE_TEXT,
  identityState: sworn.v1.IdentityState.IDENTITY_STATE_UNVERIFIABLE,
  identitySource: sworn.v1.IdentitySource.IDENTITY_SOURCE_WIRE,
  tokenId: 'uti',
  identityTenant: 't-é',
  identityBlueprint: 'b-1',
  identityKind: 'agent',
  onBehalfOfId: 'human-1',
  onBehalfOfName: HOSTILE_TEXT,
  tokenAudience: 'https://x.example',
  tokenScopes: 'a.read b.write',
  tokenFingerprint: 'f'.repeat(64),
  pid: 4_294_967_295,
  processId: 'p-1',
  exe: '/usr/bin/x y',
  connectionId: 'c-1',
  salt: HOSTILE_BYTES.subarray(0, 16),
  leaf: HOSTILE_BYTES.subarray(100, 132),
};

const details: ActivityProperties[] = [
  {
    command: {
      protocol: 'postgresql',
      operation: 'DELETE',
      target: 'db@h:1',
      resource: 'a, b',
      statement: HOSTILE_TEXT,
      statementShape: 'shape',
      parameters: '["a",null]',
      request: HOSTILE_BYTES,
      response: HOSTILE_BYTES.subarray(10),
      status: sworn.v1.Status.STATUS_ERROR,
      errorCode: '42P01',
      errorMessage: HOSTILE_TEXT,
      rows: 0,
      requestBytes: fromBigInt(MAX),
      responseBytes: 1,
      truncated: true,
      requestPayloadBytes: 2,
      responsePayloadBytes: fromBigInt(1n << 53n),
      requestSha256: HOSTILE_BYTES.subarray(0, 32),
      responseSha256: HOSTILE_BYTES.subarray(200, 232),
      tls: 'TLSv1.3',
      role: sworn.v1.Role.ROLE_SERVER,
      attributes: { [HOSTILE_TEXT]: HOSTILE_TEXT, empty: '' },
      durationNs: 123,
    },
  },
  {
    process: {
      action: sworn.v1.Process.Action.ACTION_EXIT,
      parentPid: 2,
      parentProcessId: 'pp',
      argv: ['a', '', HOSTILE_TEXT],
      argvBytes: 7,
      truncated: true,
      cwd: HOSTILE_TEXT,
      uid: 1,
      gid: 2,
      loginUid: 4_294_967_295,
      cgroup: '/x',
      containerId: 'cid',
      exitCode: 255,
      signal: 9,
      coreDumped: true,
    },
  },
  {
    connection: {
      action: sworn.v1.Connection.Action.ACTION_FAILED,
      transport: 'tcp',
      protocol: 'http',
      role: sworn.v1.Role.ROLE_CLIENT,
      localAddress: '::1',
      localPort: 65_535,
      remoteAddress: '10.0.0.1',
      remotePort: 1,
      joinedLate: true,
      error: 'ECONNRESET',
      sent: ACCOUNT,
      received: ACCOUNT,
      tls: 'TLSv1.2',
      serverName: 'x.example',
      attributes: { a: 'b' },
    },
  },
  {
    token: {
      action: sworn.v1.Token.Action.ACTION_REFUSED,
      fingerprint: 'f',
      audience: 'aud',
      tenantId: 't',
      claims: '{"a":1}',
      issuedAtNs: TIME,
      expiresAtNs: TIME,
      reason: 'r',
      interface: 'app-service',
      suspicious: true,
      holderSessionId: 's-2',
      holderProcessId: 'p-2',
      count: fromBigInt(MAX),
      kind: 'jwt',
      policy: HOSTILE_TEXT,
      exeSha256: 'e'.repeat(64),
    },
  },
  {
    loss: {
      where: 'ring',
      reason: 'ring_full',
      events: 1,
      bytes: fromBigInt(MAX),
      direction: 'sent',
      message: HOSTILE_TEXT,
    },
  },
  {
    session: {
      action: sworn.v1.Session.Action.ACTION_ENDED,
      selectedBy: 'run',
      commandLine: HOSTILE_TEXT,
      processes: 1,
      commands: 2,
      losses: 3,
      exitCode: 4,
      signal: 5,
    },
  },
  {
    recorder: {
      action: sworn.v1.Recorder.Action.ACTION_HEARTBEAT,
      version: '1',
      kernel: '6.18',
      bootId: 'b',
      attributes: { k: 'v' },
    },
  },
  {
    alert: {
      alertId: 'a-1',
      ruleId: 'r-1',
      ruleTitle: HOSTILE_TEXT,
      level: 'high',
      matchedAgentId: 'agent',
      matchedSeq: 42,
      summary: HOSTILE_TEXT,
    },
  },
  {
    finding: {
      kind: 'tls_unreadable',
      subject: HOSTILE_TEXT,
      message: HOSTILE_TEXT,
      events: fromBigInt(MAX),
      bytes: 7,
      attributes: { [HOSTILE_TEXT]: HOSTILE_TEXT, reason: 'no_probe' },
    },
  },
  {
    erasure: {
      action: sworn.v1.Erasure.Action.ACTION_PAYLOAD_ERASED,
      identity: HOSTILE_TEXT,
      predicate: HOSTILE_TEXT,
      reason: HOSTILE_TEXT,
      requestedBy: 'admin',
      activities: fromBigInt(MAX),
      agents: { [HOSTILE_TEXT]: HOSTILE_TEXT, a: '1-9' },
      digest: HOSTILE_BYTES.subarray(40, 72),
      tombstoneSeq: 7,
    },
  },
  {
    terminal: {
      terminalId: 'b-y88-1',
      kind: 'ssh',
      name: '/dev/pts/é',
      input: HOSTILE_BYTES,
      output: HOSTILE_BYTES.subarray(3),
      timing: '[[0,"i",1]]',
      columns: 4_294_967_295,
      rows: 24,
      inputBytes: fromBigInt(MAX),
      outputBytes: fromBigInt(1n << 53n),
      cutBytes: 2,
      hiddenBytes: 3,
    },
  },
];

/** In the order of the oneof, numbered from `firstSeq` on, as they come from the wire. */
export function fullActivities(firstSeq = 1): Activity[] {
  return details.map((detail, at) => asReceived({ ...shared, ...detail, seq: firstSeq + at }));
}

/** An activity as it is after a trip over the wire, with all its defaults. */
export function asReceived(activity: ActivityProperties): Activity {
  return sworn.v1.Activity.decode(sworn.v1.Activity.encode(activity).finish());
}
