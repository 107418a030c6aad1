// SPDX-License-Identifier: Apache-2.0

/**
 * Which column of `sworn.activities` holds which field that a leaf binds: docs/RECORD.md, "From a row". Written apart from
 * what the collector writes rows with, so that a test can hold one against the other.
 */
import {
  CONNECTION_ACTIONS,
  ERASURE_ACTIONS,
  IDENTITY_SOURCES,
  IDENTITY_STATES,
  PROCESS_ACTIONS,
  RECORDER_ACTIONS,
  ROLES,
  SESSION_ACTIONS,
  STATUSES,
  TOKEN_ACTIONS,
  type Words,
} from '../../collector/model/activity.ts';
import { COLUMNS } from '../../collector/model/activity-row.ts';
import { type CanonicalField, DETAILS, HEAD_FIELDS } from '../../proto/leaf-fields.ts';

/** By `field` of the head or `detail.field`, where the column has another name than the field. */
const COLUMN_NAMES: Readonly<Record<string, string>> = {
  time_ns: 'time',
  end_time_ns: 'end_time',
  'command.request_sha256': 'request_sha256_bytes',
  'command.response_sha256': 'response_sha256_bytes',
  'connection.error': 'error_code',
  'token.issued_at_ns': 'issued_at',
  'token.expires_at_ns': 'expires_at',
  'token.kind': 'token_kind',
  'token.count': 'token_count',
  'loss.where': 'place',
  'finding.kind': 'finding_kind',
  'session.processes': 'session_processes',
  'session.commands': 'session_commands',
  'session.losses': 'session_losses',
  'erasure.identity': 'erased_identity',
  'erasure.activities': 'erased_activities',
  'erasure.agents': 'erased_agents',
  'erasure.digest': 'erased_digest_bytes',
  'terminal.kind': 'terminal_kind',
  'terminal.name': 'terminal_name',
  'terminal.columns': 'terminal_columns',
  'terminal.rows': 'terminal_rows',
};

/** Enums: their numbers are the places of the words. */
const WORDS: Readonly<Record<string, Words>> = {
  identity_state: IDENTITY_STATES,
  identity_source: IDENTITY_SOURCES,
  'command.status': STATUSES,
  'command.role': ROLES,
  'connection.role': ROLES,
  'process.action': PROCESS_ACTIONS,
  'connection.action': CONNECTION_ACTIONS,
  'token.action': TOKEN_ACTIONS,
  'session.action': SESSION_ACTIONS,
  'recorder.action': RECORDER_ACTIONS,
  'erasure.action': ERASURE_ACTIONS,
};

/** What a row has beside the columns of an activity. */
export const DIGESTS_COLUMN = { name: 'payload_digests', type: 'Map(LowCardinality(String), FixedString(32))' };
export const ERASURE_COLUMN = { name: 'erasure_seq', type: 'UInt64' };

export interface FieldInRow {
  readonly field: CanonicalField;
  /** `command.statement`, or the field's own name in the head. */
  readonly path: string;
  /** '' for a message, whose fields have columns of their own. */
  readonly column: string;
  readonly words: Words | undefined;
  readonly inner: readonly FieldInRow[];
}

export interface DetailInRow {
  readonly number: number;
  /** As the column `kind` has it. */
  readonly name: string;
  readonly fields: readonly FieldInRow[];
  /** Columns of other kinds, which are zero in a row of this one. */
  readonly foreign: readonly string[];
}

function inRow(detail: string, field: CanonicalField): FieldInRow {
  const path = detail === '' ? field.protoName : `${detail}.${field.protoName}`;
  const inner = field.fields.map((one) => ({
    field: one,
    path: `${path}.${one.protoName}`,
    column: `${field.protoName}_${one.protoName}`,
    words: undefined,
    inner: [],
  }));
  const column = field.kind === 'message' ? '' : (COLUMN_NAMES[path] ?? field.protoName);
  return { field, path, column, words: WORDS[path], inner };
}

export const HEAD_IN_ROW: readonly FieldInRow[] = HEAD_FIELDS.map((field) => inRow('', field));

const ALWAYS = new Set([
  'agent_id',
  'host',
  'kind',
  'salt_bytes',
  'leaf_bytes',
  ...HEAD_IN_ROW.map(({ column }) => column),
]);

export const DETAILS_IN_ROW: readonly DetailInRow[] = DETAILS.map(({ number, name, fields }) => {
  const own = fields.map((field) => inRow(name, field));
  const columns = new Set([...ALWAYS, ...own.flatMap((one) => [one.column, ...one.inner.map(({ column }) => column)])]);
  const foreign = COLUMNS.map((column) => column.name).filter((column) => !columns.has(column));
  return { number, name, fields: own, foreign };
});
