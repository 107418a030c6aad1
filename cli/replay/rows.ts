// SPDX-License-Identifier: Apache-2.0

/**
 * What a session did, in the order of its beginning, a page at a time: what is held does not grow with the session. Bytes of
 * terminals come as base64: JSON has no room for what is no text.
 */
import type { CollectorClient } from '../collector-client.ts';
import type { ActivityRow } from '../print/activity-line.ts';

/** A stretch of a terminal has up to some 64 KiB of each direction: a page of them stays below 20 MiB. */
const PAGE_ROWS = 200;
/** Characters of a statement that a line may show. */
const STATEMENT_MAX = 1000;

export interface Choice {
  readonly session: string;
  /** Kinds of activities. */
  readonly kinds: readonly string[];
  /** Of this terminal only. */
  readonly terminal?: string | undefined;
  /** Unix nanoseconds as text, both inside. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const COLUMNS = `time, end_time, toString(toUnixTimestamp64Nano(time)) AS time_ns, agent_id, seq, kind, action, identity_name,
  identity_id, pid, exe, argv, protocol, operation, target, resource, substringUTF8(statement, 1, ${STATEMENT_MAX}) AS statement,
  substringUTF8(parameters, 1, ${STATEMENT_MAX}) AS parameters, status, error_code, substringUTF8(error_message, 1, ${STATEMENT_MAX})
  AS error_message, rows, duration_ns, attributes, place, reason, message, bytes, events, audience, command_line, exit_code, signal,
  core_dumped, session_commands, session_processes, session_losses, rule_title, level, summary, finding_kind, subject, transport,
  remote_address, remote_port, local_address, sent_moved, received_moved, sent_lost, received_lost, erased_identity,
  erased_activities, tombstone_seq, terminal_id, terminal_kind, terminal_name, terminal_columns, terminal_rows, timing,
  input_bytes, output_bytes, cut_bytes, hidden_bytes, base64Encode(input) AS input_base64, base64Encode(output) AS output_base64`;

function conditions({ terminal, from, to }: Choice): string {
  return [
    "session_id = {session:String} AND has(splitByChar(',', {kinds:String}), kind)",
    ...(terminal === undefined ? [] : ['terminal_id = {terminal:String}']),
    ...(from === undefined ? [] : ['end_time >= fromUnixTimestamp64Nano({from:Int64})']),
    ...(to === undefined ? [] : ['time <= fromUnixTimestamp64Nano({to:Int64})']),
  ].join(' AND ');
}

function parametersOf({ session, kinds, terminal, from, to }: Choice): Record<string, string> {
  return {
    session,
    kinds: kinds.join(','),
    ...(terminal !== undefined && { terminal }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
}

export async function countRows(client: CollectorClient, choice: Choice): Promise<number> {
  const sql = `SELECT count() AS rows FROM sworn.activities WHERE ${conditions(choice)}`;
  const [found] = await client.rows<{ rows: string }>(sql, parametersOf(choice));
  return Number(found?.rows ?? 0);
}

export async function* rowsOf(client: CollectorClient, choice: Choice): AsyncGenerator<ActivityRow> {
  for (let last: ActivityRow | undefined; ; ) {
    const beyond =
      last === undefined
        ? ''
        : "AND (time, agent_id, seq) > (toDateTime64({time:String}, 9, 'UTC'), {agent:String}, {seq:UInt64})";
    const page: ActivityRow[] = await client.rows<ActivityRow>(
      `SELECT ${COLUMNS} FROM sworn.activities WHERE ${conditions(choice)} ${beyond}
       ORDER BY time, agent_id, seq LIMIT ${PAGE_ROWS}`,
      {
        ...parametersOf(choice),
        ...(last && { time: String(last['time']), agent: String(last['agent_id']), seq: String(last['seq']) }),
      },
    );
    yield* page;
    if (page.length < PAGE_ROWS) return;
    last = page.at(-1);
  }
}

export interface FoundTerminal {
  readonly terminal_id: string;
  readonly name: string;
  readonly columns: number;
  readonly lines: number;
  /** Unix nanoseconds of its first stretch. */
  readonly start_ns: string;
  readonly shell: string;
}

const TERMINALS_MAX = 1000;

/** The terminals of a session, the first first. */
export function terminalsOf(client: CollectorClient, session: string): Promise<FoundTerminal[]> {
  return client.rows<FoundTerminal>(
    `SELECT terminal_id, any(terminal_name) AS name, argMin(terminal_columns, time) AS columns,
       argMin(terminal_rows, time) AS lines, toString(toUnixTimestamp64Nano(min(time))) AS start_ns, argMin(exe, time) AS shell
     FROM sworn.activities WHERE session_id = {session:String} AND kind = 'terminal'
     GROUP BY terminal_id ORDER BY min(time), terminal_id LIMIT ${TERMINALS_MAX}`,
    { session },
  );
}
