// SPDX-License-Identifier: Apache-2.0

/**
 * Which fields of an activity a leaf binds, in which order and form, and which of them are payload: the field tables of
 * docs/RECORD.md. A test holds them against the .proto and against that page.
 */

/** Where the two fields stand that an activity does not carry, because its stream or its row does. */
export const AGENT_ID_NUMBER = 60;
export const HOST_NUMBER = 61;
/** What an activity carries that no leaf binds: it is what the leaf is made with, and the leaf itself. */
export const SALT_NUMBER = 40;
export const LEAF_NUMBER = 41;

export type FieldKind =
  | 'uint32'
  | 'uint64'
  /** Written also when it is zero; left out only when absent. */
  | 'optional-uint64'
  | 'fixed64'
  | 'bool'
  | 'text'
  | 'bytes'
  | 'texts'
  | 'map'
  | 'message';

export interface CanonicalField {
  readonly number: number;
  /** As in the generated code; `protoName` is that of the .proto and of the column. */
  readonly name: string;
  readonly protoName: string;
  readonly kind: FieldKind;
  /** May be erased later: only its salted digest goes into the leaf. */
  readonly payload: boolean;
  readonly fields: readonly CanonicalField[];
}

export interface CanonicalDetail {
  readonly number: number;
  readonly name: string;
  readonly fields: readonly CanonicalField[];
}

function field(
  number: number,
  protoName: string,
  kind: FieldKind,
  fields: readonly CanonicalField[] = [],
): CanonicalField {
  const name = protoName.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return { number, name, protoName, kind, payload: false, fields };
}

function payload(number: number, protoName: string, kind: FieldKind): CanonicalField {
  return { ...field(number, protoName, kind), payload: true };
}

/**
 * The fields of an activity beside its detail, in rising order: some stand before the detail, some behind it. `salt` and
 * `leaf` are not part of what the leaf binds.
 */
export const HEAD_FIELDS: readonly CanonicalField[] = [
  field(1, 'seq', 'uint64'),
  field(2, 'time_ns', 'fixed64'),
  field(3, 'end_time_ns', 'fixed64'),
  field(4, 'session_id', 'text'),
  field(5, 'workload', 'text'),
  field(6, 'identity_id', 'text'),
  field(7, 'identity_name', 'text'),
  field(8, 'identity_state', 'uint32'),
  field(9, 'identity_source', 'uint32'),
  field(10, 'token_id', 'text'),
  field(11, 'pid', 'uint32'),
  field(12, 'process_id', 'text'),
  field(13, 'exe', 'text'),
  field(14, 'connection_id', 'text'),
  field(15, 'identity_tenant', 'text'),
  field(16, 'identity_blueprint', 'text'),
  field(17, 'on_behalf_of_id', 'text'),
  field(18, 'on_behalf_of_name', 'text'),
  field(19, 'token_audience', 'text'),
  field(30, 'token_scopes', 'text'),
  field(31, 'token_fingerprint', 'text'),
  field(32, 'identity_kind', 'text'),
];

const BYTE_ACCOUNT_FIELDS: readonly CanonicalField[] = [
  field(1, 'moved', 'uint64'),
  field(2, 'decoded', 'uint64'),
  field(3, 'not_understood', 'uint64'),
  field(4, 'unreadable', 'uint64'),
  field(5, 'cut', 'uint64'),
  field(6, 'lost', 'uint64'),
];

