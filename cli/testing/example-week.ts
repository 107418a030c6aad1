// SPDX-License-Identifier: Apache-2.0

/**
 * A week of three identities over every protocol: the rows that the questions of docs/ANALYST.md, "Across protocols", are asked of.
 * Operation and resource are in each protocol's own words; those of SQL are what the reader of SQL says.
 */
import { readStatements } from '../../agent/protocol/sql/statement-reader.ts';
import { type ActivityProperties, fromBigInt } from '../../collector/model/activity.ts';
import { asReceived } from '../../collector/testing/full-activities.ts';
import type { TestStore } from '../../collector/testing/test-store.ts';
import { sworn } from '../../proto/record.ts';

const { IdentityState, IdentitySource, Status, Role } = sworn.v1;
/** A Monday. */
const WEEK_NS = BigInt(Date.UTC(2026, 10, 16)) * 1_000_000n;
const SECOND_NS = 1_000_000_000n;
const CALL_NS = 20_000_000n;

interface Example {
  /** Day of the week, 0 is Monday, and time of day. Days below 0 are of the week before. */
  readonly at: readonly [day: number, time: string];
  readonly who: keyof typeof IDENTITIES;
  readonly protocol: string;
  readonly operation?: string;
  readonly target: string;
  readonly resource?: string;
  readonly statement: string;
  readonly error?: string;
  readonly rows?: number;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Bytes of the answer. */
  readonly answered?: number;
  readonly exe?: string;
  readonly seconds?: number;
}

const IDENTITIES = {
  'invoice-agent': { id: 'aaaa1111', host: 'web-1', exe: '/usr/bin/node' },
  'deploy-agent': { id: 'bbbb2222', host: 'ci-1', exe: '/usr/bin/kubectl' },
  'report-agent': { id: 'cccc3333', host: 'web-2', exe: '/usr/bin/python3' },
} as const;

const DATABASE = 'billing@10.0.0.5:5432';
const CLUSTER = 'k8s.internal:6443';

const EXAMPLES: readonly Example[] = [
  {
    at: [-6, '09:00:00'],
    who: 'invoice-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement: 'SELECT id, amount FROM invoices WHERE paid = $1',
    rows: 40,
    answered: 2100,
  },
  {
    at: [-5, '10:00:00'],
    who: 'deploy-agent',
    protocol: 'kubernetes',
    operation: 'list',
    target: CLUSTER,
    resource: 'pods/default',
    statement: 'list pods -n default',
    rows: 9,
    answered: 48_000,
  },
  {
    at: [-4, '11:00:00'],
    who: 'report-agent',
    protocol: 'http',
    operation: 'GET',
    target: 'api.internal',
    resource: '/v1/reports',
    statement: 'GET /v1/reports',
    answered: 900,
  },
  {
    at: [0, '08:00:00'],
    who: 'invoice-agent',
    protocol: 'postgresql',
    operation: 'LOGIN',
    target: DATABASE,
    statement: 'user=invoices database=billing',
  },
  {
    at: [0, '08:00:01'],
    who: 'invoice-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement: 'SELECT id, amount FROM invoices WHERE paid = $1',
    rows: 41,
    answered: 2200,
  },
  {
    at: [0, '08:02:00'],
    who: 'invoice-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement:
      'WITH old AS (DELETE FROM invoices WHERE paid RETURNING *) INSERT INTO archive.invoices SELECT * FROM old',
    rows: 12,
  },
  {
    at: [0, '08:02:10'],
    who: 'invoice-agent',
    protocol: 'redis',
    operation: 'UNLINK',
    target: '0',
    resource: 'invoices:open, invoices:sum',
    statement: 'UNLINK invoices:open invoices:sum',
    rows: 2,
  },
  {
    at: [0, '08:02:11'],
    who: 'invoice-agent',
    protocol: 'http',
    operation: 'DELETE',
    target: 'api.internal',
    resource: '/v1/invoices/4711',
    statement: 'DELETE /v1/invoices/4711',
  },
  {
    at: [1, '09:10:00'],
    who: 'invoice-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement: 'DROP TABLE audit_log',
    error: '42501',
  },
  {
    at: [1, '09:10:04'],
    who: 'invoice-agent',
    protocol: 'mcp',
    operation: 'tools/call',
    target: 'stdio',
    resource: 'cleanup',
    statement: 'tools/call cleanup {"older_than":30}',
    seconds: 6,
    exe: '/usr/bin/python3',
  },
  {
    at: [1, '09:10:05'],
    who: 'invoice-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement: 'MERGE INTO invoices i USING stale s ON i.id = s.id WHEN MATCHED THEN DELETE',
    rows: 230,
    exe: '/usr/bin/python3',
  },
  {
    at: [1, '09:10:07'],
    who: 'invoice-agent',
    protocol: 'ssh',
    operation: 'sftp remove',
    target: 'files@backup:22',
    resource: '/var/backups/invoices.tar',
    statement: 'remove /var/backups/invoices.tar',
    exe: '/usr/bin/ssh',
  },
  {
    at: [1, '10:00:00'],
    who: 'deploy-agent',
    protocol: 'kubernetes',
    operation: 'patch',
    target: CLUSTER,
    resource: 'deployments.apps/default/web',
    statement: 'patch deployments.apps web -n default',
  },
  {
    at: [1, '10:00:30'],
    who: 'deploy-agent',
    protocol: 'kubernetes',
    operation: 'deletecollection',
    target: CLUSTER,
    resource: 'jobs.batch/default',
    statement: 'deletecollection jobs.batch -n default',
    attributes: { k8s_dry_run: 'All' },
  },
  {
    at: [1, '10:01:00'],
    who: 'deploy-agent',
    protocol: 'kubernetes',
    operation: 'deletecollection',
    target: CLUSTER,
    resource: 'jobs.batch/default',
    statement: 'deletecollection jobs.batch -n default',
    rows: 4,
  },
  {
    at: [1, '10:02:00'],
    who: 'deploy-agent',
    protocol: 'kubernetes',
    operation: 'connect',
    target: CLUSTER,
    resource: 'pods/default/web-7d/exec',
    statement: 'exec web-7d -n default -- sh -c env',
  },
  {
    at: [1, '10:02:20'],
    who: 'deploy-agent',
    protocol: 'kubernetes',
    operation: 'get',
    target: CLUSTER,
    resource: 'secrets/kube-system/root-ca',
    statement: 'get secrets root-ca -n kube-system',
    error: 'Forbidden',
  },
  {
    at: [2, '11:00:00'],
    who: 'deploy-agent',
    protocol: 'ssh',
    operation: 'login',
    target: 'root@db-1:22',
    statement: 'login root publickey',
  },
  {
    at: [2, '11:00:01'],
    who: 'deploy-agent',
    protocol: 'ssh',
    operation: 'exec',
    target: 'root@db-1:22',
    resource: 'systemctl',
    statement: 'systemctl restart postgresql',
    exe: '/usr/bin/ssh',
  },
  {
    at: [2, '11:05:00'],
    who: 'deploy-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement: 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO report_agent',
  },
  {
    at: [3, '12:00:00'],
    who: 'report-agent',
    protocol: 'dns',
    operation: 'A',
    target: '10.0.0.2:53',
    resource: 'billing-db.internal',
    statement: 'A billing-db.internal',
    rows: 1,
  },
  {
    at: [3, '12:00:01'],
    who: 'report-agent',
    protocol: 'postgresql',
    operation: 'LOGIN',
    target: DATABASE,
    statement: 'user=report_agent database=billing',
  },
  {
    at: [3, '12:00:02'],
    who: 'report-agent',
    protocol: 'postgresql',
    target: DATABASE,
    statement: 'COPY (SELECT * FROM public.invoices JOIN customers USING (customer)) TO STDOUT',
    rows: 90_000,
    answered: 18_400_000,
    seconds: 9,
  },
  {
    at: [3, '12:00:20'],
    who: 'report-agent',
    protocol: 'http',
    operation: 'PUT',
    target: 'share.example',
    resource: '/drop/invoices.csv',
    statement: 'PUT /drop/invoices.csv',
  },
  {
    at: [3, '12:00:40'],
    who: 'report-agent',
    protocol: 'grpc',
    operation: 'Publish',
    target: 'events.internal',
    resource: 'events.v1.Bus/Publish',
    statement: 'events.v1.Bus/Publish',
  },
  {
    at: [3, '12:01:00'],
    who: 'report-agent',
    protocol: 'http',
    operation: 'DELETE',
    target: 'api.internal',
    resource: '/v1/reports/9',
    statement: 'DELETE /v1/reports/9',
    error: '403',
  },
];

