// SPDX-License-Identifier: Apache-2.0

/** The record as people ask for it: SQL over the collector's API, from ClickHouse. */
import type { CollectorClient } from '../../../cli/collector-client.ts';
import type { RecordedAccount, RecordedHead, RunRecord } from './record.ts';

type Row = Readonly<Record<string, string | number | boolean | null | Record<string, string> | string[]>>;

const HEAD = `seq, toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Nano(end_time) AS end_time_ns, session_id,
  identity_name, identity_state, pid, exe, connection_id`;

const COMMANDS = `${HEAD}, protocol, operation, target, resource, base64Encode(statement) AS statement,
  base64Encode(parameters) AS parameters, base64Encode(request) AS request, base64Encode(response) AS response, status,
  error_code, error_message, rows, truncated, request_payload_bytes, response_payload_bytes,
  hex(request_sha256_bytes) AS request_hash, hex(response_sha256_bytes) AS response_hash, role, attributes, duration_ns`;

const CONNECTIONS = `${HEAD}, action, transport, protocol, role, local_address, local_port, remote_address, remote_port,
  joined_late, attributes, ${accountColumns('sent')}, ${accountColumns('received')}`;

const TERMINALS = `${HEAD}, terminal_kind, base64Encode(input) AS input, base64Encode(output) AS output, input_bytes,
  hidden_bytes`;

export async function readClickHouse(client: CollectorClient, agentId: string): Promise<RunRecord> {
  const read = async <T>(kind: string, columns: string, of: (row: Row) => T): Promise<T[]> => {
    const sql = `SELECT ${columns} FROM sworn.activities WHERE agent_id = {agent:String} AND kind = {kind:String} ORDER BY seq`;
    const rows = await client.rows<Row>(sql, { agent: agentId, kind });
    return rows.map(of);
  };
  const [{ seqs }] = (await client.rows<{ seqs: string[] }>(
    'SELECT arraySort(groupArray(seq)) AS seqs FROM sworn.activities WHERE agent_id = {agent:String}',
    { agent: agentId },
  )) as [{ seqs: string[] }];
  return {
    seqs: seqs.map(Number),
    commands: await read('command', COMMANDS, (row) => ({
      ...headOf(row),
      protocol: text(row, 'protocol'),
      operation: text(row, 'operation'),
      target: text(row, 'target'),
      resource: text(row, 'resource'),
      statement: bytes(row, 'statement').toString('utf8'),
      parameters: bytes(row, 'parameters').toString('utf8'),
      request: bytes(row, 'request'),
      response: bytes(row, 'response'),
      status: text(row, 'status'),
      errorCode: text(row, 'error_code'),
      errorMessage: text(row, 'error_message'),
      rows: row['rows'] === null ? null : count(row, 'rows'),
      truncated: Boolean(row['truncated']),
      requestPayloadBytes: count(row, 'request_payload_bytes'),
      responsePayloadBytes: count(row, 'response_payload_bytes'),
      requestSha256: digest(row, 'request_hash'),
      responseSha256: digest(row, 'response_hash'),
      role: text(row, 'role'),
      attributes: row['attributes'] as Record<string, string>,
      durationNs: count(row, 'duration_ns'),
    })),
    connections: await read('connection', CONNECTIONS, (row) => ({
      ...headOf(row),
      action: text(row, 'action'),
      transport: text(row, 'transport'),
      protocol: text(row, 'protocol'),
      role: text(row, 'role'),
      localAddress: text(row, 'local_address'),
      localPort: count(row, 'local_port'),
      remoteAddress: text(row, 'remote_address'),
      remotePort: count(row, 'remote_port'),
      joinedLate: Boolean(row['joined_late']),
      sent: accountOf(row, 'sent'),
      received: accountOf(row, 'received'),
      attributes: row['attributes'] as Record<string, string>,
    })),
    losses: await read('loss', `${HEAD}, place, reason, direction, events, bytes`, (row) => ({
      ...headOf(row),
      place: text(row, 'place'),
      reason: text(row, 'reason'),
      direction: text(row, 'direction'),
      events: count(row, 'events'),
      bytes: count(row, 'bytes'),
    })),
    sessions: await read('session', `${HEAD}, action, command_line, session_commands`, (row) => ({
      ...headOf(row),
      action: text(row, 'action'),
      commandLine: text(row, 'command_line'),
      commands: count(row, 'session_commands'),
    })),
    processes: await read('process', `${HEAD}, action, argv, parent_process_id`, (row) => ({
      ...headOf(row),
      action: text(row, 'action'),
      argv: row['argv'] as string[],
      parentProcessId: text(row, 'parent_process_id'),
    })),
    tokens: await read('token', `${HEAD}, action, fingerprint, interface, reason, policy, exe_sha256`, (row) => ({
      ...headOf(row),
      action: text(row, 'action'),
      fingerprint: text(row, 'fingerprint'),
      interface: text(row, 'interface'),
      reason: text(row, 'reason'),
      policy: text(row, 'policy'),
      exeSha256: text(row, 'exe_sha256'),
    })),
    terminals: await read('terminal', TERMINALS, (row) => ({
      ...headOf(row),
      kind: text(row, 'terminal_kind'),
      input: bytes(row, 'input'),
      output: bytes(row, 'output'),
      inputBytes: count(row, 'input_bytes'),
      hiddenBytes: count(row, 'hidden_bytes'),
    })),
  };
}

function accountColumns(direction: string): string {
  return ['moved', 'decoded', 'not_understood', 'unreadable', 'cut', 'lost']
    .map((what) => `${direction}_${what}`)
    .join(', ');
}

function accountOf(row: Row, direction: string): RecordedAccount {
  return {
    moved: count(row, `${direction}_moved`),
    decoded: count(row, `${direction}_decoded`),
    notUnderstood: count(row, `${direction}_not_understood`),
    unreadable: count(row, `${direction}_unreadable`),
    cut: count(row, `${direction}_cut`),
    lost: count(row, `${direction}_lost`),
  };
}

function headOf(row: Row): RecordedHead {
  return {
    seq: count(row, 'seq'),
    timeNs: BigInt(text(row, 'time_ns')),
    endTimeNs: BigInt(text(row, 'end_time_ns')),
    sessionId: text(row, 'session_id'),
    identityName: text(row, 'identity_name'),
    identityState: text(row, 'identity_state'),
    pid: count(row, 'pid'),
    exe: text(row, 'exe'),
    connectionId: text(row, 'connection_id'),
  };
}

function text(row: Row, column: string): string {
  return String(row[column]);
}

function count(row: Row, column: string): number {
  return Number(row[column]);
}

function bytes(row: Row, column: string): Buffer {
  return Buffer.from(text(row, column), 'base64');
}

/** A digest that is not there is all zeros. */
function digest(row: Row, column: string): string {
  const hex = text(row, column).toLowerCase();
  return /^0*$/.test(hex) ? '' : hex;
}