/** Exactly one of these is present in an activity, and it is written even when all its fields are left out. */
export const DETAILS: readonly CanonicalDetail[] = [
  {
    number: 20,
    name: 'command',
    fields: [
      field(1, 'protocol', 'text'),
      field(2, 'operation', 'text'),
      field(3, 'target', 'text'),
      payload(4, 'resource', 'text'),
      payload(5, 'statement', 'text'),
      payload(6, 'statement_shape', 'text'),
      payload(7, 'parameters', 'text'),
      payload(8, 'request', 'bytes'),
      payload(9, 'response', 'bytes'),
      field(10, 'status', 'uint32'),
      field(11, 'error_code', 'text'),
      payload(12, 'error_message', 'text'),
      field(13, 'rows', 'optional-uint64'),
      field(14, 'request_bytes', 'uint64'),
      field(15, 'response_bytes', 'uint64'),
      field(16, 'truncated', 'bool'),
      field(17, 'request_payload_bytes', 'uint64'),
      field(18, 'response_payload_bytes', 'uint64'),
      payload(19, 'request_sha256', 'bytes'),
      payload(20, 'response_sha256', 'bytes'),
      field(21, 'tls', 'text'),
      field(22, 'role', 'uint32'),
      payload(23, 'attributes', 'map'),
      field(24, 'duration_ns', 'uint64'),
    ],
  },
  {
    number: 21,
    name: 'process',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'parent_pid', 'uint32'),
      field(3, 'parent_process_id', 'text'),
      payload(4, 'argv', 'texts'),
      field(5, 'argv_bytes', 'uint32'),
      field(6, 'truncated', 'bool'),
      payload(7, 'cwd', 'text'),
      field(8, 'uid', 'uint32'),
      field(9, 'gid', 'uint32'),
      field(10, 'login_uid', 'uint32'),
      field(11, 'cgroup', 'text'),
      field(12, 'container_id', 'text'),
      field(13, 'exit_code', 'uint32'),
      field(14, 'signal', 'uint32'),
      field(15, 'core_dumped', 'bool'),
    ],
  },
  {
    number: 22,
    name: 'connection',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'transport', 'text'),
      field(3, 'protocol', 'text'),
      field(4, 'role', 'uint32'),
      field(5, 'local_address', 'text'),
      field(6, 'local_port', 'uint32'),
      field(7, 'remote_address', 'text'),
      field(8, 'remote_port', 'uint32'),
      field(9, 'joined_late', 'bool'),
      field(10, 'error', 'text'),
      field(11, 'sent', 'message', BYTE_ACCOUNT_FIELDS),
      field(12, 'received', 'message', BYTE_ACCOUNT_FIELDS),
      field(13, 'tls', 'text'),
      field(14, 'server_name', 'text'),
      payload(15, 'attributes', 'map'),
    ],
  },
  {
    number: 23,
    name: 'token',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'fingerprint', 'text'),
      field(3, 'audience', 'text'),
      field(4, 'tenant_id', 'text'),
      payload(5, 'claims', 'text'),
      field(6, 'issued_at_ns', 'fixed64'),
      field(7, 'expires_at_ns', 'fixed64'),
      field(8, 'reason', 'text'),
      field(9, 'interface', 'text'),
      field(10, 'suspicious', 'bool'),
      field(11, 'holder_session_id', 'text'),
      field(12, 'holder_process_id', 'text'),
      field(13, 'count', 'uint64'),
      field(14, 'kind', 'text'),
      field(15, 'policy', 'text'),
      field(16, 'exe_sha256', 'text'),
    ],
  },
  {
    number: 24,
    name: 'loss',
    fields: [
      field(1, 'where', 'text'),
      field(2, 'reason', 'text'),
      field(3, 'events', 'uint64'),
      field(4, 'bytes', 'uint64'),
      field(5, 'direction', 'text'),
      field(6, 'message', 'text'),
    ],
  },
  {
    number: 25,
    name: 'session',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'selected_by', 'text'),
      payload(3, 'command_line', 'text'),
      field(4, 'processes', 'uint64'),
      field(5, 'commands', 'uint64'),
      field(6, 'losses', 'uint64'),
      field(7, 'exit_code', 'uint32'),
      field(8, 'signal', 'uint32'),
    ],
  },
  {
    number: 26,
    name: 'recorder',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'version', 'text'),
      field(3, 'kernel', 'text'),
      field(4, 'boot_id', 'text'),
      field(5, 'attributes', 'map'),
    ],
  },
  {
    number: 27,
    name: 'alert',
    fields: [
      field(1, 'alert_id', 'text'),
      field(2, 'rule_id', 'text'),
      field(3, 'rule_title', 'text'),
      field(4, 'level', 'text'),
      field(5, 'matched_agent_id', 'text'),
      field(6, 'matched_seq', 'uint64'),
      payload(7, 'summary', 'text'),
    ],
  },
  {
    number: 28,
    name: 'finding',
    fields: [
      field(1, 'kind', 'text'),
      field(2, 'subject', 'text'),
      payload(3, 'message', 'text'),
      field(4, 'events', 'uint64'),
      field(5, 'bytes', 'uint64'),
      payload(6, 'attributes', 'map'),
    ],
  },
  {
    number: 29,
    name: 'erasure',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'identity', 'text'),
      field(3, 'predicate', 'text'),
      field(4, 'reason', 'text'),
      field(5, 'requested_by', 'text'),
      field(6, 'activities', 'uint64'),
      field(7, 'agents', 'map'),
      field(8, 'digest', 'bytes'),
      field(9, 'tombstone_seq', 'uint64'),
    ],
  },
  {
    number: 33,
    name: 'terminal',
    fields: [
      field(1, 'terminal_id', 'text'),
      field(2, 'kind', 'text'),
      field(3, 'name', 'text'),
      payload(4, 'input', 'bytes'),
      payload(5, 'output', 'bytes'),
      payload(6, 'timing', 'text'),
      field(7, 'columns', 'uint32'),
      field(8, 'rows', 'uint32'),
      field(9, 'input_bytes', 'uint64'),
      field(10, 'output_bytes', 'uint64'),
      field(11, 'cut_bytes', 'uint64'),
      field(12, 'hidden_bytes', 'uint64'),
    ],
  },
];