function commandOf(example: Example): sworn.v1.Command.$Properties {
  const { protocol, target, statement, error = '', rows, answered = 120 } = example;
  const [sql] = protocol === 'postgresql' && example.operation === undefined ? readStatements(statement) : [];
  return {
    ...{ protocol, target, statement, errorCode: error },
    operation: sql?.operation ?? example.operation ?? '',
    resource: sql?.resource ?? example.resource ?? '',
    statementShape: sql?.shape ?? '',
    attributes: { ...(sql !== undefined && sql.verbs !== '' && { verbs: sql.verbs }), ...example.attributes },
    status: error === '' ? Status.STATUS_OK : Status.STATUS_ERROR,
    ...(rows !== undefined && { rows }),
    requestBytes: statement.length,
    responseBytes: answered,
    role: Role.ROLE_CLIENT,
    durationNs: fromBigInt(example.seconds === undefined ? CALL_NS : BigInt(example.seconds) * SECOND_NS),
  };
}

function activityOf(example: Example, seq: number): ActivityProperties {
  const [day, time] = example.at;
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  const start = WEEK_NS + BigInt(day * 86_400 + hours * 3600 + minutes * 60 + seconds) * SECOND_NS;
  const { id, exe } = IDENTITIES[example.who];
  const command = commandOf(example);
  return {
    seq,
    timeNs: fromBigInt(start),
    endTimeNs: fromBigInt(start + (example.seconds === undefined ? CALL_NS : BigInt(example.seconds) * SECOND_NS)),
    sessionId: `${example.who}-${day}`,
    workload: example.who,
    identityId: id,
    identityName: example.who,
    identityState: IdentityState.IDENTITY_STATE_VERIFIED,
    identitySource: IdentitySource.IDENTITY_SOURCE_BROKER,
    exe: example.exe ?? exe,
    pid: 100 + seq,
    command,
  };
}

/** Put the week into a store. */
export async function storeExampleWeek({ store }: TestStore): Promise<void> {
  for (const [who, { host }] of Object.entries(IDENTITIES)) {
    const batch = store.newBatch();
    const own = EXAMPLES.filter((example) => example.who === who);
    for (const [at, example] of own.entries()) {
      batch.add('command', asReceived(activityOf(example, at + 1)), { agentId: `agent-${host}`, host });
    }
    await store.append([batch]);
  }
}
