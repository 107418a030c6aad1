// SPDX-License-Identifier: Apache-2.0

/**
 * What a client says of its own work: the statements it sent on each connection, in order, and what it was told. Drivers
 * write one such object a line; the record must say the same.
 */
import assert from 'node:assert/strict';
import { responseOf, sha256, type Table, tableOf } from './response-rows.ts';
import type { SeenStatement, ServerVerdict } from './server-verdict.ts';

export interface Told {
  /** The server's process, as the login told the client. */
  readonly serverPid: number;
  readonly text: string;
  /** As the client sent them, bytes as `\x…`; left out when the client cannot tell. */
  readonly parameters?: readonly (string | null)[];
  /** Of the command tag; null when it has no count. */
  readonly rows: number | null;
  /** SQLSTATE; '' when it succeeded, 'skipped' when it was not run because an earlier one failed. */
  readonly error: string;
  /** Columns and rows, values as text. */
  readonly table?: Table;
  /** So many times the portal was executed; 1 when left out. */
  readonly executes?: number;
}

export function readTold(printed: string): Told[] {
  return printed
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Told);
}

/**
 * Throws where the record differs from what clients say; connections of which they say nothing are left out. Returns how
 * many statements and rows were compared.
 */
export function assertAsTold(told: readonly Told[], verdict: ServerVerdict): { statements: number; rows: number } {
  let statements = 0;
  let rows = 0;
  for (const [serverPid, seen] of commandsByServerPid(verdict)) {
    const said = told.filter((one) => one.serverPid === serverPid);
    if (said.length === 0) continue;
    let at = 0;
    for (const one of said) {
      const parts = seen.slice(at, at + (one.executes ?? 1));
      at += parts.length;
      statements++;
      assert.ok(parts.length > 0, `recorded: ${one.text.slice(0, 200)}`);
      rows += assertOne(one, parts);
    }
    assert.deepEqual(
      seen.slice(at).map(({ statement }) => statement.slice(0, 200)),
      [],
      'nothing else was sent',
    );
  }
  assert.equal(statements, told.length, 'every connection that a client tells of is in the record');
  return { statements, rows };
}

/** Statements that were run, by the server's process; without what the client does on its way there. */
function commandsByServerPid({ commands, unlogged, matches }: ServerVerdict): Map<number, SeenStatement[]> {
  const skipped = new Set(unlogged['skipped'] ?? []);
  const prepares = new Set(
    matches.filter(({ logged }) => logged.kind === 'prepare').flatMap(({ recorded }) => recorded),
  );
  const run = new Set(matches.flatMap(({ recorded }) => recorded));
  const pidOf = new Map<string, number>();
  const byPid = new Map<number, SeenStatement[]>();
  for (const command of commands) {
    if (command.operation === 'LOGIN') {
      const pid = Number(command.attributes['backend_pid'] ?? 0);
      pidOf.set(command.connectionId, pid);
      if (pid !== 0) byPid.set(pid, []);
    } else if ((run.has(command) || skipped.has(command)) && !prepares.has(command)) {
      byPid.get(pidOf.get(command.connectionId) as number)?.push(command);
    }
  }
  return byPid;
}

function assertOne(told: Told, parts: readonly SeenStatement[]): number {
  const what = `${told.text.slice(0, 200)} ${JSON.stringify(told.parameters ?? null).slice(0, 200)}`;
  const last = parts.at(-1) as SeenStatement;
  for (const { statement, parameters } of parts) {
    assert.equal(statement, told.text, 'the text that was sent');
    if (told.parameters === undefined) continue;
    const seen = parameters === '' ? [] : (JSON.parse(parameters) as (string | null)[]);
    assert.deepEqual(seen.map(withoutType), told.parameters, `parameters of ${told.text.slice(0, 200)}`);
  }
  const error = last.attributes['skipped'] === 'true' ? 'skipped' : last.errorCode;
  assert.equal(error, told.error, `outcome of ${what}`);
  if (error !== '') return 0;
  assert.equal(last.rows, told.rows, `rows of ${what}`);
  if (told.table === undefined) return 0;
  assertTable(told.table, parts, what);
  return told.table.length - 1;
}

function assertTable(table: Table, parts: readonly SeenStatement[], what: string): void {
  const [columns, ...rows] = table;
  if (parts.some(({ truncated }) => truncated)) {
    const [part] = parts as [SeenStatement];
    const whole = responseOf(table);
    assert.equal(part.responsePayloadBytes, whole.length, what);
    assert.equal(part.responseSha256, sha256(whole), `digest of the rows of ${what}`);
    return;
  }
  const seen = parts.map(({ response }) => tableOf(response));
  for (const [names] of seen) assert.deepEqual(names, columns, `columns of ${what}`);
  assert.deepEqual(
    seen.flatMap(([, ...some]) => some),
    rows,
    `rows of ${what}`,
  );
}

/** A value in binary whose type nobody told is shown with that said before it. */
function withoutType(value: string | null): string | null {
  return value === null ? null : value.replace(/^binary\(0\) (?=\\x)/, '');
}
