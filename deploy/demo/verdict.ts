// SPDX-License-Identifier: Apache-2.0

/** The record of the demo, as ClickHouse has it, against what the servers say that they were asked. */
import { readFileSync } from 'node:fs';
import type { CollectorClient } from '../../cli/collector-client.ts';
import { type Comparison, compareWithLog, type SeenCommand } from '../../test/oracle/postgres/compare.ts';
import { readServerLog } from '../../test/oracle/postgres/server-log.ts';
import { type Stage, WORKLOADS } from './stage.ts';
import { compareWithTold, type TerminalRow } from './told.ts';

export interface CommandRow {
  readonly time: string;
  readonly identity_name: string;
  readonly identity_state: string;
  readonly protocol: string;
  /** The version of TLS in which it was said; '' for none. */
  readonly tls: string;
  readonly operation: string;
  readonly resource: string;
  readonly statement: string;
  readonly parameters: string;
  readonly status: string;
  readonly error_code: string;
  readonly rows: string | null;
  readonly duration_ns: string;
  readonly connection_id: string;
  readonly session_id: string;
  readonly local_port: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly request_hash: string;
  readonly response_hash: string;
}

export interface AlertRow {
  readonly time: string;
  readonly level: string;
  readonly rule_title: string;
  readonly identity_name: string;
  readonly summary: string;
}

export interface LossRow {
  readonly time: string;
  readonly place: string;
  readonly reason: string;
  readonly events: string;
  readonly bytes: string;
  readonly message: string;
}

export interface ProgramRow {
  readonly time: string;
  readonly identity_name: string;
  readonly argv: readonly string[];
}

export interface Verdict {
  readonly commands: readonly CommandRow[];
  readonly programs: readonly ProgramRow[];
  readonly terminals: readonly TerminalRow[];
  readonly alerts: readonly AlertRow[];
  readonly losses: readonly LossRow[];
  readonly matched: number;
  readonly missing: readonly string[];
  readonly doubled: readonly string[];
  readonly altered: readonly string[];
  readonly misattributed: readonly string[];
  readonly unverified: readonly string[];
}

/** With the port of the connection, which is how the servers know it. */
const COMMANDS = `
  SELECT c.time AS time, c.identity_name AS identity_name, c.identity_state AS identity_state, c.protocol AS protocol, c.tls AS tls,
         c.operation AS operation, c.resource AS resource, c.statement AS statement, c.parameters AS parameters, c.status AS status,
         c.error_code AS error_code, c.rows AS rows, c.duration_ns AS duration_ns, c.connection_id AS connection_id, c.session_id AS session_id,
         n.local_port AS local_port, c.attributes AS attributes,
         lower(hex(SHA256(c.request))) AS request_hash, lower(hex(SHA256(c.response))) AS response_hash
  FROM sworn.commands AS c
  INNER JOIN (SELECT connection_id, any(local_port) AS local_port FROM sworn.connections GROUP BY connection_id) AS n
  ON n.connection_id = c.connection_id
  ORDER BY c.time, c.seq`;

const TERMINALS = `
  SELECT time, identity_name, session_id, terminal_id, kind, name, exe, input, output, hidden_bytes
  FROM sworn.terminals ORDER BY agent_id, seq`;

export async function judge(stage: Stage, client: CollectorClient): Promise<Verdict> {
  const commands = await client.rows<CommandRow>(COMMANDS);
  const logged = readServerLog(stage.postgres.logText()).filter(({ user }) => user !== 'postgres');
  const recorded = commands.filter(({ protocol }) => protocol === 'postgresql').map(recordedOf);
  const postgres = compareWithLog(logged, recorded);
  const http = compareWithService(stage, commands);
  const terminals = await client.rows<TerminalRow>(TERMINALS);
  const told = [http, ...compareWithTold(stage, commands, terminals)];

  const roleOf = new Map(WORKLOADS.map(({ identity, role }) => [role as string, identity as string]));
  const identityOfPort = new Map(logged.map(({ clientPort, user }) => [clientPort, roleOf.get(user)]));
  const misattributed = commands
    .filter(({ protocol, local_port, identity_name }) => {
      const expected = protocol === 'postgresql' ? identityOfPort.get(local_port) : undefined;
      return expected !== undefined && expected !== identity_name;
    })
    .map(({ statement, identity_name }) => `${statement} → ${identity_name}`);

  const text = (comparison: Comparison<SeenCommand>, kind: 'missing' | 'doubled' | 'altered'): string[] =>
    comparison[kind].map(({ logged, recorded }) => [logged, recorded].filter(Boolean).join('  ≠  '));
  return {
    commands,
    terminals,
    programs: await client.rows<ProgramRow>(
      "SELECT time, identity_name, argv FROM sworn.processes WHERE action = 'exec' ORDER BY time, seq",
    ),
    alerts: await client.rows<AlertRow>(
      'SELECT time, level, rule_title, identity_name, summary FROM sworn.alerts ORDER BY time',
    ),
    losses: await client.rows<LossRow>(
      'SELECT time, place, reason, events, bytes, message FROM sworn.losses ORDER BY time',
    ),
    matched: told.reduce((sum, { matched }) => sum + matched, postgres.matches.length),
    missing: [...text(postgres, 'missing'), ...told.flatMap(({ missing }) => missing)],
    doubled: [...text(postgres, 'doubled'), ...told.flatMap(({ doubled }) => doubled)],
    altered: [...text(postgres, 'altered'), ...told.flatMap(({ altered }) => altered)],
    misattributed,
    // Each workload has its token before it does anything else that is a command.
    unverified: commands
      .filter(
        ({ identity_state, statement }) => identity_state !== 'verified' && !/\/(?:msi|v1)\/token/.test(statement),
      )
      .map(({ statement, identity_state }) => `${statement} (${identity_state})`),
  };
}

function recordedOf(row: CommandRow): SeenCommand {
  return {
    connectionId: row.connection_id,
    localPort: row.local_port,
    operation: row.operation,
    resource: row.resource,
    statement: row.statement,
    parameters: row.parameters,
    status: row.status,
    errorCode: row.error_code,
    attributes: row.attributes,
  };
}

interface ServiceLine {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly clientPort: number;
  readonly requestSha256: string;
  readonly responseSha256: string;
}

/** Requests of one connection are answered one after the other, so both sides have them in the same order. */
function compareWithService(stage: Stage, commands: readonly CommandRow[]) {
  const said = readFileSync(stage.serviceLog, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ServiceLine);
  const ports = new Set(said.map(({ clientPort }) => clientPort));
  const seen = commands.filter(({ protocol, local_port }) => protocol === 'http' && ports.has(local_port));
  const missing: string[] = [];
  const doubled: string[] = [];
  const altered: string[] = [];
  let matched = 0;
  for (const port of ports) {
    const theirs = said.filter(({ clientPort }) => clientPort === port);
    const ours = seen.filter(({ local_port }) => local_port === port);
    for (let i = 0; i < Math.max(theirs.length, ours.length); i++) {
      const a = theirs[i];
      const b = ours[i];
      const logged = a && `${a.method} ${a.target} ${a.status} ${a.requestSha256} ${a.responseSha256}`;
      const recorded = b && `${b.statement} ${b.attributes['status_code']} ${b.request_hash} ${b.response_hash}`;
      if (logged === recorded) matched++;
      else if (recorded === undefined) missing.push(String(logged));
      else if (logged === undefined) doubled.push(recorded);
      else altered.push(`${logged}  ≠  ${recorded}`);
    }
  }
  return { matched, missing, doubled, altered };
}
