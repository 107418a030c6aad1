// SPDX-License-Identifier: Apache-2.0

/**
 * Activities as a busy host makes them, for tests and benchmarks: mostly SQL and HTTP commands with their payloads, some
 * processes and connections. The same seq always gives the same activity. Its salt and leaf are numbers that do not compress,
 * as real ones do not; the leaf is not that of the activity.
 */
import { createHash } from 'node:crypto';
import { sworn } from '../../proto/record.ts';
import { type ActivityProperties, fromBigInt } from '../model/activity.ts';

const START_NS = 1_760_000_000_000_000_000n;
const STEP_NS = 1_370_000n;
const { IdentityState, IdentitySource, Status, Role, Process, Connection } = sworn.v1;

const IDENTITIES = ['invoice-agent', 'support-agent', 'report-agent'];
const PATHS = ['/v1/invoices', '/v1/customers/42', '/v1/search', '/health'];
const REGIONS = ['eu-west', 'eu-north', 'us-east'];

/** Bytes that look random and are the same for the same seed: a digest for each would cost more than all the rest. */
function scattered(seed: number, bytes: number): Buffer {
  const filled = Buffer.allocUnsafe(bytes);
  let state = Math.imul(seed, 0x9e3779b1) ^ bytes;
  for (let at = 0; at < bytes; at += 4) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    filled.writeInt32LE(mixed ^ (mixed >>> 14), at);
  }
  return filled;
}

function sqlCommand(seq: number): sworn.v1.Command.$Properties {
  const id = (seq * 7919) % 100_000;
  const failed = seq % 97 === 0;
  const statement = `SELECT id, name, balance FROM accounts WHERE id = ${id} AND region = '${REGIONS[seq % 3]}'`;
  const response = failed ? '' : `{"columns":["id","name","balance"],"rows":[[${id},"name ${id}","${seq % 1000}.00"]]}`;
  return {
    protocol: 'postgresql',
    operation: 'SELECT',
    target: 'bank@127.0.0.1:5432',
    resource: 'accounts',
    statement,
    statementShape: 'select id, name, balance from accounts where id = ? and region = ?',
    request: Buffer.from(statement),
    response: Buffer.from(response),
    status: failed ? Status.STATUS_ERROR : Status.STATUS_OK,
    errorCode: failed ? '42P01' : '',
    errorMessage: failed ? 'relation "accounts" does not exist' : '',
    ...(failed ? {} : { rows: 1 }),
    requestBytes: statement.length + 6,
    responseBytes: response.length + 60,
    requestPayloadBytes: statement.length,
    responsePayloadBytes: response.length,
    role: Role.ROLE_CLIENT,
    attributes: { user: 'app', database: 'bank' },
    durationNs: 300_000 + (seq % 50) * 1000,
  };
}

function httpCommand(seq: number): sworn.v1.Command.$Properties {
  const path = PATHS[seq % PATHS.length]!;
  const missing = seq % 41 === 0;
  const response = missing
    ? '{"error":"not found"}'
    : `{"items":[{"id":${seq},"state":"open"},{"id":${seq + 1},"state":"done"}]}`;
  return {
    protocol: 'http',
    operation: 'GET',
    target: 'api.example.net',
    resource: path,
    statement: `GET ${path}?page=${seq % 10}`,
    statementShape: `get ${path}`,
    parameters: `{"page":"${seq % 10}"}`,
    response: Buffer.from(response),
    status: missing ? Status.STATUS_ERROR : Status.STATUS_OK,
    errorCode: missing ? '404' : '',
    requestBytes: 180,
    responseBytes: response.length + 160,
    responsePayloadBytes: response.length,
    tls: 'TLSv1.3',
    role: Role.ROLE_CLIENT,
    attributes: { status: missing ? '404' : '200', 'content-type': 'application/json', 'user-agent': 'node' },
    durationNs: 8_000_000,
  };
}

const fingerprints = new Map<string, string>();

/** One for each token, as long and as random as a digest. */
function fingerprintOf(token: string): string {
  let fingerprint = fingerprints.get(token);
  if (fingerprint === undefined) {
    fingerprint = createHash('sha256').update(token).digest('hex');
    fingerprints.set(token, fingerprint);
  }
  return fingerprint;
}

/** One activity of a host, all of its fields filled as an agent fills them. */
export function makeActivity(seq: number): ActivityProperties {
  const identity = seq % IDENTITIES.length;
  const time = START_NS + BigInt(seq) * STEP_NS;
  const process = 4000 + (Math.floor(seq / 500) % 50);
  const shared: ActivityProperties = {
    seq,
    timeNs: fromBigInt(time),
    endTimeNs: fromBigInt(time + 400_000n),
    sessionId: `01k9z${String(Math.floor(seq / 5000)).padStart(8, '0')}${identity}`,
    workload: IDENTITIES[identity]!,
    identityId: `0000000${identity}-1111-2222-3333-444444444444`,
    identityName: IDENTITIES[identity]!,
    identityState: IdentityState.IDENTITY_STATE_VERIFIED,
    identitySource: IdentitySource.IDENTITY_SOURCE_BROKER,
    tokenId: `uti-${identity}-${Math.floor(seq / 20_000)}`,
    identityTenant: '11111111-2222-3333-4444-555555555555',
    identityKind: 'app',
    tokenAudience: 'https://ossrdbms-aad.database.windows.net',
    tokenScopes: 'user_impersonation',
    tokenFingerprint: fingerprintOf(`${identity}-${Math.floor(seq / 20_000)}`),
    pid: process,
    processId: `${process}-88123${process}`,
    exe: '/usr/bin/node',
    connectionId: `${process}-${Math.floor(seq / 64)}`,
    salt: scattered(seq, 16),
    leaf: scattered(seq, 32),
  };
  const turn = seq % 20;
  if (turn === 7) {
    return {
      ...shared,
      process: {
        action: Process.Action.ACTION_EXEC,
        parentPid: 1,
        parentProcessId: '1-1',
        argv: ['curl', '-s', `https://api.example.net/${seq}`],
        argvBytes: 42,
        cwd: '/srv/agent',
        uid: 991,
        gid: 991,
        loginUid: 4294967295,
        cgroup: '/system.slice/agent.service',
      },
    };
  }
  if (turn === 13) {
    const bytes = { moved: 1000 + seq, decoded: 1000 + seq };
    return {
      ...shared,
      connection: {
        action: Connection.Action.ACTION_CLOSED,
        transport: 'tcp',
        protocol: 'postgresql',
        role: Role.ROLE_CLIENT,
        localAddress: '127.0.0.1',
        localPort: 40_000 + (seq % 20_000),
        remoteAddress: '127.0.0.1',
        remotePort: 5432,
        sent: bytes,
        received: bytes,
      },
    };
  }
  return { ...shared, command: seq % 3 === 0 ? httpCommand(seq) : sqlCommand(seq) };
}
