// SPDX-License-Identifier: Apache-2.0

/**
 * Which column of `sworn.activities` holds which field of an `Activity`. The one place that knows both sides.
 *
 * The table is flat: every kind of activity has the same columns, and a column that a kind does not fill has its type's
 * zero. Names and types here are compared with the migrations by a test; what the columns mean is said there, in SQL
 * comments, from which docs/SCHEMA.md is made. Storing and matching (rules) both read rows through this table.
 */
import type { sworn } from '../../proto/record.ts';
import {
  type Activity,
  CONNECTION_ACTIONS,
  ERASURE_ACTIONS,
  IDENTITY_SOURCES,
  IDENTITY_STATES,
  type Kind,
  kindOf,
  PROCESS_ACTIONS,
  RECORDER_ACTIONS,
  ROLES,
  SESSION_ACTIONS,
  type Sender,
  STATUSES,
  TOKEN_ACTIONS,
  word,
} from './activity.ts';

/** ClickHouse types that rows are made of; `LowCardinality(String)` is a String to everyone but the table. */
export type ColumnType =
  | 'LowCardinality(String)'
  | 'String'
  | 'UInt64'
  | 'Nullable(UInt64)'
  | 'UInt32'
  | 'UInt16'
  | 'UInt8'
  | 'Bool'
  | "DateTime64(9, 'UTC')"
  | 'FixedString(16)'
  | 'FixedString(32)'
  | 'Array(String)'
  | 'Map(LowCardinality(String), String)';

export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | Uint8Array
  | { readonly low: number; readonly high: number }
  | readonly string[]
  | Readonly<Record<string, string>>;

type DetailOf<K extends Kind> = NonNullable<Activity[K]>;
type DetailReaders = { readonly [K in Kind]?: (detail: DetailOf<K>) => Value };

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Read from who delivered it. */
  readonly sender?: (sender: Sender) => string;
  /** Read from the part that all kinds share. */
  readonly shared?: (activity: Activity) => Value;
  /** Read from the detail, for the kinds that fill this column; it wins over `shared`. */
  readonly detail?: DetailReaders;
}

const WORD = 'LowCardinality(String)';
const TIME = "DateTime64(9, 'UTC')";
type ByteAccountField = 'moved' | 'decoded' | 'notUnderstood' | 'unreadable' | 'cut' | 'lost';

function direction(name: 'sent' | 'received'): Column[] {
  const fields: [string, ByteAccountField][] = [
    ['moved', 'moved'],
    ['decoded', 'decoded'],
    ['not_understood', 'notUnderstood'],
    ['unreadable', 'unreadable'],
    ['cut', 'cut'],
    ['lost', 'lost'],
  ];
  return fields.map(([suffix, field]) => ({
    name: `${name}_${suffix}`,
    type: 'UInt64',
    detail: { connection: (c: sworn.v1.Connection.$Properties) => c[name]?.[field] ?? 0 },
  }));
}

