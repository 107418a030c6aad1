// SPDX-License-Identifier: Apache-2.0

/** The record of a run against everything that a PostgreSQL server says of it, for tests: throws where they differ. */
import assert from 'node:assert/strict';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../recording/record.ts';
import { type Comparison, compareWithLog } from './compare.ts';
import { type LoggedLogin, readLogins, readServerLog } from './server-log.ts';

export type SeenStatement = RecordedCommand & { readonly localPort: number };

export interface ServerVerdict extends Comparison<SeenStatement> {
  /** All PostgreSQL commands of the record, in its order. */
  readonly commands: readonly SeenStatement[];
  readonly logins: readonly LoggedLogin[];
}

/**
 * `identityOfRole`: the roles that workloads log in as, and the identity of the workload that does; sessions of other
 * roles belong to the test itself.
 */
export function judgeByServer(
  record: RunRecord,
  logText: string,
  identityOfRole: Readonly<Record<string, string>>,
): ServerVerdict {
  const portOf = new Map(record.connections.map(({ connectionId, localPort }) => [connectionId, localPort]));
  const commands = record.commands
    .filter(({ protocol }) => protocol === 'postgresql')
    .map((command) => ({ ...command, localPort: portOf.get(command.connectionId) ?? 0 }));
  const logged = readServerLog(logText).filter(({ user }) => identityOfRole[user] !== undefined);
  const logins = readLogins(logText).filter(({ user }) => identityOfRole[user] !== undefined);
  return { ...compareWithLog(logged, commands), commands, logins };
}

/** Nothing missing, doubled or altered, of nobody else, at its time; every connection understood to the last byte. */
export function assertProved(
  record: RunRecord,
  verdict: ServerVerdict,
  identityOfRole: Readonly<Record<string, string>>,
): void {
  for (const kind of ['missing', 'doubled', 'altered'] as const) assert.deepEqual(verdict[kind].slice(0, 5), [], kind);
  assert.ok(verdict.matches.length > 0, 'statements were compared');
  assertIdentities(verdict, identityOfRole);
  assertTimes(verdict);
  assertLogins(verdict, identityOfRole);
  assertWhole(record);
  assertUnderstood(record, 'postgresql');
}

function assertIdentities({ matches }: ServerVerdict, identityOfRole: Readonly<Record<string, string>>): void {
  for (const { logged, recorded } of matches) {
    for (const { identityName, attributes, statement } of recorded) {
      assert.equal(identityName, identityOfRole[logged.user], `who ran ${statement.slice(0, 200)}`);
      assert.equal(attributes['user'], logged.user, `the role that ran ${statement.slice(0, 200)}`);
    }
  }
}

/** Clocks are read at different places, and adjusted while they run. */
const CLOCK_MS = 10;

/**
 * A request is sent before the server logs it, its reply is complete after that, and takes as long as the server says at
 * least. (What the server writes before it is done with a statement can be had before it says how long that took, so a
 * duration is compared only where ReadyForQuery, which comes last, belongs to the reply.)
 */
function assertTimes({ matches }: ServerVerdict): void {
  for (const { logged, recorded } of matches) {
    const what = logged.text.slice(0, 200);
    const first = recorded[0] as SeenStatement;
    const last = recorded.at(-1) as SeenStatement;
    for (const { timeNs, endTimeNs, durationNs } of recorded) {
      assert.ok(timeNs <= endTimeNs, `${what} begins before it ends`);
      assert.ok(Math.abs(Number(endTimeNs - timeNs) - durationNs) < CLOCK_MS * 1e6, `${what} takes its duration`);
    }
    assert.ok(Number(first.timeNs) / 1e6 <= logged.atMs + CLOCK_MS, `${what} was asked for before it was logged`);
    assert.ok(Number(last.endTimeNs) / 1e6 >= logged.atMs - CLOCK_MS, `${what} was answered after it was logged`);
    const { durationMs } = logged;
    if (durationMs === undefined || last.attributes['transaction_state'] === undefined) continue;
    const recordedMs = Number(last.endTimeNs - first.timeNs) / 1e6;
    assert.ok(recordedMs >= durationMs - CLOCK_MS, `${what} took ${durationMs} ms, recorded are ${recordedMs}`);
  }
}

/** Every login that was granted or refused is in the record once, with role, database, program and SQLSTATE. */
function assertLogins({ logins, commands }: ServerVerdict, identityOfRole: Readonly<Record<string, string>>): void {
  const said = logins.map(({ user, database, applicationName, error }) =>
    error === undefined
      ? `${user} ${database} ${applicationName} as ${identityOfRole[user]}`
      : `${user} ${database} ${error.code} as ${identityOfRole[user]}`,
  );
  const seen = commands
    .filter(({ operation, status }) => operation === 'LOGIN' && status !== 'unknown')
    .map(({ attributes, status, errorCode, identityName }) => {
      const { user = '', database = '', application_name: program = '' } = attributes;
      return `${user} ${database} ${status === 'ok' ? program : errorCode} as ${identityName}`;
    });
  assert.deepEqual(seen.sort(), said.sort(), 'logins');
}

/** What is left of the record when everything that the log can tell is matched: how many by operation. */
export function unloggedCounts({ unlogged }: ServerVerdict): Record<string, number> {
  return Object.fromEntries(Object.entries(unlogged).map(([operation, commands]) => [operation, commands.length]));
}
