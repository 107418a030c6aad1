// SPDX-License-Identifier: Apache-2.0

/** A real collector that holds the record of two sessions, one of them by somebody who knows how terminals work. */
import { type ActivityProperties, fromBigInt } from '../../collector/model/activity.ts';
import { encodeBatch } from '../../collector/testing/batch-maker.ts';
import { TestAgent } from '../../collector/testing/test-agent.ts';
import {
  type ConfigChanges,
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../collector/testing/test-collector.ts';
import { sworn } from '../../proto/record.ts';

const { IdentityState, IdentitySource, Status, Role, Process, Connection, Session, Token, Recorder } = sworn.v1;

export const QUIET = '01a20481-0000-7000-8000-000000000001';
export const HOSTILE = '01a20482-0000-7000-8000-000000000002';

/** Clears the screen, sets the title, colours all that follows, moves up, turns the direction, ends the line early. */
export const ATTACK = 'x\u001b[2J\u001b]0;owned\u0007\u001b[31m\u009b1A\u202eback\u2028\r\nforged line\u0000';

const START_MS = Date.parse('2026-01-31T08:00:00Z');

export interface RecordedCollector {
  readonly collector: TestCollector;
  /** For commands that ask it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Delivers more, as the same agent. */
  deliver(activities: readonly ActivityProperties[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startRecordedCollector(changes: ConfigChanges = {}): Promise<RecordedCollector> {
  const stateDir = temporaryFolder();
  const collector = await startTestCollector(stateDir, changes);
  const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate('cli-test'));
  await agent.hello();
  let seq = 0;
  const deliver = async (activities: readonly ActivityProperties[]): Promise<void> => {
    const numbered = activities.map((activity) => ({ ...activity, seq: ++seq }));
    agent.send(encodeBatch(numbered));
    await agent.stored(seq);
  };
  await deliver([...quietSession(), ...hostileSession()]);
  return {
    collector,
    environment: { SWORN_URL: collector.apiUrl, SWORN_TOKEN: collector.apiToken },
    deliver,
    async stop() {
      agent.close();
      await collector.stop();
      removeFolder(stateDir);
    },
  };
}

/** An activity of a session, so many milliseconds after its start, and so many long. */
export function activityOf(
  sessionId: string,
  atMs: number,
  tookMs: number,
  detail: ActivityProperties,
): ActivityProperties {
  const nanoseconds = (ms: number) => fromBigInt(BigInt(START_MS + ms) * 1_000_000n);
  const hostile = sessionId === HOSTILE;
  return {
    timeNs: nanoseconds(atMs),
    endTimeNs: nanoseconds(atMs + tookMs),
    sessionId,
    workload: hostile ? ATTACK : 'invoices',
    identityId: '66666666-7777-8888-9999-000000000000',
    identityName: hostile ? ATTACK : 'invoice-agent',
    identityState: IdentityState.IDENTITY_STATE_VERIFIED,
    identitySource: IdentitySource.IDENTITY_SOURCE_BROKER,
    pid: 4711,
    processId: '4711-1',
    exe: hostile ? `/opt/${ATTACK}` : '/usr/bin/node',
    salt: Buffer.alloc(16, 1),
    leaf: Buffer.alloc(32, 2),
    ...detail,
  };
}

const sent = { moved: 120, decoded: 120, notUnderstood: 0, unreadable: 0, cut: 0, lost: 0 };
const received = { moved: 3400, decoded: 3398, notUnderstood: 0, unreadable: 0, cut: 0, lost: 2 };
const connection = {
  transport: 'tcp',
  protocol: 'http',
  role: Role.ROLE_CLIENT,
  remoteAddress: '127.0.0.1',
  remotePort: 8080,
};

function quietSession(): ActivityProperties[] {
  const at = (ms: number, took: number, detail: ActivityProperties) => activityOf(QUIET, ms, took, detail);
  return [
    { ...at(-5, 0, { recorder: { action: Recorder.Action.ACTION_STARTED, version: '0.1.0' } }), sessionId: '' },
    at(0, 0, { session: { action: Session.Action.ACTION_STARTED, commandLine: 'node agent.js' } }),
    at(0, 0, { process: { action: Process.Action.ACTION_EXEC, argv: ['node', 'agent.js'] } }),
    at(10, 40, { connection: { ...connection, action: Connection.Action.ACTION_CLOSED, sent, received } }),
    at(10, 0, { connection: { ...connection, action: Connection.Action.ACTION_OPENED } }),
    at(20, 5, {
      command: {
        protocol: 'http',
        operation: 'GET',
        target: '127.0.0.1:8080',
        statement: 'GET /invoices?state=open',
        parameters: '{"state":"open"}',
        response: Buffer.from('{"invoices":[]}'),
        status: Status.STATUS_OK,
        attributes: { status_code: '200' },
        durationNs: 5_000_000,
      },
    }),
    at(60, 2, {
      command: {
        protocol: 'postgresql',
        operation: 'INSERT',
        target: 'bank@127.0.0.1:5432',
        statement: 'INSERT INTO invoices VALUES ($1, $2)',
        parameters: '["7","Contoso"]',
        status: Status.STATUS_OK,
        rows: 1,
        durationNs: 1_500_000,
      },
    }),
    at(70, 2, {
      command: {
        protocol: 'postgresql',
        operation: 'SELECT',
        statement: 'SELECT total FROM invoices',
        status: Status.STATUS_ERROR,
        errorCode: '42703',
        errorMessage: 'column "total" does not exist',
        durationNs: 900_000,
      },
    }),
    at(80, 2, {
      command: {
        protocol: 'postgresql',
        operation: 'DELETE',
        target: 'bank@127.0.0.1:5432',
        statement: 'DELETE FROM invoices',
        status: Status.STATUS_OK,
        rows: 12,
        attributes: { unbounded: 'true' },
        durationNs: 2_000_000,
      },
    }),
    at(85, 0, { loss: { where: 'ring', reason: 'full', direction: 'sent', bytes: 77, message: 'too fast' } }),
    at(86, 0, { finding: { kind: 'io_uring', subject: '/usr/bin/node', message: 'may send unseen', events: 1 } }),
    at(90, 0, { process: { action: Process.Action.ACTION_EXIT, exitCode: 3 } }),
    at(0, 95, {
      session: { action: Session.Action.ACTION_ENDED, commandLine: 'node agent.js', exitCode: 3, commands: 4 },
    }),
  ];
}

function hostileSession(): ActivityProperties[] {
  const at = (ms: number, took: number, detail: ActivityProperties) => activityOf(HOSTILE, ms, took, detail);
  return [
    at(1000, 0, { session: { action: Session.Action.ACTION_STARTED, commandLine: ATTACK } }),
    at(1001, 0, { process: { action: Process.Action.ACTION_EXEC, argv: ['sh', '-c', ATTACK] } }),
    at(1002, 0, {
      connection: { ...connection, action: Connection.Action.ACTION_FAILED, remoteAddress: ATTACK, error: ATTACK },
    }),
    at(1003, 0, {
      token: { action: Token.Action.ACTION_REFUSED, audience: ATTACK, reason: ATTACK, interface: ATTACK },
    }),
    at(1004, 0, { loss: { where: ATTACK, reason: ATTACK, message: ATTACK } }),
    at(1004, 0, { finding: { kind: ATTACK, subject: ATTACK, message: ATTACK, attributes: { reason: ATTACK } } }),
    at(1005, 2, {
      command: {
        protocol: ATTACK,
        operation: ATTACK,
        target: ATTACK,
        statement: ATTACK,
        parameters: `["${ATTACK}"]`,
        request: Buffer.concat([Buffer.from(ATTACK), Buffer.from([0xff, 0xfe, 0x9b])]),
        response: Buffer.from(ATTACK),
        status: Status.STATUS_ERROR,
        errorCode: ATTACK,
        errorMessage: ATTACK,
        attributes: { status_code: ATTACK, user: ATTACK },
      },
    }),
    // Raises an alert, whose summary repeats it.
    at(1006, 0, {
      command: {
        protocol: 'postgresql',
        operation: 'DELETE',
        target: ATTACK,
        statement: `DELETE FROM ${ATTACK}`,
        status: Status.STATUS_OK,
        rows: 1,
        attributes: { unbounded: 'true' },
      },
    }),
  ];
}