/** Columns in the order in which they are sent; those that few kinds fill stand together, so their zeros are one copy. */
export const COLUMNS: readonly Column[] = [
  { name: 'agent_id', type: WORD, sender: (s) => s.agentId },
  { name: 'seq', type: 'UInt64', shared: (a) => a.seq },
  { name: 'kind', type: WORD, shared: (a) => kindOf(a) ?? '' },
  { name: 'time', type: TIME, shared: (a) => a.timeNs },
  { name: 'end_time', type: TIME, shared: (a) => a.endTimeNs },
  { name: 'host', type: WORD, sender: (s) => s.host },
  { name: 'session_id', type: 'String', shared: (a) => a.sessionId },
  { name: 'workload', type: WORD, shared: (a) => a.workload },
  { name: 'identity_id', type: WORD, shared: (a) => a.identityId },
  { name: 'identity_name', type: WORD, shared: (a) => a.identityName },
  { name: 'identity_state', type: WORD, shared: (a) => word(IDENTITY_STATES, a.identityState) },
  { name: 'identity_source', type: WORD, shared: (a) => word(IDENTITY_SOURCES, a.identitySource) },
  { name: 'token_id', type: 'String', shared: (a) => a.tokenId },
  { name: 'identity_tenant', type: WORD, shared: (a) => a.identityTenant },
  { name: 'identity_blueprint', type: WORD, shared: (a) => a.identityBlueprint },
  { name: 'identity_kind', type: WORD, shared: (a) => a.identityKind },
  { name: 'on_behalf_of_id', type: WORD, shared: (a) => a.onBehalfOfId },
  { name: 'on_behalf_of_name', type: WORD, shared: (a) => a.onBehalfOfName },
  { name: 'token_audience', type: WORD, shared: (a) => a.tokenAudience },
  { name: 'token_scopes', type: WORD, shared: (a) => a.tokenScopes },
  { name: 'token_fingerprint', type: 'String', shared: (a) => a.tokenFingerprint },
  { name: 'pid', type: 'UInt32', shared: (a) => a.pid },
  { name: 'process_id', type: 'String', shared: (a) => a.processId },
  { name: 'exe', type: WORD, shared: (a) => a.exe },
  { name: 'connection_id', type: 'String', shared: (a) => a.connectionId },
  { name: 'salt_bytes', type: 'FixedString(16)', shared: (a) => a.salt },
  { name: 'leaf_bytes', type: 'FixedString(32)', shared: (a) => a.leaf },

  // Filled by several kinds.
  { name: 'protocol', type: WORD, detail: { command: (c) => c.protocol, connection: (c) => c.protocol } },
  {
    name: 'role',
    type: WORD,
    detail: { command: (c) => word(ROLES, c.role), connection: (c) => word(ROLES, c.role) },
  },
  { name: 'tls', type: WORD, detail: { command: (c) => c.tls, connection: (c) => c.tls } },
  {
    name: 'attributes',
    type: 'Map(LowCardinality(String), String)',
    detail: {
      command: (c) => c.attributes,
      connection: (c) => c.attributes,
      recorder: (r) => r.attributes,
      finding: (f) => f.attributes,
    },
  },
  { name: 'truncated', type: 'Bool', detail: { command: (c) => c.truncated, process: (p) => p.truncated } },
  { name: 'error_code', type: WORD, detail: { command: (c) => c.errorCode, connection: (c) => c.error } },

  { name: 'operation', type: WORD, detail: { command: (c) => c.operation } },
  { name: 'target', type: WORD, detail: { command: (c) => c.target } },
  { name: 'resource', type: 'String', detail: { command: (c) => c.resource } },
  { name: 'statement', type: 'String', detail: { command: (c) => c.statement } },
  { name: 'statement_shape', type: 'String', detail: { command: (c) => c.statementShape } },
  { name: 'parameters', type: 'String', detail: { command: (c) => c.parameters } },
  { name: 'request', type: 'String', detail: { command: (c) => c.request } },
  { name: 'response', type: 'String', detail: { command: (c) => c.response } },
  { name: 'status', type: WORD, detail: { command: (c) => word(STATUSES, c.status) } },
  { name: 'error_message', type: 'String', detail: { command: (c) => c.errorMessage } },
  { name: 'rows', type: 'Nullable(UInt64)', detail: { command: (c) => c.rows } },
  { name: 'duration_ns', type: 'UInt64', detail: { command: (c) => c.durationNs } },
  { name: 'request_bytes', type: 'UInt64', detail: { command: (c) => c.requestBytes } },
  { name: 'response_bytes', type: 'UInt64', detail: { command: (c) => c.responseBytes } },
  { name: 'request_payload_bytes', type: 'UInt64', detail: { command: (c) => c.requestPayloadBytes } },
  { name: 'response_payload_bytes', type: 'UInt64', detail: { command: (c) => c.responsePayloadBytes } },
  { name: 'request_sha256_bytes', type: 'FixedString(32)', detail: { command: (c) => c.requestSha256 } },
  { name: 'response_sha256_bytes', type: 'FixedString(32)', detail: { command: (c) => c.responseSha256 } },

  // No command fills any column from here on.
  {
    name: 'action',
    type: WORD,
    detail: {
      process: (p) => word(PROCESS_ACTIONS, p.action),
      connection: (c) => word(CONNECTION_ACTIONS, c.action),
      token: (t) => word(TOKEN_ACTIONS, t.action),
      session: (s) => word(SESSION_ACTIONS, s.action),
      recorder: (r) => word(RECORDER_ACTIONS, r.action),
      erasure: (e) => word(ERASURE_ACTIONS, e.action),
    },
  },
  { name: 'reason', type: WORD, detail: { token: (t) => t.reason, loss: (l) => l.reason, erasure: (e) => e.reason } },
  { name: 'exit_code', type: 'UInt32', detail: { process: (p) => p.exitCode, session: (s) => s.exitCode } },
  { name: 'signal', type: 'UInt32', detail: { process: (p) => p.signal, session: (s) => s.signal } },

  { name: 'parent_pid', type: 'UInt32', detail: { process: (p) => p.parentPid } },
  { name: 'parent_process_id', type: 'String', detail: { process: (p) => p.parentProcessId } },
  { name: 'argv', type: 'Array(String)', detail: { process: (p) => p.argv } },
  { name: 'argv_bytes', type: 'UInt32', detail: { process: (p) => p.argvBytes } },
  { name: 'cwd', type: 'String', detail: { process: (p) => p.cwd } },
  { name: 'uid', type: 'UInt32', detail: { process: (p) => p.uid } },
  { name: 'gid', type: 'UInt32', detail: { process: (p) => p.gid } },
  { name: 'login_uid', type: 'UInt32', detail: { process: (p) => p.loginUid } },
  { name: 'cgroup', type: 'String', detail: { process: (p) => p.cgroup } },
  { name: 'container_id', type: 'String', detail: { process: (p) => p.containerId } },
  { name: 'core_dumped', type: 'Bool', detail: { process: (p) => p.coreDumped } },

  { name: 'transport', type: WORD, detail: { connection: (c) => c.transport } },
  { name: 'local_address', type: 'String', detail: { connection: (c) => c.localAddress } },
  { name: 'local_port', type: 'UInt16', detail: { connection: (c) => c.localPort } },
  { name: 'remote_address', type: 'String', detail: { connection: (c) => c.remoteAddress } },
  { name: 'remote_port', type: 'UInt16', detail: { connection: (c) => c.remotePort } },
  { name: 'server_name', type: 'String', detail: { connection: (c) => c.serverName } },
  { name: 'joined_late', type: 'Bool', detail: { connection: (c) => c.joinedLate } },
  ...direction('sent'),
  ...direction('received'),

  { name: 'fingerprint', type: 'String', detail: { token: (t) => t.fingerprint } },
  { name: 'audience', type: WORD, detail: { token: (t) => t.audience } },
  { name: 'tenant_id', type: WORD, detail: { token: (t) => t.tenantId } },
  { name: 'claims', type: 'String', detail: { token: (t) => t.claims } },
  { name: 'issued_at', type: TIME, detail: { token: (t) => t.issuedAtNs } },
  { name: 'expires_at', type: TIME, detail: { token: (t) => t.expiresAtNs } },
  { name: 'interface', type: WORD, detail: { token: (t) => t.interface } },
  { name: 'suspicious', type: 'Bool', detail: { token: (t) => t.suspicious } },
  { name: 'holder_session_id', type: 'String', detail: { token: (t) => t.holderSessionId } },
  { name: 'holder_process_id', type: 'String', detail: { token: (t) => t.holderProcessId } },
  // `count` is a function of SQL, and `kind` the activity's own.
  { name: 'token_count', type: 'UInt64', detail: { token: (t) => t.count } },
  { name: 'token_kind', type: WORD, detail: { token: (t) => t.kind } },
  { name: 'policy', type: WORD, detail: { token: (t) => t.policy } },
  { name: 'exe_sha256', type: WORD, detail: { token: (t) => t.exeSha256 } },

  // `where` is a word of SQL; a column of that name would need quotes in every query.
  { name: 'place', type: WORD, detail: { loss: (l) => l.where } },
  { name: 'events', type: 'UInt64', detail: { loss: (l) => l.events, finding: (f) => f.events } },
  { name: 'bytes', type: 'UInt64', detail: { loss: (l) => l.bytes, finding: (f) => f.bytes } },
  { name: 'direction', type: WORD, detail: { loss: (l) => l.direction } },
  { name: 'message', type: 'String', detail: { loss: (l) => l.message, finding: (f) => f.message } },
  // The activity's own kind has the column `kind`.
  { name: 'finding_kind', type: WORD, detail: { finding: (f) => f.kind } },
  { name: 'subject', type: 'String', detail: { finding: (f) => f.subject } },

  { name: 'selected_by', type: WORD, detail: { session: (s) => s.selectedBy } },
  { name: 'command_line', type: 'String', detail: { session: (s) => s.commandLine } },
  { name: 'session_processes', type: 'UInt64', detail: { session: (s) => s.processes } },
  { name: 'session_commands', type: 'UInt64', detail: { session: (s) => s.commands } },
  { name: 'session_losses', type: 'UInt64', detail: { session: (s) => s.losses } },

  { name: 'version', type: WORD, detail: { recorder: (r) => r.version } },
  { name: 'kernel', type: WORD, detail: { recorder: (r) => r.kernel } },
  { name: 'boot_id', type: WORD, detail: { recorder: (r) => r.bootId } },

  { name: 'alert_id', type: 'String', detail: { alert: (a) => a.alertId } },
  { name: 'rule_id', type: WORD, detail: { alert: (a) => a.ruleId } },
  { name: 'rule_title', type: WORD, detail: { alert: (a) => a.ruleTitle } },
  { name: 'level', type: WORD, detail: { alert: (a) => a.level } },
  { name: 'matched_agent_id', type: WORD, detail: { alert: (a) => a.matchedAgentId } },
  { name: 'matched_seq', type: 'UInt64', detail: { alert: (a) => a.matchedSeq } },
  { name: 'summary', type: 'String', detail: { alert: (a) => a.summary } },

  { name: 'erased_identity', type: WORD, detail: { erasure: (e) => e.identity } },
  { name: 'predicate', type: 'String', detail: { erasure: (e) => e.predicate } },
  { name: 'requested_by', type: WORD, detail: { erasure: (e) => e.requestedBy } },
  { name: 'erased_activities', type: 'UInt64', detail: { erasure: (e) => e.activities } },
  { name: 'erased_agents', type: 'Map(LowCardinality(String), String)', detail: { erasure: (e) => e.agents } },
  { name: 'erased_digest_bytes', type: 'FixedString(32)', detail: { erasure: (e) => e.digest } },
  { name: 'tombstone_seq', type: 'UInt64', detail: { erasure: (e) => e.tombstoneSeq } },

  { name: 'terminal_id', type: 'String', detail: { terminal: (t) => t.terminalId } },
  { name: 'terminal_kind', type: WORD, detail: { terminal: (t) => t.kind } },
  { name: 'terminal_name', type: WORD, detail: { terminal: (t) => t.name } },
  { name: 'input', type: 'String', detail: { terminal: (t) => t.input } },
  { name: 'output', type: 'String', detail: { terminal: (t) => t.output } },
  { name: 'timing', type: 'String', detail: { terminal: (t) => t.timing } },
  { name: 'terminal_columns', type: 'UInt32', detail: { terminal: (t) => t.columns } },
  { name: 'terminal_rows', type: 'UInt32', detail: { terminal: (t) => t.rows } },
  { name: 'input_bytes', type: 'UInt64', detail: { terminal: (t) => t.inputBytes } },
  { name: 'output_bytes', type: 'UInt64', detail: { terminal: (t) => t.outputBytes } },
  { name: 'cut_bytes', type: 'UInt64', detail: { terminal: (t) => t.cutBytes } },
  { name: 'hidden_bytes', type: 'UInt64', detail: { terminal: (t) => t.hiddenBytes } },
];

/** How to read one column of an activity of one kind; undefined when that kind leaves the column at its zero. */
export function readerOf(column: Column, kind: Kind): ((activity: Activity, sender: Sender) => Value) | undefined {
  const { sender, shared } = column;
  const detail = column.detail?.[kind] as ((detail: unknown) => Value) | undefined;
  if (detail !== undefined) return (activity) => detail(activity[kind]);
  if (shared !== undefined) return (activity) => shared(activity);
  if (sender !== undefined) return (_activity, from) => sender(from);
  return undefined;
}

const columnByName = new Map(COLUMNS.map((column) => [column.name, column]));

export function findColumn(name: string): Column | undefined {
  return columnByName.get(name);
}
