// SPDX-License-Identifier: Apache-2.0

/**
 * What share of what workloads sent and received was read, asked over the views `coverage`, `connections`, `findings` and
 * `losses`. The SQL is what `sworn coverage --sql` shows: one question each, with parameters.
 */
import type { CollectorClient } from './collector-client.ts';

export interface CoverageFilter {
  /** RFC 3339. Connections that ended in this time; losses and findings that reach into it. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly host?: string | undefined;
  /** Name or id. */
  readonly identity?: string | undefined;
  readonly protocol?: string | undefined;
  readonly session?: string | undefined;
}

export interface Question {
  readonly title: string;
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

/** Sums over connections that ended. 64-bit numbers are text. */
export interface CoverageSums {
  /** Those that moved anything. */
  readonly connections: string;
  readonly read_whole: string;
  readonly moved_bytes: string;
  readonly read_bytes: string;
  readonly cut_bytes: string;
  readonly not_understood_bytes: string;
  readonly unreadable_bytes: string;
  readonly lost_bytes: string;
  readonly joined_late: string;
  /** Connections whose account does not add up. */
  readonly violations: string;
}

export type CoverageGroup = CoverageSums & Readonly<Record<string, unknown>>;

export interface OpenConnections {
  readonly open: string;
  /** Opened, and neither ended nor seen again before their recorder was started anew. */
  readonly abandoned: string;
}

/** Why bytes were not read. Texts are '' where they say nothing. */
export interface UnreadReason {
  readonly cause: 'tls_unreadable' | 'ssh_unreadable' | 'unreadable' | 'not_understood' | 'loss';
  readonly reason: string;
  readonly program: string;
  readonly build_id: string;
  readonly library: string;
  readonly alpn: string;
  readonly destination: string;
  readonly bytes: string;
  readonly times: string;
}

/** What rows can be grouped by, and the column of that name over `sworn.coverage AS c`. */
export const GROUPINGS = {
  host: 'c.host',
  identity: "if(c.identity_name = '', c.identity_id, c.identity_name)",
  protocol: "if(c.protocol = '', 'unknown', c.protocol)",
  day: 'toString(toDate(c.end_time))',
  workload: 'c.workload',
  session: 'c.session_id',
  program: 'c.exe',
  destination: 'c.destination',
  tls: 'c.tls',
} as const;
export type Grouping = keyof typeof GROUPINGS;

const GROUPS_MAX = 1000;

const SUMS = `countIf(c.moved_bytes > 0) AS connections,
  countIf(c.moved_bytes > 0 AND c.read_bytes = c.moved_bytes) AS read_whole,
  sum(c.moved_bytes) AS moved_bytes, sum(c.read_bytes) AS read_bytes, sum(c.cut_bytes) AS cut_bytes,
  sum(c.not_understood_bytes) AS not_understood_bytes, sum(c.unreadable_bytes) AS unreadable_bytes,
  sum(c.lost_bytes) AS lost_bytes, countIf(c.joined_late) AS joined_late, countIf(NOT c.adds_up) AS violations`;

export function sumsQuestion(filter: CoverageFilter): Question {
  const sql = `SELECT ${SUMS}\nFROM sworn.coverage AS c${where(ended(filter, 'c'))}`;
  return { title: 'all', sql, parameters: parametersOf(filter) };
}

export function groupsQuestion(filter: CoverageFilter, by: readonly Grouping[]): Question {
  const names = by.map((one) => `${GROUPINGS[one]} AS by_${one}`).join(', ');
  const order = by[0] === 'day' ? 'by_day, moved_bytes DESC' : 'moved_bytes DESC';
  const sql = `SELECT ${names},\n  ${SUMS}\nFROM sworn.coverage AS c${where(ended(filter, 'c'))}
GROUP BY ALL ORDER BY ${order} LIMIT ${GROUPS_MAX}`;
  return { title: `by ${by.join(', ')}`, sql, parameters: parametersOf(filter) };
}

/** A connection is of no known protocol before it ends, so the filter by protocol does not count here. */
export function openQuestion(filter: CoverageFilter): Question {
  const { since, protocol: _, ...rest } = filter;
  const conditions = [...who(rest, 'c'), ...(rest.until === undefined ? [] : [`c.time < ${TIME('until')}`])];
  const seen = since === undefined ? '' : ` AND o.seen >= ${TIME('since')}`;
  const sql = `SELECT countIf(o.seq > r.seq) AS open, countIf(o.seq <= r.seq${seen}) AS abandoned
FROM (SELECT c.agent_id AS agent_id, c.connection_id AS connection_id, max(c.seq) AS seq, max(c.end_time) AS seen
      FROM sworn.connections AS c${where(conditions)}
      GROUP BY c.agent_id, c.connection_id
      HAVING maxIf(c.end_time, c.action = 'opened') > maxIf(c.end_time, c.action != 'opened')) AS o
LEFT JOIN (SELECT agent_id, max(seq) AS seq FROM sworn.recorders WHERE action = 'started' GROUP BY agent_id) AS r
  ON r.agent_id = o.agent_id`;
  return { title: 'open', sql, parameters: parametersOf({ ...rest, since }) };
}

/** The largest first. What a finding explains is told by the finding; other bytes by their connection. */
export function reasonsQuestion(filter: CoverageFilter, rows: number): Question {
  const program = (f: string) => `if(${f}.attributes['exe'] = '', ${f}.exe, ${f}.attributes['exe'])`;
  const hidden = (f: string) => `${f}.kind IN ('tls_unreadable', 'ssh_unreadable')`;
  const told = [hidden('t'), ...reaching(filter, 't')];
  const unread = ended(filter, 'c');
  const sql = `SELECT cause, reason, program, build_id, library, alpn, destination, sum(part_bytes) AS bytes, sum(part_times) AS times
FROM (
  SELECT f.kind AS cause, f.attributes['reason'] AS reason, ${program('f')} AS program,
    f.attributes['build_id'] AS build_id, f.attributes['library'] AS library, f.attributes['alpn'] AS alpn,
    arrayStringConcat(arrayFilter(text -> text != '', [f.attributes['server_name'], f.attributes['destination']]), ' at ') AS destination,
    f.bytes AS part_bytes, f.events AS part_times
  FROM sworn.findings AS f${where([hidden('f'), ...reaching(filter, 'f')], '  ')}
  UNION ALL
  SELECT 'unreadable', 'no finding', c.exe, '', '', '', c.destination, c.unreadable_bytes, 1
  FROM sworn.coverage AS c${where(
    [
      'c.unreadable_bytes > 0',
      ...unread,
      `(c.agent_id, c.connection_id) NOT IN (SELECT t.agent_id, t.connection_id FROM sworn.findings AS t${where(told, '    ')})`,
      `(c.agent_id, c.session_id, c.exe) NOT IN (SELECT t.agent_id, t.session_id, ${program('t')} FROM sworn.findings AS t${where([...told, "t.connection_id = ''"], '    ')})`,
    ],
    '  ',
  )}
  UNION ALL
  SELECT 'not_understood', if(c.protocol = '', 'unknown', c.protocol), c.exe, '', '', '', c.destination, c.not_understood_bytes, 1
  FROM sworn.coverage AS c${where(['c.not_understood_bytes > 0', ...unread], '  ')}
  UNION ALL
  SELECT 'loss', concat(l.place, '/', l.reason), l.exe, '', '', '', '', l.bytes, l.events
  FROM sworn.losses AS l${where(reaching(filter, 'l'), '  ')}
)
GROUP BY ALL ORDER BY bytes DESC, times DESC, cause, reason, program, destination LIMIT {rows:UInt32}`;
  return { title: 'why not', sql, parameters: { ...parametersOf(filter), rows } };
}

/** The rows whose account does not add up: moved is not decoded + not understood + unreadable + cut + lost. */
export function violationsQuestion(filter: CoverageFilter, rows: number): Question {
  const sql = `SELECT c.host AS host, c.agent_id AS agent_id, c.seq AS seq, c.connection_id AS connection_id, c.moved_bytes AS moved_bytes
FROM sworn.coverage AS c${where(['NOT c.adds_up', ...ended(filter, 'c')])}
ORDER BY c.agent_id, c.seq LIMIT {rows:UInt32}`;
  return { title: 'accounts that do not add up', sql, parameters: { ...parametersOf(filter), rows } };
}

/** Errors: CliError, as the client's. */
export async function askOne<T>(client: CollectorClient, { sql, parameters }: Question): Promise<T> {
  return (await client.rows<T>(sql, parameters))[0] as T;
}

const TIME = (name: string): string => `{${name}:DateTime64(3, 'UTC')}`;

function who(filter: CoverageFilter, table: string): string[] {
  const { host, identity, session } = filter;
  return [
    ...(host === undefined ? [] : [`${table}.host = {host:String}`]),
    ...(identity === undefined
      ? []
      : [`(${table}.identity_id = {identity:String} OR ${table}.identity_name = {identity:String})`]),
    ...(session === undefined ? [] : [`${table}.session_id = {session:String}`]),
  ];
}

/** Connections have their account when they end. */
function ended(filter: CoverageFilter, table: string): string[] {
  return [
    ...who(filter, table),
    ...(filter.protocol === undefined ? [] : [`${table}.protocol = {protocol:String}`]),
    ...(filter.since === undefined ? [] : [`${table}.end_time >= ${TIME('since')}`]),
    ...(filter.until === undefined ? [] : [`${table}.end_time < ${TIME('until')}`]),
  ];
}

/** Losses and findings are of a span of time, and of a protocol by their connection. */
function reaching(filter: CoverageFilter, table: string): string[] {
  return [
    ...who(filter, table),
    ...(filter.protocol === undefined
      ? []
      : [
          `(${table}.agent_id, ${table}.connection_id) IN (SELECT agent_id, connection_id FROM sworn.coverage WHERE protocol = {protocol:String})`,
        ]),
    ...(filter.since === undefined ? [] : [`${table}.end_time >= ${TIME('since')}`]),
    ...(filter.until === undefined ? [] : [`${table}.time < ${TIME('until')}`]),
  ];
}

function where(conditions: readonly string[], indent = ''): string {
  return conditions.length === 0 ? '' : `\n${indent}WHERE ${conditions.join(' AND ')}`;
}

function parametersOf(filter: CoverageFilter): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries(filter) as [string, string | undefined][]) {
    if (value === undefined) continue;
    // ClickHouse reads times without the letters of RFC 3339.
    parameters[name] = name === 'since' || name === 'until' ? value.replace('T', ' ').replace('Z', '') : value;
  }
  return parameters;
}
