// SPDX-License-Identifier: Apache-2.0

/**
 * The record against the server's own log: the same statements, with the same parameters, errors and notices, once each,
 * in the same order, on each connection.
 */
import type { LoggedStatement } from './server-log.ts';

/** What is needed of a recorded command. */
export interface SeenCommand {
  readonly connectionId: string;
  /** The workload's port of that connection: the server's log has it as the client's. 0 of a unix socket. */
  readonly localPort: number;
  readonly operation: string;
  readonly resource: string;
  readonly statement: string;
  /** JSON array, or ''. */
  readonly parameters: string;
  readonly status: string;
  readonly errorCode: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Match<Seen> {
  readonly logged: LoggedStatement;
  /** Several when one query held several statements. */
  readonly recorded: readonly Seen[];
}

export interface Difference {
  readonly serverPid: number;
  readonly logged: string | undefined;
  readonly recorded: string | undefined;
}

export interface Comparison<Seen> {
  readonly matches: readonly Match<Seen>[];
  readonly missing: readonly Difference[];
  readonly doubled: readonly Difference[];
  readonly altered: readonly Difference[];
  /** Commands of the record that the log has no line for, by operation, or 'skipped': README.md says which those are. */
  readonly unlogged: Readonly<Record<string, readonly Seen[]>>;
}

/** Of the record, and not statements that a server logs as such. */
const NOT_LOGGED = new Set([
  ...['LOGIN', 'SSL REQUEST', 'GSSENC REQUEST', 'CANCEL', 'TERMINATE', 'DISCONNECT'],
  ...['DESCRIBE', 'CLOSE', 'SYNC', 'FLUSH', 'NOTIFICATION', 'NOTICE', 'PARAMETER STATUS'],
]);

/** PREPARE and CLOSE are messages of the protocol, with the statement that they are about, or SQL that begins so. */
function isMessage({ operation, statement }: SeenCommand, names: ReadonlySet<string>): boolean {
  return names.has(operation) && !statement.trimStart().toUpperCase().startsWith(operation);
}

const PREPARE = new Set(['PREPARE']);

/** One line of the log, in terms of the record. */
interface Entry<Seen> {
  readonly parts: readonly Seen[];
  readonly errorCode: string;
  readonly notices: readonly string[];
}

/** `recorded` in the order of the record. */
export function compareWithLog<Seen extends SeenCommand>(
  logged: readonly LoggedStatement[],
  recorded: readonly Seen[],
): Comparison<Seen> {
  const unlogged: Record<string, Seen[]> = {};
  const said = groupedBy(logged, ({ serverPid }) => serverPid);
  const seen = groupedBy(recorded, serverPidsOf(logged, recorded));
  const all = { matches: [] as Match<Seen>[], missing: [] as Difference[], doubled: [] as Difference[], altered: [] };
  for (const serverPid of new Set([...said.keys(), ...seen.keys()])) {
    const entries = entriesOf(seen.get(serverPid) ?? [], unlogged);
    align(serverPid, said.get(serverPid) ?? [], entries, all);
  }
  return { ...all, unlogged };
}

/** A recorded connection is the server's process that its login was told of; else the one that the port leads to. */
function serverPidsOf<Seen extends SeenCommand>(
  logged: readonly LoggedStatement[],
  recorded: readonly Seen[],
): (command: Seen) => number {
  const byConnection = new Map<string, number>();
  for (const { connectionId, operation, attributes } of recorded) {
    const pid = attributes['backend_pid'];
    if (operation === 'LOGIN' && pid !== undefined) byConnection.set(connectionId, Number(pid));
  }
  const byPort = new Map(logged.map(({ clientPort, serverPid }) => [clientPort, serverPid]));
  byPort.delete(0);
  return ({ connectionId, localPort }) => byConnection.get(connectionId) ?? byPort.get(localPort) ?? 0;
}

/**
 * A simple query of several statements is one line of the log and one command each in the record. They are put together
 * again: the text must be the whole, but for what stands between statements.
 */
function entriesOf<Seen extends SeenCommand>(commands: readonly Seen[], unlogged: Record<string, Seen[]>) {
  const entries: Entry<Seen>[] = [];
  let open: { parts: Seen[]; errorCode: string; notices: string[] } | undefined;
  for (const command of commands) {
    const { attributes, operation, errorCode } = command;
    const count = Number(attributes['statement_count'] ?? 1);
    const index = Number(attributes['statement_index'] ?? 1);
    const notices = JSON.parse(attributes['notices'] ?? '[]') as string[];
    const unsaid =
      attributes['skipped'] === 'true' ? 'skipped' : isMessage(command, NOT_LOGGED) ? operation : undefined;
    if (count > 1 && index > 1 && open !== undefined) {
      open.parts.push(command);
      open.errorCode ||= errorCode;
      open.notices.push(...notices);
    } else if (unsaid !== undefined) {
      unlogged[unsaid] = [...(unlogged[unsaid] ?? []), command];
    } else {
      const entry = { parts: [command], errorCode, notices };
      open = count > 1 ? entry : undefined;
      entries.push(entry);
    }
  }
  return entries;
}

function same<Seen extends SeenCommand>(logged: LoggedStatement, recorded: Entry<Seen>): boolean {
  const [first] = recorded.parts as [Seen];
  if ((logged.error?.code ?? '') !== recorded.errorCode) return false;
  if (JSON.stringify(logged.notices) !== JSON.stringify(recorded.notices)) return false;
  if (logged.kind !== 'refused' && (logged.kind === 'prepare') !== isMessage(first, PREPARE)) return false;
  if ((logged.kind === 'call') !== (first.operation === 'FUNCTION CALL')) return false;
  if (logged.name !== undefined && logged.name !== (first.attributes['statement_name'] ?? '')) return false;
  if (!sameParameters(logged, first)) return false;
  return logged.kind === 'call' ? logged.text === first.resource : sameText(logged.text, recorded);
}

function sameText<Seen extends SeenCommand>(logged: string, { parts, errorCode }: Entry<Seen>): boolean {
  const [first] = parts as [Seen];
  if (parts.length === 1) return trimmed(logged) === trimmed(first.statement);
  let rest = logged;
  for (const { statement } of parts) {
    const text = trimmed(statement);
    const at = rest.indexOf(text);
    if (at < 0 || !BETWEEN.test(rest.slice(0, at))) return false;
    rest = rest.slice(at + text.length);
  }
  // What follows an error was never run, and is not part of what happened.
  return errorCode !== '' || BETWEEN.test(rest);
}

/** White space, semicolons and comments. */
const BETWEEN = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*$/;

/** The log leaves out white space and the semicolon at the end of a statement, now and then. */
function trimmed(text: string): string {
  return text.trim().replace(/(?:\s*;)+$/, '');
}

function sameParameters({ kind, parameters: said }: LoggedStatement, { parameters: json }: SeenCommand): boolean {
  // Of a Parse there are none, and what failed before its values were read has none in the log.
  if (said === undefined || kind === 'prepare') return true;
  const seen = json === '' ? [] : (JSON.parse(json) as (string | null)[]);
  return seen.length === said.length && seen.every((value, index) => sameValue(said[index] as string | null, value));
}

/**
 * The record has a value as the client wrote it, the log as the server writes one of that type: `t` for `true`, `7` for
 * `007`. Only such spellings are taken for equal here; that the record has what the client wrote is compared with the client.
 */
function sameValue(logged: string | null, recorded: string | null): boolean {
  if (logged === recorded) return true;
  if (logged === null || recorded === null) return false;
  // A value in binary whose type nobody told, which only a bytea is in text as well.
  if (logged.startsWith('\\x')) return recorded === `binary(0) ${logged}`;
  if (logged === 't' || logged === 'f') return recorded.toLowerCase() === (logged === 't' ? 'true' : 'false');
  if (/^[-+\d.eE]+$/.test(logged) && recorded.trim() !== '') return Number(logged) === Number(recorded);
  if (/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(logged)) return instantOf(logged) === instantOf(recorded);
  if (!/^[[{]/.test(logged)) return false;
  // An array is quoted where it needs to be; other braces are those of JSON.
  return logged === recorded.replace(/"([^"\\,{}\s]+)"/g, '$1') || canonicalJson(logged) === canonicalJson(recorded);
}

function instantOf(text: string): number {
  return Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
}

/** As jsonb: keys in one order, no white space that says nothing. NaN-like for what is no JSON, so that it equals nothing. */
function canonicalJson(text: string): string | symbol {
  try {
    const sorted = (_key: string, value: unknown): unknown =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value;
    return JSON.stringify(JSON.parse(text), sorted);
  } catch {
    return Symbol();
  }
}

interface Findings<Seen> {
  readonly matches: Match<Seen>[];
  readonly missing: Difference[];
  readonly doubled: Difference[];
  readonly altered: Difference[];
}

/** How far ahead it is looked for the place where both meet again. */
const AHEAD_MAX = 50;

/** Walks both in step; where they part, the nearest place where they meet again decides what is missing or too much. */
function align<Seen extends SeenCommand>(
  serverPid: number,
  said: readonly LoggedStatement[],
  seen: readonly Entry<Seen>[],
  into: Findings<Seen>,
): void {
  const note = (kind: 'missing' | 'doubled' | 'altered', a?: LoggedStatement, b?: Entry<Seen>): void => {
    into[kind].push({ serverPid, logged: a && shownLogged(a), recorded: b && shownRecorded(b) });
  };
  let i = 0;
  let j = 0;
  while (i < said.length || j < seen.length) {
    const a = said[i];
    const b = seen[j];
    if (a !== undefined && b !== undefined && same(a, b)) {
      into.matches.push({ logged: a, recorded: b.parts });
      i++;
      j++;
    } else if (a !== undefined && b !== undefined) {
      const skipSeen = seen.slice(j + 1, j + AHEAD_MAX).findIndex((one) => same(a, one));
      const skipSaid = said.slice(i + 1, i + AHEAD_MAX).findIndex((one) => same(one, b));
      if (skipSeen >= 0 && (skipSaid < 0 || skipSeen <= skipSaid)) note('doubled', undefined, seen[j++]);
      else if (skipSaid >= 0) note('missing', said[i++]);
      else note('altered', said[i++], seen[j++]);
    } else if (a !== undefined) {
      note('missing', said[i++]);
    } else {
      note('doubled', undefined, seen[j++]);
    }
  }
}

const SHOWN_MAX = 500;

function shownLogged({ kind, name, text, parameters, error, notices }: LoggedStatement): string {
  return shown(`${kind} ${name ?? ''}`, text, JSON.stringify(parameters ?? null), error?.code ?? '', notices);
}

function shownRecorded<Seen extends SeenCommand>({ parts, errorCode, notices }: Entry<Seen>): string {
  const [{ operation, attributes, parameters }] = parts as [Seen];
  const text = parts.map(({ statement }) => statement).join(' ; ');
  return shown(`${operation} ${attributes['statement_name'] ?? ''}`, text, parameters, errorCode, notices);
}

function shown(head: string, text: string, parameters: string, errorCode: string, notices: readonly string[]): string {
  const body = `${text} ${parameters}`;
  const cut = body.length > SHOWN_MAX ? `${body.slice(0, SHOWN_MAX)}… (${body.length})` : body;
  return `[${head.trim()}] ${cut} ${errorCode} ${notices.join(', ')}`.trim();
}

function groupedBy<T>(all: readonly T[], keyOf: (one: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
